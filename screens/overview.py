"""Overview: the newest experiment at a glance — conditions, three axes and the loss, queue, machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Grid, Horizontal, Vertical
from textual.widgets import Static

from screens.actions import Action
from screens.curve_keys import CurveKeys
from screens.lab_screen import PANE_ACTIONS, LabScreen
from screens.live import Query, start
from screens.overview_words import (
    condition_columns,
    head_line,
    machine_lines,
    nothing_yet,
    queue_columns,
    queue_title,
)
from screens.pane_screen import entitle
from screens.run_changes import RunChanges, change_actions
from screens.safety import line
from screens.snapshots.curve_memory import READ_S, CurveMemory
from screens.snapshots.overview import AXES, ConditionRow, Overview, QueueRow, Wanted, read_overview
from screens.widgets.chart_view import ChartView
from screens.widgets.lab_table import LabTable


class OverviewScreen(RunChanges, CurveKeys, LabScreen[Overview | None]):
    """What `synthlab` opens."""

    PLACE = "overview"
    PANES = ("conditions-pane", "charts", "queue-pane", "machine")
    MAIN_PANE = "queue-pane"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("overview.open", "enter", "open", "open the chosen run", "synthlab show {run}"),
        *change_actions("overview"),
        Action(
            "overview.stop-all",
            "X",
            "stop all",
            "stop every run of the experiment, after asking",
            "synthlab stop {experiment}",
            writes=True,
            hidden=True,
        ),
        Action(
            "overview.retry-all",
            "G",
            "go on",
            "continue all that ended badly in this experiment",
            "synthlab retry {experiment}",
            writes=True,
        ),
        Action("overview.metric", "v", "metric", "another number in the chart of the focused axis"),
        Action("overview.scale", "s", "log", "loss on a linear or a log axis"),
        Action("overview.smooth", "e", "smooth", "smooth the loss: off, 0.6, 0.9"),
        Action(
            "overview.older",
            "left_square_bracket",
            "older",
            "the experiment before this one",
            hidden=True,
        ),
        Action(
            "overview.newer",
            "right_square_bracket",
            "newer",
            "the experiment after this one",
            hidden=True,
        ),
        Action(
            "overview.results",
            "t",
            "results",
            "all numbers of the experiment as a table",
            "synthlab results {experiment}",
        ),
        *PANE_ACTIONS,
    )

    def __init__(self) -> None:
        super().__init__()
        self._turns: dict[str, int] = {}
        self._memory = CurveMemory(READ_S)
        self._is_reading_on = False

    def body(self) -> ComposeResult:
        """Head, conditions left, charts right, queue and machine below."""
        yield Static(id="head")
        with Horizontal(id="upper"):
            with Vertical(id="conditions-pane", classes="pane"):
                yield LabTable[ConditionRow](condition_columns(self.lab), id="conditions")
            with Grid(id="charts", classes="pane"):
                for axis in AXES:
                    yield ChartView(id=f"chart-{axis}", compact=True)
                yield ChartView(id="chart-loss", compact=True)
        with Horizontal(id="lower"):
            with Vertical(id="queue-pane", classes="pane"):
                yield LabTable[QueueRow](queue_columns(self.lab), id="queue", watches_top=True)
            yield Static(id="machine", classes="pane")
        yield Static(id="welcome")

    def on_mount(self) -> None:
        """Titles of the panes."""
        self.query_one("#conditions-pane").border_title = line("1 conditions")
        self.query_one("#charts").border_title = line("2 axes")
        self.query_one("#queue-pane").border_title = line("3 queue")
        self.query_one("#machine").border_title = line("4 machine")
        self.query_one("#queue").focus()

    def reads(self) -> Query:
        """The experiment the console is on, or the newest."""
        wanted = Wanted(
            self.lab.experiment,
            tuple(self._turns.items()),
            self.is_log,
            self.smoothing,
        )
        memory = self._memory
        return lambda reading: read_overview(reading, wanted, memory)

    async def follow(self) -> None:
        """Curves that were not read yet are a reason to look again, a tick later."""
        if self._is_reading_on:
            self._is_reading_on, self.following.force = False, True
        await super().follow()
        shown = self.following.shown
        self._is_reading_on = shown is not None and not shown.is_whole

    def show(self, snapshot: Overview | None) -> None:
        """Only what differs is drawn again, down to the cell."""
        self.set_class(snapshot is None, "-empty")
        if snapshot is None:
            self.query_one("#welcome", Static).update(nothing_yet(str(self.lab.requests.home.root)))
            return
        self.lab.experiment = snapshot.experiment
        self._say("head", head_line(snapshot))
        self._say("machine", machine_lines(snapshot.machine))
        self.query_one("#conditions", LabTable).show({row.name: row for row in snapshot.conditions})
        self.query_one("#queue", LabTable).show({row.run_id: row for row in snapshot.queue})
        entitle(self.query_one("#queue-pane"), queue_title(snapshot))
        for axis, chart, empty in snapshot.charts:
            self.query_one(f"#chart-{axis}", ChartView).show(chart, empty)
        if snapshot.is_active:
            start(self, self.lab.supervise, "supervise")

    def _say(self, name: str, content: object) -> None:
        widget = self.query_one(f"#{name}", Static)
        if widget.content != content:
            # These have the size that the style sheet gives them, whatever they say.
            widget.update(content, layout=False)  # type: ignore[arg-type]

    # Actions

    def words(self) -> Mapping[str, str]:
        """The chosen run and the experiment."""
        return {**super().words(), **self.change_words()}

    def affected(self) -> Sequence[QueueRow]:
        """The chosen run of the queue."""
        row = self._chosen()
        return (row,) if row is not None else ()

    def _chosen(self) -> QueueRow | None:
        row = self.query_one("#queue", LabTable).chosen_row if self.is_mounted else None
        return row if isinstance(row, QueueRow) else None

    def why_not_open(self) -> str:
        """A run must be chosen."""
        return "" if self._chosen() else "the queue is empty; R lists all runs"

    def do_open(self) -> None:
        """The run on a screen of its own."""
        from screens.run import RunScreen

        row = self._chosen()
        if row is not None:
            self.app.push_screen(RunScreen(row.run_id))

    def on_lab_table_opened(self, event: LabTable.Opened) -> None:
        """`enter` in the queue opens the run; among the conditions, their comparison."""
        event.stop()
        if event.table.id == "queue":
            self.run_worker(self.action_do("overview.open"), exit_on_error=False)
        else:
            self.lab.go_to("compare")

    def why_not_stop_all(self) -> str:
        """Something must be going on."""
        shown = self.following.shown
        return "" if shown and shown.is_active else "nothing runs or waits"

    def do_stop_all(self) -> None:
        """Asks first: it may be hours of queue."""
        from screens.stop_and_retry import stop_experiment

        stop_experiment(self.lab, self.lab.experiment or "")

    def why_not_retry_all(self) -> str:
        """Something must have ended badly."""
        shown = self.following.shown
        bad = ("failed", "interrupted", "cancelled", "unknown")
        if shown and any(state in bad for state, _ in shown.counts):
            return ""
        return "nothing of this experiment ended badly"

    async def do_retry_all(self) -> None:
        """All of the experiment."""
        from screens.stop_and_retry import retry_experiment

        await retry_experiment(self.lab, self.lab.experiment or "")

    def do_metric(self) -> None:
        """Of the focused chart, or of all."""
        focused = (self.focused.id or "").removeprefix("chart-") if self.focused else ""
        for axis in [focused] if focused in AXES else AXES:
            self._turns[axis] = self._turns.get(axis, 0) + 1
        self.look_again()

    async def do_older(self) -> None:
        """One back."""
        await self._step(1)

    async def do_newer(self) -> None:
        """One forward."""
        await self._step(-1)

    async def _step(self, by: int) -> None:
        from screens.snapshots.experiments import read_experiments

        looked = await self.lab.reader.look(read_experiments, -1, force=True)
        names = [row.identity for row in looked.snapshot]
        if self.lab.experiment in names:
            place = names.index(self.lab.experiment) + by
            if 0 <= place < len(names):
                self.lab.set_experiment(names[place])
                return
        self.lab.say("there is none further", "warning")

    def do_results(self) -> None:
        """The long table."""
        from screens.results import ResultsScreen

        self.app.push_screen(ResultsScreen())
