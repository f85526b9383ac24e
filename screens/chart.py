"""One chart on the whole screen, with its numbers as a table at a key."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from screens.actions import Action
from screens.lab_screen import LabScreen
from screens.safety import line
from screens.widgets.chart_view import ChartView
from screens.widgets.facts import Facts
from synthlab.analysis.charts.descriptions import Chart
from synthlab.analysis.charts.numbers import chart_numbers


class ChartScreen(LabScreen[None]):
    """Opened by `enter` on any chart."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("chart.table", "t", "table", "the numbers behind the drawing"),
    )

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self._chart = chart

    def body(self) -> ComposeResult:
        """The chart; its numbers are hidden at first."""
        yield ChartView(id="chart")
        yield Facts(id="numbers")

    def on_mount(self) -> None:
        """Draw."""
        self.query_one(ChartView).show(self._chart)
        self.query_one(Facts).display = False
        self.query_one(ChartView).focus()

    def do_table(self) -> None:
        """Drawing or numbers."""
        view, numbers = self.query_one(ChartView), self.query_one(Facts)
        view.display, numbers.display = numbers.display, view.display
        if numbers.display:
            rows = chart_numbers(self._chart)
            numbers.say(line("\n").join(line(row) for row in rows))
            numbers.focus()
        else:
            view.focus()
