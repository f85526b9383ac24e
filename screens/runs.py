"""Runs: every execution of a step, filtered and ordered, with what is known of the one under the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from screens.actions import Action
from screens.empty_words import nothing_in_lab
from screens.lab_screen import PANE_ACTIONS
from screens.list_screen import ListScreen
from screens.live import Query
from screens.pane_screen import entitle
from screens.run_changes import RunChanges, change_actions
from screens.run_words import about_facts, number_title, run_columns
from screens.safety import joined, line
from screens.snapshots.runs import (
    MOST_BY_NUMBER,
    ORDERS,
    STEP,
    NumberColumn,
    Order,
    RunRow,
    RunsPage,
    RunsWanted,
    number_columns,
    read_runs,
)
from screens.theme import STYLES, state_sign
from screens.widgets.facts import Facts
from screens.widgets.filter_line import FilterLine
from screens.widgets.paged_table import PagedTable
from synthlab.cli.words import many

ORDER_NAMES: tuple[Order, ...] = tuple(ORDERS)
MOST_OVERLAID = 8
"""More curves than this in one chart cannot be told apart."""


class RunsScreen(RunChanges, ListScreen[RunsPage]):
    """The list, and the run under the cursor beside it."""

    CSS_PATH = STYLES / "runs.tcss"
    PLACE = "runs"
    PANES = ("list-pane", "about")
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("runs.open", "enter", "open", "open the chosen run", "synthlab show {run}"),
        Action("runs.filter", "slash", "filter", "filter the list: state:failed cfg.seed>=1 words"),
        Action("runs.order", "o", "order", "order by: newest, state, label, kind, the number"),
        Action("runs.number", "v", "number", "another number of each run in the list"),
        Action("runs.number-back", "V", "number", "the number before this one", hidden=True),
        Action("runs.mark", "space", "mark", "mark the chosen run, or take its mark away"),
        Action("runs.unmark", "u", "unmark", "take all marks away", hidden=True),
        Action("runs.overlay", "c", "curves", "curves of the marked runs over each other"),
        Action("runs.pin", "p", "pin", "pin the chosen run: its curve lies on top", hidden=True),
        Action("runs.mine", "i", "mine", "only runs of the experiment the console is on"),
        *change_actions("runs"),
        *PANE_ACTIONS,
    )

    def __init__(self) -> None:
        super().__init__()
        self._order: Order = "newest"
        self._numbers: tuple[NumberColumn, ...] = ()
        self._number: NumberColumn | None = None
        self._only_mine = False
        self._pinned: str | None = None

    def body(self) -> ComposeResult:
        """How many, the filter, the list, the run."""
        yield Static(id="head")
        yield FilterLine("state:failed kind:finetune cfg.seed>=1 OR some words")
        with Horizontal(id="both"):
            with Vertical(id="list-pane", classes="pane"):
                yield PagedTable[RunRow](
                    run_columns(self.lab, None), step=STEP, id="runs", marks=True
                )
            yield Facts(id="about")
        yield Static(id="welcome")

    def on_mount(self) -> None:
        """Titles and focus."""
        about = self.query_one("#about")
        about.add_class("pane")
        about.border_title = line("2 run")
        self.table.focus()

    def reads(self) -> Query:
        """A window of the list as it is filtered and ordered now."""
        wanted = RunsWanted(
            self.filter_text,
            self._order,
            self._number,
            self.window_start,
            self.table.chosen if self.is_mounted else None,
            self.lab.experiment if self._only_mine else None,
        )
        return lambda reading: read_runs(reading, wanted)

    def show(self, snapshot: RunsPage) -> None:
        """Only what differs is drawn again."""
        self.set_class(not snapshot.has_any, "-empty")
        if not snapshot.has_any:
            self.query_one("#welcome", Static).update(nothing_in_lab("Nothing has run yet."))
            return
        self.window_start = snapshot.offset
        rows = {row.run_id: row for row in snapshot.rows}
        self.table.show_page(rows, snapshot.offset, snapshot.total)
        self._tell_head(snapshot)
        self._tell_place()
        self._show_about(snapshot)
        if any(state in ("queued", "starting", "running") for state, _ in snapshot.counts):
            self.supervise()

    def _show_about(self, snapshot: RunsPage) -> None:
        about, facts = snapshot.about, self.query_one("#about", Facts)
        if about is None or self.table.chosen not in (None, about.run_id):
            facts.show([] if about is None else [("run", "…")])
            return
        facts.show(about_facts(about, unicode=self.lab.symbols != "ascii", whole=False))

    def _tell_head(self, snapshot: RunsPage) -> None:
        unicode = self.lab.symbols != "ascii"
        parts = [line(f" {many(snapshot.total, 'run')}", "bold")]
        if self._only_mine and self.lab.experiment:
            parts.append(line(f" of {self.lab.experiment}"))
        for state, count in sorted(snapshot.counts, key=lambda pair: -pair[1]):
            sign, style = state_sign(state, unicode=unicode)
            parts.append(line(f"  {sign} {count} {state}", style))
        order: str = snapshot.order
        if order == "number" and self._number is not None:
            order = number_title(self._number)
        elif self._order == "number":
            order += f": more than {MOST_BY_NUMBER} runs, filter them to order by a number"
        parts.append(line(f"  by {order}", "$lab-muted"))
        head = self.query_one("#head", Static)
        made = joined(*parts)
        if head.content != made:
            head.update(made, layout=False)

    def _tell_place(self) -> None:
        table = self.table
        parts = [f"1 runs, {table.place} of {table.total}"]
        if table.marked:
            parts.append(f"{len(table.marked)} marked")
        if self._pinned:
            parts.append(f"pinned {self._pinned}")
        entitle(self.query_one("#list-pane"), line(", ".join(parts)))

    # Moving

    def on_lab_table_chosen(self, event: PagedTable.Chosen) -> None:
        """Another run under the cursor."""
        event.stop()
        self._tell_place()
        self.look_again()
        self.refresh_keys()

    def on_lab_table_opened(self, event: PagedTable.Opened) -> None:
        """`enter` on a run."""
        event.stop()
        self.do_open()

    # What can be done

    def words(self) -> Mapping[str, str]:
        """The chosen run and the experiment."""
        return {**super().words(), **self.change_words()}

    def affected(self) -> Sequence[RunRow]:
        """The marked runs of this window, else the chosen one."""
        if not self.is_mounted:
            return ()
        table = self.table
        marked = [row for key in table.marked if (row := table.row(key)) is not None]
        chosen = table.chosen_row
        return marked or ([chosen] if chosen is not None else [])

    def why_not_open(self) -> str:
        """A run must be chosen."""
        return "" if self.is_mounted and self.table.chosen else "there is no run to open"

    def do_open(self) -> None:
        """On a screen of its own."""
        from screens.run import RunScreen

        if self.table.chosen:
            self.app.push_screen(RunScreen(self.table.chosen))

    def why_not_overlay(self) -> str:
        """Some must be marked."""
        count = len(self.table.marked) if self.is_mounted else 0
        if count > MOST_OVERLAID:
            return f"{count} runs are marked; {MOST_OVERLAID} curves at most can be told apart"
        return "" if count else "no run is marked; space marks"

    def do_overlay(self) -> None:
        """The first that was marked leads; the pinned one lies on top."""
        from screens.run import RunScreen

        marked = [run for run in self.table.marked if run != self._pinned]
        lead, *others = ([self._pinned] if self._pinned else []) + marked
        self.app.push_screen(RunScreen(lead, tuple(others)))

    def do_mark(self) -> None:
        """And one down."""
        self.table.toggle_mark()
        self._tell_place()
        self.refresh_keys()

    def do_unmark(self) -> None:
        """All of them."""
        self.table.set_marks(())
        self._tell_place()

    def do_pin(self) -> None:
        """Or unpin."""
        chosen = self.table.chosen
        self._pinned = None if chosen == self._pinned else chosen
        self._tell_place()

    def do_order(self) -> None:
        """The next way."""
        names = [name for name in ORDER_NAMES if name != "number" or self._number]
        place = names.index(self._order) if self._order in names else -1
        self._order = names[(place + 1) % len(names)]
        self.begin_again()

    def do_mine(self) -> None:
        """Or all again."""
        self._only_mine = not self._only_mine
        self.begin_again()

    async def do_number(self) -> None:
        """The next one that some run has."""
        await self._turn_number(1)

    async def do_number_back(self) -> None:
        """The one before."""
        await self._turn_number(-1)

    async def _turn_number(self, by: int) -> None:
        looked = await self.lab.reader.look(number_columns, -1, force=True)
        self._numbers = looked.snapshot
        if not self._numbers:
            self.lab.say("no run has reported a number yet", "warning")
            return
        choices = [None, *self._numbers]
        place = choices.index(self._number) if self._number in choices else 0
        self._number = choices[(place + by) % len(choices)]
        if self._number is None and self._order == "number":
            self._order = "newest"
        self.table.set_columns(run_columns(self.lab, self._number))
        if self._number is not None:
            kind = "result" if self._number.is_result else "last value of"
            number = choices.index(self._number)
            self.lab.say(f"{kind} {self._number.name} ({number} of {len(self._numbers)})")
        self.look_again()
