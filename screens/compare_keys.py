"""The keys of a comparison, and the table that hands left and right on to it."""

from __future__ import annotations

from textual.binding import Binding
from textual.events import Resize
from textual.message import Message

from screens.actions import Action
from screens.compare_words import CompareRow
from screens.widgets.lab_table import LabTable

COMPARE_ACTIONS = (
    Action(
        "compare.axis",
        "x",
        "axis",
        "the next axis: collapse, robustness, bias",
        "synthlab compare {experiment} --axis {next_axis}",
    ),
    Action("compare.mark", "space", "in/out", "take the condition in or leave it out"),
    Action(
        "compare.pin",
        "p",
        "pin",
        "pin the condition as the baseline of all differences",
        "synthlab compare {experiment} --axis {axis} --baseline {condition}",
    ),
    Action("compare.values", "v", "Δ", "values of the conditions, or their differences"),
    Action("compare.chart", "c", "chart", "intervals, training loss, probes, or two metrics"),
    Action("compare.only-differing", "d", "differing", "inputs that differ, or all inputs"),
    Action(
        "compare.all",
        "a",
        "all",
        "also numbers that have no test",
        "synthlab compare {experiment} --axis {axis} --all",
    ),
    Action(
        "compare.why",
        "w",
        "why",
        "from the number under the cursor back to what it was made of",
        "synthlab why {why}",
    ),
    Action(
        "compare.report",
        "r",
        "report",
        "write page, tables, figures and data into a folder",
        "synthlab report {experiment}",
    ),
    Action("compare.left", "h,left", "left", "the condition to the left", hidden=True),
    Action("compare.right", "l,right", "right", "the condition to the right", hidden=True),
    Action("compare.scale", "s", "log", "loss on a linear or a log axis", hidden=True),
    Action("compare.smooth", "e", "smooth", "smooth the loss: off, 0.6, 0.9", hidden=True),
    Action("compare.probe", "b", "probe", "another probe of the axis", hidden=True),
)


class CompareTable(LabTable[CompareRow]):
    """Up and down are metrics; left and right are conditions."""

    BINDINGS = [
        Binding("h,left", "screen.do('compare.left')", "left", show=False, id="compare-table.left"),
        Binding(
            "l,right", "screen.do('compare.right')", "right", show=False, id="compare-table.right"
        ),
    ]

    class Resized(Message):
        """Other columns fit."""

    def on_resize(self, event: Resize) -> None:
        """Columns of other widths."""
        super().on_resize(event)
        self.post_message(self.Resized())
