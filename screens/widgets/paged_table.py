"""A table that holds a window of a long list; the list itself stays in the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from textual.message import Message

from screens.widgets.lab_table import LabTable, TableColumn

R = TypeVar("R")
EDGE = 80
"""So near to an end of the window the next one is asked for: more than a page of a tall terminal."""


class PagedTable(LabTable[R]):
    """Asks for another window as the cursor nears the end of this one."""

    class Turned(Message):
        """Rows from `offset` on are wanted."""

        def __init__(self, table: PagedTable[Any], offset: int) -> None:
            super().__init__()
            self.table = table
            self.offset = offset

        @property
        def control(self) -> PagedTable[Any]:
            """The table."""
            return self.table

    def __init__(
        self,
        columns: Sequence[TableColumn[R]],
        *,
        step: int,
        id: str | None = None,
        marks: bool = False,
    ) -> None:
        """step: how far a window moves; windows overlap, so that the cursor's row is in both."""
        super().__init__(columns, id=id, marks=marks)
        self._step = step
        self.first = 0
        """Where in the list the window begins."""
        self.total = 0
        self._going_to: int | None = None

    @property
    def place(self) -> int:
        """Number of the row under the cursor in the whole list, from 1; 0 for an empty list."""
        return self.first + self.cursor_row + 1 if self.total else 0

    def show_page(self, rows: Mapping[str, R], offset: int, total: int) -> None:
        """Show a window of a list of `total` rows that begins at row `offset`."""
        height = self.cursor_row - self.scroll_offset.y
        moved = offset != self.first
        self.first, self.total = offset, total
        self.show(rows)
        if self._going_to is not None and rows:
            row = max(0, min(self._going_to - offset, len(rows) - 1))
            self._going_to = None
            self.choose(list(rows)[row])
        elif moved:
            # The cursor's row stays where it was on the screen.
            self.scroll_to(y=max(0, self.cursor_row - height), animate=False, force=True)

    def go_to_start(self) -> None:
        """The cursor belongs on the first row of what is shown next: it is another list."""
        self._going_to = 0
        self.first = 0

    def action_scroll_top(self) -> None:
        """The first row of the list."""
        if self.first:
            self._going_to = 0
            self.post_message(self.Turned(self, 0))
        else:
            super().action_scroll_top()

    def action_scroll_bottom(self) -> None:
        """The last row of the list."""
        if self.first + self.row_count < self.total:
            self._going_to = self.total - 1
            last = max(0, -(-self.total // self._step) - 2) * self._step
            self.post_message(self.Turned(self, last))
        else:
            super().action_scroll_bottom()

    def _follow_cursor(self) -> None:
        super()._follow_cursor()
        if self._going_to is not None:
            return
        if self.cursor_row >= self.row_count - EDGE and self.first + self.row_count < self.total:
            self.post_message(self.Turned(self, self.first + self._step))
        elif self.cursor_row < EDGE and self.first:
            self.post_message(self.Turned(self, max(0, self.first - self._step)))
