"""What screens with a long, filtered list share: windows of it, and beginning anew with another filter."""

from __future__ import annotations

from typing import Any, TypeVar

from screens.lab_screen import LabScreen
from screens.widgets.filter_line import FilterLine
from screens.widgets.paged_table import PagedTable

S = TypeVar("S")


class ListScreen(LabScreen[S]):
    """Has one filter line and one paged table; subclasses read from `window_start` what the filter leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""
        self.window_start = 0

    @property
    def table(self) -> PagedTable[Any]:
        """The list."""
        return self.query_one(PagedTable)

    def on_paged_table_turned(self, event: PagedTable.Turned) -> None:
        """The cursor came near the end of the window."""
        event.stop()
        if event.offset != self.window_start:
            self.window_start = event.offset
            self.look_again()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        """Another list."""
        event.stop()
        self.filter_text = event.text
        self.begin_again()

    def begin_again(self) -> None:
        """Read another list, from its first row on."""
        self.window_start = 0
        self.table.go_to_start()
        self.look_again()

    def do_filter(self) -> None:
        """Type into the line above the list."""
        self.query_one(FilterLine).open()
