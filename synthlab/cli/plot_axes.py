"""The figures of `synthlab plot` that belong to one axis: which there are, and what each is made of."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from storage.catalog.queries import Row
from storage.home import LabHome
from synthlab.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from synthlab.analysis.charts.descriptions import Chart
    from synthlab.analysis.measured import MeasuredCell

AXIS_OF: Mapping[str, str] = MappingProxyType(
    {
        "refusal": "robustness",
        "states": "robustness",
        "grid": "robustness",
        "danger": "robustness",
        "preference": "bias",
        "bias": "bias",
        "flips": "bias",
    }
)
"""Figures by name, and the axis whose measurements each shows."""


def axis_of(what: str, results: Sequence[Row]) -> str:
    """The axis that a figure or a result belongs to; empty for what is drawn from collapse cells.

    `grid/CONDITION` is the grid of one condition.
    """
    figure, _, condition = what.partition("/")
    if figure in AXIS_OF and (not condition or figure == "grid"):
        return AXIS_OF[figure]
    measured = {str(row["axis"]) for row in results if row["name"] == what}
    return "" if "collapse" in measured else min(measured, default="")


def judging_panel(
    connection: sqlite3.Connection, home: LabHome, experiment: str, what: str
) -> Sequence[MeasuredCell]:
    """Finished judges, for the one figure that goes back to their items."""
    from synthlab.analysis.measured import read_cells

    return read_cells(connection, home, experiment, "bias") if what == "bias" else ()


def axis_chart(
    experiment: str,
    what: str,
    results: Sequence[Row],
    panel: Sequence[MeasuredCell],
    *,
    each_seed: bool,
) -> Chart:
    """A figure of the robustness or self-preference axis, or bars of one of their results.

    Raises NotFoundError if the axis has no finished measurement, or not of the condition asked for.
    """
    axis = axis_of(what, results)
    own = [row for row in results if row["axis"] == axis]
    if not own:
        raise NotFoundError(
            f"{experiment} has no finished measurement of the {axis} axis",
            f"`synthlab show {experiment}` tells how far it is",
        )
    if axis == "robustness":
        return _robustness(experiment, what, own, each_seed=each_seed)
    return _bias(what, own, panel, each_seed=each_seed)


def refuse_form(what: str, form: str | None) -> None:
    """Raise UsageError if a form was asked for: these figures have one each."""
    if form:
        raise UsageError(f"{what} has one form", "leave out --as")


def _robustness(experiment: str, what: str, results: Sequence[Row], *, each_seed: bool) -> Chart:
    from synthlab.analysis.charts import robustness

    figure, _, condition = what.partition("/")
    if what == "refusal":
        return robustness.refusal_bars(results, each_seed=each_seed)
    if what == "states":
        return robustness.state_shares(results, each_seed=each_seed)
    if what == "danger":
        return robustness.danger_bars(results, each_seed=each_seed)
    if figure != "grid":
        return _result_bars(what, results, each_seed=each_seed)
    known = list(dict.fromkeys(row["condition"] for row in results))
    if condition and condition not in known:
        raise NotFoundError(
            f"{experiment} has no measured condition {condition!r}", f"there is: {', '.join(known)}"
        )
    return robustness.danger_grid(results, condition)


def _bias(
    what: str, results: Sequence[Row], panel: Sequence[MeasuredCell], *, each_seed: bool
) -> Chart:
    from synthlab.analysis.bias_comparison import compare_judges
    from synthlab.analysis.charts import bias

    if what == "preference":
        return bias.preference_points(results, each_seed=each_seed)
    if what == "flips":
        return bias.flip_bars(results, each_seed=each_seed)
    if what == "bias":
        conditions = list(dict.fromkeys(cell.condition for cell in panel))
        return bias.bias_bars(compare_judges(panel, conditions), results)
    return _result_bars(what, results, each_seed=each_seed)


def _result_bars(what: str, results: Sequence[Row], *, each_seed: bool) -> Chart:
    from synthlab.analysis.charts.result_cells import result_bars

    return result_bars(what, results, each_seed=each_seed)
