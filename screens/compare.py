"""Compare: conditions side by side, with intervals, paired differences and verdicts in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from screens.actions import Action
from screens.compare_chart import CompareChart
from screens.compare_conditions import Conditions
from screens.compare_keys import COMPARE_ACTIONS, CompareTable
from screens.compare_words import (
    Look,
    compare_columns,
    compare_rows,
    metric_facts,
    strip,
)
from screens.comparing import Comparer
from screens.curve_keys import CurveKeys
from screens.empty_words import nothing_measured
from screens.lab_screen import PANE_ACTIONS, LabScreen
from screens.live import Query
from screens.report_request import write_into
from screens.safety import joined, line
from screens.snapshots.compare import Answer, Basis, Question, Wanted, read_basis
from screens.theme import STYLES
from screens.widgets.facts import Facts
from screens.widgets.lab_table import LabTable, TableColumn


class CompareScreen(CurveKeys, LabScreen[Basis | None]):
    """Of the experiment that the console is on."""

    CSS_PATH = STYLES / "compare.tcss"
    PLACE = "compare"
    PANES = ("table-pane", "metric", "chart-pane")
    ACTIONS: ClassVar[tuple[Action, ...]] = (*COMPARE_ACTIONS, *PANE_ACTIONS)

    def __init__(self) -> None:
        super().__init__()
        self._conditions = Conditions()
        self._differences = False
        self._all_settings = False
        self._all_metrics = False
        self._turn = 0
        self._comparer = Comparer(self, self.lab, self._changed)
        self._shown_answer: Answer | None = None

    def body(self) -> ComposeResult:
        """What is compared, the conditions, the table; below it the metric and its chart."""
        yield Static(id="head")
        yield Static(id="strip")
        with Vertical(id="all"):
            with Vertical(id="table-pane", classes="pane"):
                yield CompareTable(
                    (TableColumn("metric", lambda row: line(row.name), 18),), id="table"
                )
            with Horizontal(id="lower"):
                yield Facts(id="metric")
                yield CompareChart(id="chart-pane")
        yield Static(id="welcome")

    def on_mount(self) -> None:
        """Titles and focus."""
        self.query_one("#table-pane").border_title = line("1 comparison")
        metric = self.query_one("#metric")
        metric.add_class("pane")
        metric.border_title = line("2 metric")
        self.table.focus()

    def on_unmount(self) -> None:
        """The thread that compares need not go on."""
        self._comparer.close()

    @property
    def table(self) -> CompareTable:
        """Inputs and metrics."""
        return self.query_one("#table", CompareTable)

    @property
    def _basis(self) -> Basis | None:
        return self.following.shown

    # Following

    def reads(self) -> Query:
        """What there is to compare, and the curves if they are wanted."""
        wanted = Wanted(
            self.lab.experiment,
            self._conditions.chosen,
            self._conditions.axis,
            self.query_one(CompareChart).kind,
            self._turn,
            self.is_log,
            self.smoothing,
        )
        return lambda reading: read_basis(reading, wanted)

    def show(self, snapshot: Basis | None) -> None:
        """Another experiment, new measurements, other curves."""
        self.set_class(snapshot is None or not snapshot.axes, "-empty")
        if snapshot is None or not snapshot.axes:
            self._show_nothing(snapshot)
            return
        self.lab.experiment = snapshot.experiment
        self._conditions.take(snapshot)
        self._ask()
        self._show_chart()

    def _show_nothing(self, basis: Basis | None) -> None:
        words = nothing_measured(
            basis.experiment if basis else None,
            " has not measured anything yet.",
            "the comparison appears with the first results",
            "compare",
        )
        self.query_one("#welcome", Static).update(words)

    def _ask(self) -> None:
        basis, chosen, axis = self._basis, self._conditions.chosen, self._conditions.axis
        if basis is not None:
            is_whole = set(chosen) == set(basis.on(axis))
            question = Question(basis.experiment, chosen, is_whole, axis, basis.stamp)
            self._comparer.ask(question)
            self._show_answer()

    def _changed(self) -> None:
        """An answer, a chart, or how far it is."""
        if not self.is_attached:
            return
        if self._comparer.answer is not self._shown_answer or self._comparer.failed:
            self._show_answer()
        else:
            self._show_head()
            self._show_chart()

    # Showing

    def _look(self) -> Look:
        return Look(self._differences, self.lab.symbols != "ascii", self._conditions.cursor)

    def _show_answer(self) -> None:
        self._show_head()
        found = self._shown_answer = self._comparer.answer
        if found is None:
            self.table.show({})
            self.query_one("#metric", Facts).say(line(self._comparer.failed or "…", "$lab-muted"))
            self._show_chart()
            return
        table = self.table
        room = table.size.width or self.size.width
        table.set_columns(compare_columns(found.comparison, self._look(), room))
        rows = compare_rows(
            found.comparison,
            found.settings,
            all_settings=self._all_settings,
            all_metrics=self._all_metrics,
        )
        first = table.chosen is None
        table.show(rows)
        if first:
            table.choose(
                next((key for key, row in rows.items() if row.is_tested), next(iter(rows), ""))
            )
        self._show_metric()

    def _show_head(self) -> None:
        basis, found, axis = self._basis, self._comparer.answer, self._conditions.axis
        if basis is None:
            return
        parts = [line(f" {basis.experiment} ", "bold"), line(f" {axis}", "bold $accent")]
        if len(basis.axes) > 1:
            place = basis.axes.index(axis) + 1
            parts.append(line(f" ({place} of {len(basis.axes)} axes)", "$lab-muted"))
        if found is not None:
            said = found.comparison
            seeds = ", ".join(map(str, said.seeds))
            if self._differences:
                parts.append(line(f"  minus {said.baseline}", "bold"))
            parts.append(line(f"  {len(said.metrics)} tested, {len(said.shown)} only shown"))
            parts.append(line(f"  seeds {seeds}", "$lab-muted"))
        elif self._comparer.failed:
            parts.append(line(f"  {self._comparer.failed}", "$warning"))
        else:
            parts.append(
                line(f"  {self._comparer.progress or 'reading the measurements'} …", "$primary")
            )
        self.query_one("#head", Static).update(joined(*parts))
        made = strip(
            self._conditions.in_order,
            self._conditions.chosen,
            self._conditions.baseline,
            self._conditions.cursor,
            unicode=self.lab.symbols != "ascii",
        )
        self.query_one("#strip", Static).update(made)

    def _show_metric(self) -> None:
        found, row = self._comparer.answer, self.table.chosen_row
        if found is None or row is None:
            return
        facts = metric_facts(found.comparison, row, self._conditions.cursor)
        self.query_one("#metric", Facts).show(facts)
        self._show_chart()
        self.refresh_keys()

    def _show_chart(self) -> None:
        if self._basis is not None:
            self.query_one(CompareChart).show(
                self._basis,
                self._comparer,
                self.table.chosen_row,
                differences=self._differences,
            )

    # Moving

    def on_lab_table_chosen(self, event: LabTable.Chosen) -> None:
        """Another metric."""
        event.stop()
        self._show_metric()

    def on_lab_table_opened(self, event: LabTable.Opened) -> None:
        """`enter` asks why."""
        event.stop()
        self.run_worker(self.action_do("compare.why"), exit_on_error=False)

    def on_compare_table_resized(self, event: CompareTable.Resized) -> None:
        """Columns of other widths."""
        event.stop()
        if self._comparer.answer is not None:
            self._show_answer()

    # What can be done

    def words(self) -> Mapping[str, str]:
        """The experiment, the axis, the condition, and the number under the cursor."""
        at = self._conditions
        found = {**super().words(), "axis": at.axis, "condition": at.cursor}
        found["next_axis"] = at.next_axis
        row, basis = self.table.chosen_row if self.is_mounted else None, self._basis
        if row is not None and basis is not None and at.cursor and row.is_number:
            is_difference = self._differences and at.cursor != at.baseline and row.is_tested
            name = f"{at.cursor},{at.baseline}" if is_difference else at.cursor
            found["why"] = f"{basis.experiment}:{name}:{row.name}"
        return {name: word for name, word in found.items() if word}

    def why_not_axis(self) -> str:
        """There must be another one."""
        basis = self._basis
        if basis is None or not basis.axes:
            return "nothing is measured yet"
        return "" if len(basis.axes) > 1 else f"only {basis.axes[0]} is measured"

    def do_axis(self) -> None:
        """The next one."""
        self._conditions.axis = self._conditions.next_axis
        self._ask()
        self.look_again()

    def do_left(self) -> None:
        """One to the left."""
        self._move(-1)

    def do_right(self) -> None:
        """One to the right."""
        self._move(1)

    def _move(self, by: int) -> None:
        self._conditions.move(by)
        if self._basis is not None:
            self._show_answer()

    def why_not_mark(self) -> str:
        """Two must stay; more than a few cannot be read."""
        return self._conditions.why_not_mark()

    def do_mark(self) -> None:
        """In or out."""
        self._conditions.mark()
        self._ask()
        self.look_again()

    def why_not_pin(self) -> str:
        """It must take part."""
        return self._conditions.why_not_pin()

    def do_pin(self) -> None:
        """The baseline of every difference."""
        self._conditions.pin()
        self._ask()

    def do_values(self) -> None:
        """Values or differences."""
        self._differences = not self._differences
        self._show_answer()

    def do_chart(self) -> None:
        """The next kind of chart."""
        self.query_one(CompareChart).turn()
        self._show_chart()
        self.look_again()

    def do_only_differing(self) -> None:
        """Inputs that differ, or all."""
        self._all_settings = not self._all_settings
        self._show_answer()

    def do_all(self) -> None:
        """Also what is only shown."""
        self._all_metrics = not self._all_metrics
        self._show_answer()

    def do_probe(self) -> None:
        """The next one of the axis."""
        self._turn += 1
        self.look_again()

    def why_not_why(self) -> str:
        """A number must be under the cursor."""
        if self._comparer.answer is None:
            return "there is no comparison yet"
        return "" if "why" in self.words() else "put the cursor on a metric"

    def do_why(self) -> None:
        """On a screen of its own."""
        from screens.why import WhyScreen

        name = self.words().get("why")
        if name:
            self.app.push_screen(WhyScreen(name))

    def why_not_report(self) -> str:
        """Something must be measured."""
        basis = self._basis
        return "" if basis is not None and basis.axes else "nothing is measured yet"

    def do_report(self) -> None:
        """Ask for the folder first."""
        from screens.ask_folder import AskFolder

        basis = self._basis
        if basis is None:
            return

        def answered(folder: Path | None) -> None:
            if folder is not None:
                write_into(self.lab, basis.experiment, folder)

        suggested = Path.cwd() / f"{basis.experiment}-report"
        self.app.push_screen(AskFolder("write the report into", suggested), answered)
