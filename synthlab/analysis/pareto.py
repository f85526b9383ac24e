"""Conditions in the plane of two metrics: who pays for what, and who loses on both sides."""

from __future__ import annotations

import difflib
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from storage.home import LabHome
from synthlab.analysis.chosen_cells import axes_measured
from synthlab.analysis.compare_conditions import SWAPS, Progress, compare_conditions
from synthlab.analysis.comparison import Comparison
from synthlab.errors import NotFoundError, UsageError
from synthlab.metrics import catalog

Better = Literal["higher", "lower", ""]

_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "collapse": ("self-bleu-4", "vendi-1", "distinct-2", "ppl1-log", "ppl2-log"),
    "robustness": ("refusal-rate/", "over-refusal-rate/", "quality/"),
    "bias": ("bias-net",),
}
"""Which metric stands for an axis, in the order of preference; those that end in / take any set."""
_SECOND: Mapping[str, tuple[str, ...]] = {
    "collapse": ("ppl2-log", "distinct-2", "ppl1-log"),
    "robustness": ("over-refusal-rate/", "quality/", "compliance-rate/"),
    "bias": ("judge-anchor-accuracy",),
}
"""What an axis is set against where it is the only one."""


@dataclass(frozen=True)
class PlaneAxis:
    """One of the two metrics."""

    metric: str
    name: str
    unit: str
    direction: str
    better: Better
    """Which side is better; empty where the metric has none."""


@dataclass(frozen=True)
class Coordinate:
    """A condition's value of one metric; limits are NaN where no interval is known."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PlanePoint:
    """One condition."""

    condition: str
    x: Coordinate
    y: Coordinate
    dominated_by: tuple[str, ...] = ()
    """Conditions that are better on both metrics, the intervals apart on both."""


@dataclass(frozen=True)
class ParetoPlane:
    """All conditions in one plane."""

    experiment: str
    x: PlaneAxis
    y: PlaneAxis
    points: tuple[PlanePoint, ...]
    notes: tuple[str, ...]

    @property
    def front(self) -> tuple[str, ...]:
        """Conditions that none is known to dominate."""
        return tuple(point.condition for point in self.points if not point.dominated_by)


def pareto_plane(
    connection: sqlite3.Connection,
    home: LabHome,
    experiment: str,
    *,
    x: str | None = None,
    y: str | None = None,
    swaps: int = SWAPS,
    progress: Progress | None = None,
) -> ParetoPlane:
    """The conditions of an experiment by two metrics, of one axis or of two.

    x, y: metrics of `synthlab compare`, such as `self-bleu-4` and `refusal-rate/harmful`; where left
    out, one for each of the first two measured axes. A condition is dominated only where another's
    intervals are wholly on the better side of both of its own: overlapping intervals decide nothing.
    Raises NotFoundError, and UsageError for a metric that was not measured.
    """
    comparisons: dict[str, Comparison] = {}

    def compared(axis: str) -> Comparison:
        if axis not in comparisons:
            comparisons[axis] = compare_conditions(
                connection, home, [experiment], axis=axis, swaps=swaps, progress=progress
            )
        return comparisons[axis]

    identity = _identity(connection, experiment)
    axes = axes_measured(connection, identity)
    if not axes:
        raise NotFoundError(
            f"{identity} has measured nothing yet",
            f"synthlab show {identity} tells what is missing",
        )
    first, second = (axes[0], axes[1]) if len(axes) > 1 else (axes[0], axes[0])
    x_axis, y_axis = (_axis_of(name) if name else None for name in (x, y))
    across = compared(x_axis or _other(y_axis, first, second))
    x_metric = x or _default(across, _DEFAULTS[across.axis], without=y)
    up = compared(y_axis or _other(across.axis, second, first))
    choices = _SECOND if up.axis == across.axis else _DEFAULTS
    y_metric = y or _default(up, choices[up.axis], without=x_metric)
    return _plane(identity, (across, x_metric), (up, y_metric))


def _identity(connection: sqlite3.Connection, experiment: str) -> str:
    from storage.catalog.queries import find_experiment

    found = find_experiment(connection, experiment)
    if found is None:
        raise NotFoundError(
            f"there is no experiment {experiment!r}", "`synthlab experiments` lists them"
        )
    return str(found["id"])


def _other(taken: str | None, wanted: str, instead: str) -> str:
    return wanted if taken != wanted else instead


def _axis_of(metric: str) -> str:
    stem = metric.partition("/")[0]
    try:
        return catalog.metric(stem).axis
    except KeyError:
        known = (*catalog.COLLAPSE, *catalog.ROBUSTNESS, *catalog.BIAS)
        near = difflib.get_close_matches(stem, known, n=3)
        hint = (
            f"did you mean {' or '.join(near)}?" if near else "`synthlab results --all` lists them"
        )
        raise UsageError(f"no metric is called {metric!r}", hint) from None


def _default(comparison: Comparison, choices: Sequence[str], *, without: str | None) -> str:
    offered = [metric.id for metric in comparison.metrics if metric.id != without]
    for choice in choices:
        for name in offered:
            if name == choice or (choice.endswith("/") and name.startswith(choice)):
                return name
    if not offered:
        raise UsageError(f"{comparison.axis} offers no second metric", "name one with --x or --y")
    return offered[0]


def _plane(
    experiment: str, across: tuple[Comparison, str], up: tuple[Comparison, str]
) -> ParetoPlane:
    x, x_of = _coordinates(*across)
    y, y_of = _coordinates(*up)
    conditions = [name for name in across[0].conditions if name in y_of and name in x_of]
    points = [PlanePoint(name, x_of[name], y_of[name]) for name in conditions]
    judged = tuple(
        replace(point, dominated_by=tuple(o.condition for o in points if _beats(o, point, x, y)))
        for point in points
    )
    notes = ["intervals of 95 % over prompts, of these checkpoints"]
    if x.better and y.better:
        notes.append("dominated: another is better on both, and the intervals are apart on both")
    else:
        neutral = " and ".join(axis.metric for axis in (x, y) if not axis.better)
        notes.append(f"{neutral} has no better side: nobody is dominated")
    for comparison, metric in (across, up):
        counted = next((one for one in comparison.metrics if one.id == metric), None)
        if counted is not None and counted.n_rows < counted.n_candidates:
            notes.append(f"{metric}: {counted.n_rows} of {counted.n_candidates} rows are scored")
        if counted is None:
            notes.append(f"{metric} has no interval: it is not tested in a comparison")
    return ParetoPlane(experiment, x, y, judged, tuple(notes))


def _coordinates(comparison: Comparison, metric: str) -> tuple[PlaneAxis, Mapping[str, Coordinate]]:
    for tested in comparison.metrics:
        if tested.id == metric:
            axis = _axis(tested.id, tested.name, tested.unit, tested.direction)
            return axis, {
                name: Coordinate(
                    value.estimate.value,
                    value.estimate.interval.low,
                    value.estimate.interval.high,
                    value.estimate.n,
                )
                for name, value in tested.values.items()
            }
    for shown in comparison.shown:
        if shown.id == metric:
            axis = _axis(shown.id, shown.name, shown.unit, shown.direction)
            return axis, {
                name: Coordinate(value, math.nan, math.nan, 0)
                for name, value in shown.values.items()
            }
    offered = [one.id for one in comparison.metrics] + [one.id for one in comparison.shown]
    near = difflib.get_close_matches(metric, offered, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there is: {', '.join(offered)}"
    raise UsageError(f"{', '.join(comparison.experiments)} has not measured {metric!r}", hint)


def _axis(metric: str, name: str, unit: str, direction: str) -> PlaneAxis:
    side = direction.partition(" = ")[0]
    better: Better = ""
    if side in ("higher", "lower"):
        better = "higher" if side == "higher" else "lower"
    return PlaneAxis(metric, name, unit, direction, better)


def _beats(one: PlanePoint, other: PlanePoint, x: PlaneAxis, y: PlaneAxis) -> bool:
    return _is_apart(one.x, other.x, x.better) and _is_apart(one.y, other.y, y.better)


def _is_apart(one: Coordinate, other: Coordinate, better: Better) -> bool:
    """Whether the first's whole interval lies on the better side of the second's."""
    if better == "higher":
        return one.low > other.high
    return better == "lower" and one.high < other.low
