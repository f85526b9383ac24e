"""The chart beside a comparison: intervals of the metric under the cursor, curves, or two metrics at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from screens.compare_words import why_undefined
from screens.pane_screen import entitle
from screens.safety import line
from screens.snapshots.compare import CHART_KINDS, Answer, Basis, ChartKind
from screens.widgets.chart_view import ChartView

if TYPE_CHECKING:
    from screens.compare_words import CompareRow
    from screens.comparing import Comparer

LEAST_HEIGHT = 12
"""Of a chart in which intervals stand upright; in a lower one they lie."""


class CompareChart(Vertical):
    """A pane with one chart; `turn` takes the next kind."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="pane")
        self._kind = 0

    @property
    def kind(self) -> ChartKind:
        """One of CHART_KINDS."""
        return CHART_KINDS[self._kind]

    def compose(self) -> ComposeResult:
        """One chart."""
        yield ChartView(id="chart", compact=True)

    def turn(self) -> None:
        """The next kind, round and round."""
        self._kind = (self._kind + 1) % len(CHART_KINDS)

    def show(
        self, basis: Basis, comparer: Comparer, row: CompareRow | None, *, differences: bool
    ) -> None:
        """What the kind asks for, or why there is nothing to draw."""
        entitle(self, line(f"3 {self.kind}"))
        view = self.query_one(ChartView)
        if self.kind in ("loss", "probes"):
            view.show(basis.curves, basis.why_no_curves or "…")
        elif self.kind == "plane":
            metric = row.name if row is not None and row.is_number else ""
            found = comparer.plane(metric)
            view.show(None, found) if isinstance(found, str) else view.show(found)
        else:
            _show_intervals(view, comparer.answer, row, differences=differences)


def _show_intervals(
    view: ChartView, found: Answer | None, row: CompareRow | None, *, differences: bool
) -> None:
    from screens.snapshots.compare_charts import difference_chart, interval_chart, value_chart
    from synthlab.analysis.comparison import ConfigDifference, MetricComparison

    if found is None or row is None or isinstance(row.about, ConfigDifference):
        view.show(None, "put the cursor on a metric" if found else "no comparison yet")
    elif why := why_undefined(row.about):
        view.show(None, f"{row.name}\n{why}")
    elif differences and isinstance(row.about, MetricComparison) and row.about.contrasts:
        view.show(difference_chart(found.comparison, row.about))
    elif isinstance(row.about, MetricComparison) and view.size.height >= LEAST_HEIGHT:
        view.show(interval_chart(found.comparison, row.about))
    else:
        view.show(value_chart(found.comparison, row.about))
