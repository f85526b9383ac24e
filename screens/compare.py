"""Compare: conditions side by side, with intervals, paired differences and verdicts in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from screens.actions import Action
from screens.compare_keys import COMPARE_ACTIONS, CompareTable
from screens.compare_words import (
    Look,
    compare_columns,
    compare_rows,
    metric_facts,
    strip,
    why_undefined,
)
from screens.comparing import Comparer
from screens.lab_screen import PANE_ACTIONS, LabScreen
from screens.live import Query
from screens.report_request import write_into
from screens.safety import joined, line
from screens.snapshots.compare import (
    CHART_KINDS,
    Answer,
    Basis,
    Question,
    Wanted,
    read_basis,
)
from screens.theme import STYLES
from screens.widgets.chart_view import ChartView
from screens.widgets.facts import Facts
from screens.widgets.lab_table import LabTable, TableColumn

MOST = 6
"""More conditions than this beside each other cannot be read."""
LEAST_HEIGHT = 12
"""Of a chart in which intervals stand upright; in a lower one they lie."""
SMOOTHING = (0.0, 0.6, 0.9)
TESTED, SHOWN = "metric ", "shown "


class CompareScreen(LabScreen[Basis | None]):
    """Of the experiment that the console is on."""

    CSS_PATH = STYLES / "compare.tcss"
    PLACE = "compare"
    PANES = ("table-pane", "metric", "chart-pane")
    ACTIONS: ClassVar[tuple[Action, ...]] = (*COMPARE_ACTIONS, *PANE_ACTIONS)

    def __init__(self) -> None:
        super().__init__()
        self._experiment = ""
        self._axis = ""
        self._left_out: frozenset[str] = frozenset()
        self._pinned = ""
        self._cursor = ""
        self._differences = False
        self._all_settings = False
        self._all_metrics = False
        self._kind = 0
        self._turn = 0
        self._log = False
        self._smoothing = 0
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
                with Vertical(id="chart-pane", classes="pane"):
                    yield ChartView(id="chart", compact=True)
        yield Static(id="welcome")

    def on_mount(self) -> None:
        """Titles and focus."""
        self.query_one("#table-pane").border_title = line("1 comparison")
        metric = self.query_one("#metric")
        metric.add_class("pane")
        metric.border_title = line("2 metric")
        self.query_one("#chart-pane").border_title = line("3 chart")
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
        chosen = self._chosen() if self._basis else ()
        wanted = Wanted(
            self.lab.experiment,
            chosen,
            self._axis,
            CHART_KINDS[self._kind],
            self._turn,
            self._log,
            SMOOTHING[self._smoothing],
        )
        return lambda reading: read_basis(reading, wanted)

    def show(self, snapshot: Basis | None) -> None:
        """Another experiment, new measurements, other curves."""
        self.set_class(snapshot is None or not snapshot.axes, "-empty")
        if snapshot is None or not snapshot.axes:
            self._show_nothing(snapshot)
            return
        if snapshot.experiment != self._experiment:
            self._begin(snapshot)
        self.lab.experiment = snapshot.experiment
        if self._axis not in snapshot.axes:
            self._axis = snapshot.axes[0]
        self._ask()
        self._show_chart()

    def _begin(self, basis: Basis) -> None:
        self._experiment = basis.experiment
        self._axis = ""
        self._pinned = ""
        self._cursor = basis.conditions[0]
        self._left_out = frozenset(basis.conditions[MOST:])

    def _show_nothing(self, basis: Basis | None) -> None:
        rows = [
            line("There is no experiment yet." if basis is None else "Nothing is measured yet.")
        ]
        if basis is not None:
            rows = [line(f"{basis.experiment} has not measured anything yet.", "bold")]
            rows.append(line("R lists its runs; the comparison appears with the first results"))
        rows.append(joined(line("L", "bold $accent"), line("  launches an experiment")))
        rows += [line(""), line("The same from a shell:"), line("   synthlab run tiny")]
        rows.append(line("   synthlab compare EXPERIMENT"))
        self.query_one("#welcome", Static).update(line("\n").join(rows))

    def _chosen(self) -> tuple[str, ...]:
        """Conditions that take part, the baseline first."""
        basis = self._basis
        if basis is None:
            return ()
        on_axis = basis.on(self._axis) or basis.conditions
        names = [name for name in on_axis if name not in self._left_out]
        baseline = self._pinned if self._pinned in names else next(iter(names), "")
        return tuple(sorted(names, key=lambda name: name != baseline))

    def _in_order(self) -> tuple[str, ...]:
        """All conditions as they stand beside each other: the baseline first."""
        names = self._basis.conditions if self._basis else ()
        baseline = next(iter(self._chosen()), "")
        return tuple(sorted(names, key=lambda name: name != baseline))

    def _ask(self) -> None:
        basis, chosen = self._basis, self._chosen()
        if basis is not None:
            is_whole = set(chosen) == set(basis.on(self._axis))
            question = Question(basis.experiment, chosen, is_whole, self._axis, basis.stamp)
            self._comparer.ask(question)
            self._show_answer()

    def _changed(self) -> None:
        """An answer, a chart, or how far it is."""
        if not self.is_mounted:
            return
        if self._comparer.answer is not self._shown_answer or self._comparer.failed:
            self._show_answer()
        else:
            self._show_head()
            self._show_chart()

    # Showing

    def _look(self) -> Look:
        return Look(self._differences, self.lab.symbols != "ascii", self._cursor)

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
                next((key for key in rows if key.startswith(TESTED)), next(iter(rows), ""))
            )
        self._show_metric()

    def _show_head(self) -> None:
        basis, found = self._basis, self._comparer.answer
        if basis is None:
            return
        parts = [line(f" {basis.experiment} ", "bold"), line(f" {self._axis}", "bold $accent")]
        if len(basis.axes) > 1:
            place = basis.axes.index(self._axis) + 1
            parts.append(line(f" ({place} of {len(basis.axes)} axes)", "$lab-muted"))
        if found is not None:
            said = found.comparison
            seeds = ", ".join(map(str, said.seeds))
            if self._differences:
                parts.append(line(f"  less {said.baseline}", "bold"))
            parts.append(line(f"  {len(said.metrics)} tested, {len(said.shown)} only shown"))
            parts.append(line(f"  seeds {seeds}", "$lab-muted"))
        elif self._comparer.failed:
            parts.append(line(f"  {self._comparer.failed}", "$warning"))
        else:
            parts.append(
                line(f"  {self._comparer.progress or 'reading the measurements'} …", "$primary")
            )
        self.query_one("#head", Static).update(joined(*parts))
        chosen = self._chosen()
        made = strip(
            self._in_order(),
            chosen,
            chosen[0] if chosen else "",
            self._cursor,
            unicode=self.lab.symbols != "ascii",
        )
        self.query_one("#strip", Static).update(made)

    def _show_metric(self) -> None:
        found, row = self._comparer.answer, self.table.chosen_row
        if found is None or row is None:
            return
        self.query_one("#metric", Facts).show(metric_facts(found.comparison, row, self._cursor))
        self._show_chart()
        self.refresh_keys()

    def _show_chart(self) -> None:
        kind = CHART_KINDS[self._kind]
        self.query_one("#chart-pane").border_title = line(f"3 {kind}")
        view, basis = self.query_one("#chart", ChartView), self._basis
        if basis is None:
            return
        if kind in ("loss", "probes"):
            view.show(basis.curves, basis.why_no_curves or "…")
        elif kind == "plane":
            self._show_plane(view)
        else:
            self._show_intervals(view)

    def _show_intervals(self, view: ChartView) -> None:
        from screens.snapshots.compare_charts import difference_chart, interval_chart, value_chart
        from synthlab.analysis.comparison import ConfigDifference, MetricComparison

        found, row = self._comparer.answer, self.table.chosen_row
        if found is None or row is None or isinstance(row.about, ConfigDifference):
            view.show(None, "put the cursor on a metric" if found else "no comparison yet")
        elif why := why_undefined(row.about):
            view.show(None, f"{row.name}\n{why}")
        elif self._differences and isinstance(row.about, MetricComparison) and row.about.contrasts:
            view.show(difference_chart(found.comparison, row.about))
        elif isinstance(row.about, MetricComparison) and view.size.height >= LEAST_HEIGHT:
            view.show(interval_chart(found.comparison, row.about))
        else:
            view.show(value_chart(found.comparison, row.about))

    def _show_plane(self, view: ChartView) -> None:
        row = self.table.chosen_row
        metric = row.name if row is not None and row.key.startswith((TESTED, SHOWN)) else ""
        found = self._comparer.plane(metric)
        if isinstance(found, str):
            view.show(None, found)
        else:
            view.show(found)

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

    def on_chart_view_enlarge(self, event: ChartView.Enlarge) -> None:
        """On the whole screen."""
        from screens.chart import ChartScreen

        event.stop()
        if event.view.chart is not None:
            self.app.push_screen(ChartScreen(event.view.chart))

    # What can be done

    def words(self) -> Mapping[str, str]:
        """The experiment, the axis, the condition, and the number under the cursor."""
        found = {**super().words(), "axis": self._axis, "condition": self._cursor}
        found["next_axis"] = self._next_axis()
        row = self.table.chosen_row if self.is_mounted else None
        chosen = self._chosen()
        if row is not None and chosen and self._cursor and row.key.startswith((TESTED, SHOWN)):
            name = self._cursor
            if self._differences and name != chosen[0] and row.key.startswith(TESTED):
                name = f"{name},{chosen[0]}"
            found["why"] = f"{self._experiment}:{name}:{row.name}"
        return {name: word for name, word in found.items() if word}

    def why_not_axis(self) -> str:
        """There must be another one."""
        basis = self._basis
        if basis is None or not basis.axes:
            return "nothing is measured yet"
        return "" if len(basis.axes) > 1 else f"only {basis.axes[0]} is measured"

    def do_axis(self) -> None:
        """The next one."""
        self._axis = self._next_axis()
        self._ask()
        self.look_again()

    def _next_axis(self) -> str:
        axes = self._basis.axes if self._basis else ()
        place = axes.index(self._axis) if self._axis in axes else -1
        return axes[(place + 1) % len(axes)] if axes else ""

    def do_left(self) -> None:
        """One to the left."""
        self._move(-1)

    def do_right(self) -> None:
        """One to the right."""
        self._move(1)

    def _move(self, by: int) -> None:
        basis = self._basis
        if basis is None or not basis.conditions:
            return
        names = self._in_order()
        place = names.index(self._cursor) if self._cursor in names else 0
        self._cursor = names[max(0, min(place + by, len(names) - 1))]
        self._show_answer()

    def why_not_mark(self) -> str:
        """Two must stay; more than a few cannot be read."""
        chosen = self._chosen()
        if not self._cursor:
            return "there is no condition"
        if self._cursor in chosen:
            return "" if len(chosen) > 2 else "two conditions must stay"
        if self._cursor not in (self._basis.on(self._axis) if self._basis else ()):
            return f"{self._cursor} is not measured on this axis yet"
        return "" if len(chosen) < MOST else f"{MOST} conditions at most; take one out first"

    def do_mark(self) -> None:
        """In or out."""
        self._left_out ^= {self._cursor}
        self._ask()
        self.look_again()

    def why_not_pin(self) -> str:
        """It must take part."""
        return "" if self._cursor in self._chosen() else f"{self._cursor} is left out; space"

    def do_pin(self) -> None:
        """The baseline of every difference."""
        self._pinned = self._cursor
        self._ask()

    def do_values(self) -> None:
        """Values or differences."""
        self._differences = not self._differences
        self._show_answer()

    def do_chart(self) -> None:
        """The next kind of chart."""
        self._kind = (self._kind + 1) % len(CHART_KINDS)
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

    def do_scale(self) -> None:
        """Linear or log."""
        self._log = not self._log
        self.look_again()

    def do_smooth(self) -> None:
        """Off, light, strong."""
        self._smoothing = (self._smoothing + 1) % len(SMOOTHING)
        self.look_again()

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

        suggested = Path.cwd() / f"{self._experiment}-report"
        self.app.push_screen(AskFolder("write the report into", suggested), self._report)

    def _report(self, folder: Path | None) -> None:
        if folder is not None:
            write_into(self.lab, self._experiment, folder)
