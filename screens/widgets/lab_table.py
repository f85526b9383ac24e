"""Tables that are brought up to date in place: the cursor stays on its row, columns give way by priority."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rich.text import Text
from textual.binding import Binding
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import DataTable

from synthlab.text import safe_line

R = TypeVar("R")
GAP = 2
"""Cells that the framework puts around the text of a column."""
MARK = "●"


@dataclass(frozen=True)
class TableColumn(Generic[R]):
    """One column of a table of rows R."""

    title: str
    show: Callable[[R], Content]
    width: int
    priority: int = 1
    """Where there is no room, columns of the highest number go first; 0 stays."""
    grows: bool = False
    """Takes what room is left."""
    right: bool = False


class LabTable(DataTable[Content], Generic[R]):
    """Rows by key. `space` marks, arrows and `j k` move, `enter` opens."""

    BINDINGS = [
        Binding("j", "cursor_down", "down", show=False, id="table.down"),
        Binding("k", "cursor_up", "up", show=False, id="table.up"),
        Binding("h", "page_up", "page up", show=False, id="table.page-up"),
        Binding("l", "page_down", "page down", show=False, id="table.page-down"),
        Binding("home", "scroll_top", "first", show=False, id="table.first"),
        Binding("end", "scroll_bottom", "last", show=False, id="table.last"),
    ]

    DEFAULT_CSS = """
    LabTable { height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
    """

    class Chosen(Message):
        """The cursor came to another row."""

        def __init__(self, table: LabTable[Any], key: str | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> LabTable[Any]:
            """The table."""
            return self.table

    class Opened(Chosen):
        """`enter` on a row."""

    def __init__(
        self,
        columns: Sequence[TableColumn[R]],
        *,
        id: str | None = None,
        marks: bool = False,
        watches_top: bool = False,
    ) -> None:
        """watches_top: a cursor on the first row stays first, whichever row that becomes."""
        super().__init__(id=id, cursor_type="row", cursor_foreground_priority="renderable")
        self._all = tuple(columns)
        self._fitting: tuple[tuple[TableColumn[R], int], ...] = ()
        self._has_marks = marks
        self._watches_top = watches_top
        self._rows: dict[str, R] = {}
        self._cells: dict[str, tuple[Content, ...]] = {}
        self.marked: tuple[str, ...] = ()
        """Keys of the marked rows, in the order of marking."""
        self._cursor_key: str | None = None

    @property
    def chosen(self) -> str | None:
        """Key of the row under the cursor."""
        return self._cursor_key

    @property
    def chosen_row(self) -> R | None:
        """The row under the cursor."""
        return self._rows.get(self._cursor_key) if self._cursor_key else None

    @property
    def keys_shown(self) -> tuple[str, ...]:
        """Keys of all rows, from the top."""
        return tuple(self._rows)

    def row(self, key: str) -> R | None:
        """The row of a key."""
        return self._rows.get(key)

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go one down."""
        key = self._cursor_key
        if key is None:
            return
        self.set_marks(
            tuple(k for k in self.marked if k != key) if key in self.marked else (*self.marked, key)
        )
        self.action_cursor_down()

    def set_marks(self, keys: Sequence[str]) -> None:
        """Mark exactly these."""
        changed = set(keys) ^ set(self.marked)
        self.marked = tuple(keys)
        for key in changed & set(self._rows):
            self._update(key, self._rows[key])

    def set_columns(self, columns: Sequence[TableColumn[R]]) -> None:
        """Show other columns of the same rows."""
        self._all = tuple(columns)
        self._fit()

    def show(self, rows: Mapping[str, R]) -> None:
        """Bring the table to these rows. Rows that stay are updated in place, cell by cell."""
        self._fit()
        if list(rows)[: len(self._rows)] == list(self._rows):
            for key, row in rows.items():
                if key in self._rows:
                    self._update(key, row)
                else:
                    self._append(key, row)
        else:
            self._refill(rows)
        if self._cursor_key not in self._rows:
            self._cursor_key = None
        if self._rows and (self._cursor_key is None or self._watches_top):
            self._follow_cursor()

    def choose(self, key: str) -> bool:
        """Put the cursor on a row; False if it is not there."""
        if key not in self._rows:
            return False
        self.move_cursor(row=self.get_row_index(key), animate=False)
        if key != self._cursor_key:
            self._cursor_key = key
            self.post_message(self.Chosen(self, key))
        return True

    def on_resize(self, event: Resize) -> None:
        """Other columns fit."""
        if self._fit():
            rows, self._rows = self._rows, {}
            self._refill(rows)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Tell the screen in terms of keys."""
        event.stop()
        self._follow_cursor()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """`enter` or a click on the row under the cursor."""
        event.stop()
        self._follow_cursor()
        if self._cursor_key is not None:
            self.post_message(self.Opened(self, self._cursor_key))

    def _follow_cursor(self) -> None:
        keys = list(self._rows)
        key = keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None
        if key != self._cursor_key:
            self._cursor_key = key
            self.post_message(self.Chosen(self, key))

    def _refill(self, rows: Mapping[str, R]) -> None:
        kept = None if self._watches_top and self.cursor_row == 0 else self._cursor_key
        with self.prevent(DataTable.RowHighlighted):
            self.clear()
            self._rows, self._cells = {}, {}
            for key, row in rows.items():
                self._append(key, row)
            if kept in self._rows:
                self.move_cursor(row=self.get_row_index(kept), animate=False)

    def _append(self, key: str, row: R) -> None:
        cells = self._make(key, row)
        self._rows[key], self._cells[key] = row, cells
        self.add_row(*cells, key=key)

    def _update(self, key: str, row: R) -> None:
        cells = self._make(key, row)
        self._rows[key] = row
        for (column, _), new, old in zip(self._fitting, cells, self._cells[key], strict=True):
            if new != old or new.spans != old.spans:
                self.update_cell(key, column.title, new, update_width=False)
        self._cells[key] = cells

    def _make(self, key: str, row: R) -> tuple[Content, ...]:
        cells = []
        for number, (column, width) in enumerate(self._fitting):
            content = column.show(row)
            if self._has_marks and number == 0:
                mark = (
                    Content.styled(f"{MARK} ", "bold $accent")
                    if key in self.marked
                    else Content("  ")
                )
                content = mark + content
            if content.cell_length > width:
                content = content.truncate(width, ellipsis=True)
            elif column.right:
                content = Content(" " * (width - content.cell_length)) + content
            cells.append(content)
        return tuple(cells)

    def _fit(self) -> bool:
        """Choose the columns that have room; True if they are others than before."""
        room = (self.size.width or 80) - 1
        chosen = list(self._all)
        while len(chosen) > 1 and sum(c.width + GAP for c in chosen) > room:
            least = max(chosen, key=lambda column: column.priority)
            if least.priority == 0:
                break
            chosen.remove(least)
        spare = max(0, room - sum(c.width + GAP for c in chosen))
        growing = sum(c.grows for c in chosen)
        fitting = tuple((c, c.width + (spare // growing if c.grows else 0)) for c in chosen)
        if fitting == self._fitting:
            return False
        self._fitting = fitting
        self.clear(columns=True)
        self._cells = {}
        for column, width in fitting:
            self.add_column(Text(safe_line(column.title)), key=column.title, width=width)
        if self._rows:
            rows, self._rows = self._rows, {}
            self._refill(rows)
        return True
