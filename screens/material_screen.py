"""What the lists of sources, mixtures and checkpoints share: filter, order, pages, marks, the detail pane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from screens.actions import Action
from screens.empty_words import nothing_in_lab
from screens.lab_screen import PANE_ACTIONS
from screens.list_screen import ListScreen
from screens.live import Query, Reading
from screens.material_words import detail_facts
from screens.pane_screen import entitle
from screens.safety import line
from screens.snapshots.material import STEP, Detail, Page, Wanted
from screens.theme import STYLES
from screens.widgets.facts import Facts
from screens.widgets.filter_line import FilterLine
from screens.widgets.lab_table import TableColumn
from screens.widgets.paged_table import PagedTable


def material_actions(place: str, thing: str) -> tuple[Action, ...]:
    """Actions that each of the lists has, under ids of its own."""
    return (
        Action(
            f"{place}.open",
            "enter",
            "run",
            f"the run that made the chosen {thing}",
            "synthlab show {run}",
        ),
        Action(f"{place}.filter", "slash", "filter", "filter the list: field:text field>=1 words"),
        Action(f"{place}.order", "o", "order", "the next order of the list"),
        Action(
            f"{place}.lineage",
            "w",
            "lineage",
            f"what the chosen {thing} was made of",
            "synthlab lineage {run}",
        ),
        Action(
            f"{place}.unmask",
            "m",
            "show",
            "show texts of harmful sets, or mask them again",
            hidden=True,
        ),
    )


class MaterialScreen(ListScreen[Page[Any]]):
    """A list with the thing under the cursor beside it."""

    CSS_PATH = STYLES / "material.tcss"
    PANES = ("list-pane", "about")
    ORDERS: ClassVar[Mapping[str, str]] = {"newest": ""}
    """Name of an order → SQL; the first is in force at the start."""
    FILTER_HINT: ClassVar[str] = ""
    EMPTY: ClassVar[str] = ""
    MARKS: ClassVar[bool] = False
    ACTIONS: ClassVar[tuple[Action, ...]] = PANE_ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._order = next(iter(self.ORDERS))
        self._unmasked: str | None = None
        """Key of the row whose harmful texts were asked for."""

    def columns(self) -> Sequence[TableColumn[Any]]:
        """Of the list."""
        raise NotImplementedError

    def read_page(self, reading: Reading, wanted: Wanted) -> Page[Any]:
        """A window of the list, in the reader's thread."""
        raise NotImplementedError

    def picture(self, row: Any) -> Sequence[Content]:
        """Lines that stand below the facts of the chosen row."""
        return ()

    def body(self) -> ComposeResult:
        """Filter, list, detail."""
        yield FilterLine(self.FILTER_HINT)
        with Horizontal(id="both"):
            with Vertical(id="list-pane", classes="pane"):
                yield PagedTable[Any](self.columns(), step=STEP, id="list", marks=self.MARKS)
            yield Facts(id="about")
        yield Static(id="welcome")

    def on_mount(self) -> None:
        """Titles and focus."""
        about = self.query_one("#about")
        about.add_class("pane")
        about.border_title = line("2 detail")
        self.table.focus()

    def reads(self) -> Query:
        """A window as it is filtered and ordered now."""
        chosen = self.table.chosen if self.is_mounted else None
        order = self.ORDERS[self._order]
        unmask = chosen is not None and chosen == self._unmasked
        wanted = Wanted(self.filter_text, order, self.window_start, chosen, unmask)
        return lambda reading: self.read_page(reading, wanted)

    def show(self, snapshot: Page[Any]) -> None:
        """List, place in it, detail."""
        self.set_class(not snapshot.has_any, "-empty")
        if not snapshot.has_any:
            self.query_one("#welcome", Static).update(
                nothing_in_lab(self.EMPTY, "launches an experiment, which makes some")
            )
            return
        self.window_start = snapshot.offset
        rows = {row.key: row for row in snapshot.rows}
        self.table.show_page(rows, snapshot.offset, snapshot.total)
        self._tell_title()
        self._show_detail(snapshot.detail)

    def _show_detail(self, detail: Detail | None) -> None:
        facts = self.query_one("#about", Facts)
        if detail is None:
            facts.say(line("nothing passes the filter" if self.filter_text else ""))
            return
        if self.table.chosen in (None, detail.key):
            picture = self.picture(self.table.row(detail.key))
            facts.say(detail_facts(detail, picture))

    def _tell_title(self) -> None:
        table = self.table
        marked = f", {len(table.marked)} marked" if table.marked else ""
        text = f"1 {self.PLACE}, {table.place} of {table.total}, by {self._order}{marked}"
        entitle(self.query_one("#list-pane"), line(text))

    # Moving

    def on_lab_table_chosen(self, event: PagedTable.Chosen) -> None:
        """Another row; what was unmasked for the last one is masked again."""
        event.stop()
        self._unmasked = None
        self._tell_title()
        self.look_again()

    def on_lab_table_opened(self, event: PagedTable.Opened) -> None:
        """`enter`: the run that made it."""
        event.stop()
        self.do_open()

    # What can be done

    def words(self) -> Mapping[str, str]:
        """The run that made the chosen thing."""
        row = self.table.chosen_row if self.is_mounted else None
        return {**super().words(), **({"run": row.run_id} if row is not None else {})}

    def why_not_open(self) -> str:
        """A row must be chosen."""
        return "" if "run" in self.words() else "nothing is chosen"

    def do_open(self) -> None:
        """On a screen of its own."""
        from screens.run import RunScreen

        run = self.words().get("run")
        if run:
            self.app.push_screen(RunScreen(run))

    def why_not_lineage(self) -> str:
        """A row must be chosen."""
        return self.why_not_open()

    def do_lineage(self) -> None:
        """Up and down."""
        from screens.lineage import LineageScreen

        self.app.push_screen(LineageScreen(self.words()["run"]))

    def do_order(self) -> None:
        """The next way."""
        names = list(self.ORDERS)
        self._order = names[(names.index(self._order) + 1) % len(names)]
        self.begin_again()

    def do_unmask(self) -> None:
        """For the chosen row only."""
        chosen = self.table.chosen
        self._unmasked = None if self._unmasked == chosen else chosen
        self.look_again()
