"""One run: curves, what is known of it, its log. With several runs, their curves over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Grid, Horizontal, Vertical
from textual.events import Resize
from textual.widgets import Static

from screens.actions import Action
from screens.curve_keys import CurveKeys
from screens.lab_screen import PANE_ACTIONS, LabScreen
from screens.live import Query, Reading
from screens.pane_screen import Room, entitle
from screens.run_changes import RunChanges, change_actions
from screens.run_words import (
    about_facts,
    link_columns,
    number_columns,
    run_head,
)
from screens.safety import joined, line, shown
from screens.snapshots.run import Link, NumberRow, RunView, RunWanted, read_run
from screens.snapshots.run_about import RunAbout
from screens.snapshots.run_curves import X_AXES, CurveReader, CurvesWanted
from screens.stop_and_retry import UNFINISHED
from screens.theme import STYLES
from screens.widgets.chart_view import ChartView
from screens.widgets.facts import Facts
from screens.widgets.lab_table import LabTable
from screens.widgets.log_view import LogPane
from storage.rundir import RunDir
from synthlab.cli.words import many, since

SHEETS = ("about", "config", "numbers", "lineage")
MOST_CHARTS = 6
CHART_WIDTH = 34
CHART_HEIGHT = 9


class RunScreen(RunChanges, CurveKeys, LabScreen[RunView | None]):
    """Opened by `enter` on a run, or by `c` on several."""

    CSS_PATH = STYLES / "run.tcss"
    PLACE = "runs"
    PANES = ("curves", "sheet-pane", "log-pane")
    STRIP_PANE = "log-pane"
    TURNS_BELOW = Room(100, 16)
    SMOOTHING = (0.6, 0.9, 0.0)
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("run.sheet", "right_square_bracket", "sheet", "about, config, numbers, lineage"),
        Action(
            "run.sheet-back", "left_square_bracket", "sheet", "the sheet before this", hidden=True
        ),
        Action("run.log", "slash", "find", "find a text in the log"),
        Action("run.metric", "v", "more", "more curves: the next page of metrics"),
        Action("run.metric-back", "V", "curves", "the page of metrics before this", hidden=True),
        Action("run.scale", "s", "log y", "curves on a linear or a log axis"),
        Action("run.x", "a", "x axis", "curves over steps, tokens or time"),
        Action("run.smooth", "e", "smooth", "smooth the curves: 0.6, 0.9, off"),
        *change_actions("run"),
        Action(
            "run.why", "w", "why", "from a number back to what it was made of", "synthlab why {why}"
        ),
        Action(
            "run.logs", "ctrl+l", "logs", "the log in a shell", "synthlab logs {run}", hidden=True
        ),
        *PANE_ACTIONS,
    )

    def __init__(self, run_id: str, others: tuple[str, ...] = ()) -> None:
        """others: runs whose curves are drawn under those of the first."""
        super().__init__()
        self._run_id = run_id
        self._others = others
        self._curves = CurveReader()
        self._page = 0
        self._per_page = 4
        self._x = 0
        self._sheet = 0
        self._has_chosen_pane = False
        """Whether it was settled what is seen first."""
        self._is_reading_on = False
        """Whether the curves shown are not yet exact."""

    def body(self) -> ComposeResult:
        """Head, curves left, a sheet right, the log below."""
        yield Static(id="head")
        with Horizontal(id="upper"):
            with Grid(id="curves", classes="pane"):
                for number in range(MOST_CHARTS):
                    yield ChartView(id=f"curve-{number}", compact=True, empty="reading")
            with Vertical(id="sheet-pane", classes="pane"):
                yield Facts(id="about")
                yield Facts(id="config")
                yield LabTable[NumberRow](number_columns(), id="numbers")
                yield LabTable[Link](link_columns(self.lab), id="lineage")
        path = RunDir(self.lab.requests.home.run(self._run_id)).log
        yield LogPane(path, "3 log", id="log-pane")

    def on_mount(self) -> None:
        """The first sheet."""
        self._turn_sheet(0)
        self.bring("curves")

    def on_resize(self, event: Resize) -> None:
        """Another number of charts fits, and another number side by side."""
        self.call_after_refresh(self._fit)
        self.call_after_refresh(self._fit_columns)

    def _fit(self) -> None:
        grid = next(iter(self.query("#curves")), None)
        if grid is None or not grid.size.area:
            return
        columns = max(1, min(3, grid.size.width // CHART_WIDTH))
        rows = max(1, min(MOST_CHARTS // columns, grid.size.height // CHART_HEIGHT))
        if columns * rows != self._per_page:
            self._per_page = columns * rows
            self.look_again()

    # Following

    def reads(self) -> Query:
        """The run with the wanted page of curves."""
        wanted = RunWanted(
            self._run_id,
            self._others,
            CurvesWanted(
                self._page,
                self._per_page,
                X_AXES[self._x],
                self.is_log,
                self.smoothing,
            ),
        )
        curves = self._curves

        def query(reading: Reading) -> RunView | None:
            return read_run(reading, wanted, curves)

        return query

    async def follow(self) -> None:
        """The catalog, then the log: it grows without a word to the catalog."""
        if self._is_reading_on:
            # A tick after the last: a chart is drawn twice a second at most.
            self._is_reading_on, self.following.force = False, True
        await super().follow()
        if self.is_ready and not self.lab.is_frozen:
            for pane in self.query(LogPane):
                await pane.view.catch_up()

    def show(self, snapshot: RunView | None) -> None:
        """Only what differs is drawn again."""
        if snapshot is None:
            self.query_one("#head", Static).update(line(f" run {self._run_id} is not in this lab"))
            return
        unicode = self.lab.symbols != "ascii"
        head = run_head(snapshot.about, snapshot.overlaid, unicode=unicode)
        static = self.query_one("#head", Static)
        if static.content != head:
            static.update(head, layout=False)
        self._show_curves(snapshot)
        facts = about_facts(snapshot.about, unicode=unicode, whole=True)
        facts += [("note", f"{since(at, self.lab.clock())} {text}") for at, text in snapshot.notes]
        self.query_one("#about", Facts).show(facts)
        self.query_one("#config", Facts).say(shown(snapshot.config))
        numbers = {f"{row.is_result:d}{row.name}": row for row in snapshot.numbers}
        self.query_one("#numbers", LabTable).show(numbers)
        links = {f"{row.reads:d}{row.role} {row.run_id}": row for row in snapshot.links}
        self.query_one("#lineage", LabTable).show(links)
        self._choose_first_pane(snapshot)
        if snapshot.about.state in UNFINISHED:
            self.supervise()
        self._is_reading_on = not snapshot.curves.exact

    def _choose_first_pane(self, snapshot: RunView) -> None:
        if self._has_chosen_pane or snapshot.about.state in UNFINISHED:
            return
        self._has_chosen_pane = True
        if not snapshot.curves.charts:
            # Nothing will ever be drawn: its room is for what the run did report, or for why it ended.
            is_done = snapshot.about.state == "succeeded"
            if is_done and any(row.is_result for row in snapshot.numbers):
                self._turn_sheet(SHEETS.index("numbers") - self._sheet)
            self.bring("sheet-pane")
            if not self.takes_turns:
                self.toggle_pane(self.PANES.index("curves"))

    def _show_curves(self, snapshot: RunView) -> None:
        curves = snapshot.curves
        charts = curves.charts
        grid = self.query_one("#curves", Grid)
        grid.set_class(not charts, "-none")
        self._fit_columns()
        # The grid has its size only once it is laid out.
        self.call_after_refresh(self._fit_columns)
        for number, view in enumerate(self.query(ChartView)):
            given = number < max(1, len(charts))
            if view.display != given:
                view.display = given
            if number < len(charts):
                view.show(charts[number][1])
            elif number == 0:
                view.show(None, _why_no_curves(snapshot))
        parts = ["1 curves"]
        if curves.pages > 1:
            parts.append(f"page {curves.page + 1} of {curves.pages}, v turns")
        if not curves.exact:
            parts.append("reading")
        entitle(grid, line(", ".join(parts)))

    def _fit_columns(self) -> None:
        shown = self.following.shown
        for grid in self.query("#curves").results(Grid):
            count = len(shown.curves.charts) if shown else 0
            wide = grid.size.width >= 2 * CHART_WIDTH
            columns = 1 if count < 2 or not wide else 2 if count < 5 else 3
            if grid.styles.grid_size_columns != columns:
                grid.styles.grid_size_columns = columns

    # Sheets and panes

    def do_sheet(self) -> None:
        """The next one."""
        self._turn_sheet(1)

    def do_sheet_back(self) -> None:
        """The one before."""
        self._turn_sheet(-1)

    def _turn_sheet(self, by: int) -> None:
        self._sheet = (self._sheet + by) % len(SHEETS)
        for number, name in enumerate(SHEETS):
            self.query_one(f"#{name}").display = number == self._sheet
        names = [
            line(f" {name} ", "bold reverse" if number == self._sheet else "")
            for number, name in enumerate(SHEETS)
        ]
        self.query_one("#sheet-pane").border_title = joined(line("2"), *names)
        if by:
            self.bring("sheet-pane")

    def do_log(self) -> None:
        """Show the log and type what to look for."""
        self.bring("log-pane")
        self.query_one(LogPane).open_find()

    # Curves

    def do_metric(self) -> None:
        """Round and round."""
        self._turn_page(1)

    def do_metric_back(self) -> None:
        """Back."""
        self._turn_page(-1)

    def _turn_page(self, by: int) -> None:
        shown_now = self.following.shown
        pages = shown_now.curves.pages if shown_now else 1
        if pages == 1:
            self.lab.say("all curves are on this page", "warning")
            return
        self._page = (self._page + by) % pages
        self.look_again()

    def do_x(self) -> None:
        """Step, tokens, time."""
        shown_now = self.following.shown
        self._x = (self._x + 1) % len(X_AXES)
        if X_AXES[self._x] == "tokens" and not (shown_now and shown_now.curves.has_tokens):
            self._x = (self._x + 1) % len(X_AXES)
            self.lab.say("over time: this run has not reported how many tokens it read", "warning")
        else:
            self.lab.say(f"curves over {X_AXES[self._x]}")
        self.look_again()

    # What can be done

    def affected(self) -> Sequence[RunAbout]:
        """This run; with several on the screen, the first."""
        shown_now = self.following.shown
        return [shown_now.about] if shown_now else []

    def words(self) -> Mapping[str, str]:
        """The run, and the number that is meant."""
        number = self._number()
        why = {"why": f"{self._run_id}:{number.name}"} if number else {}
        return {**super().words(), "run": self._run_id, **self.change_words(), **why}

    def _number(self) -> NumberRow | None:
        table = self.query_one("#numbers", LabTable) if self.is_mounted else None
        chosen = table.chosen_row if table is not None and table.display else None
        if isinstance(chosen, NumberRow) and chosen.is_result:
            return chosen
        shown_now = self.following.shown
        rows = shown_now.numbers if shown_now else ()
        return next((row for row in rows if row.is_result), None)

    def why_not_why(self) -> str:
        """Only a result has a way back."""
        return "" if self._number() else "this run has no results"

    def do_why(self) -> None:
        """On a screen of its own."""
        from screens.why import WhyScreen

        self.app.push_screen(WhyScreen(self.words()["why"]))

    def do_logs(self) -> None:
        """The line above the keys shows the command."""

    def on_lab_table_opened(self, event: LabTable.Opened) -> None:
        """`enter` on a number asks why; on another run opens it."""
        event.stop()
        row = event.table.chosen_row
        if isinstance(row, Link) and row.state:
            self.app.push_screen(RunScreen(row.run_id))
        elif isinstance(row, NumberRow) and row.is_result:
            self.do_why()

    def on_lab_table_chosen(self, event: LabTable.Chosen) -> None:
        """Another number: the reason of an undefined one is said."""
        event.stop()
        row = event.table.chosen_row
        if isinstance(row, NumberRow) and row.reason and event.table.has_focus:
            self.lab.say(f"{row.name}: {row.reason}")
        self.refresh_keys()


def _why_no_curves(snapshot: RunView) -> str:
    if snapshot.about.state in UNFINISHED:
        return "no curves yet"
    results = sum(row.is_result for row in snapshot.numbers)
    said = "this run reported nothing while it went on"
    return f"{said}; 2 shows its {many(results, 'number')}" if results else said
