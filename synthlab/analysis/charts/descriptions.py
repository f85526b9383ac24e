"""What a chart shows, as plain values: a test, a table and a drawing can all be made from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

Scale = Literal["linear", "log"]
Unit = Literal["", "s", "bytes", "tokens", "words", "nats", "%"]
Mark = Literal["line", "points"]
WHISKER_REACH = 1.5
"""Whiskers end at the last value within this many interquartile ranges of the box (Tukey 1977)."""


@dataclass(frozen=True)
class Axis:
    """One axis; limits that are not given come from the finite values."""

    label: str
    scale: Scale = "linear"
    unit: Unit = ""
    """`%` takes shares of one; `s` and `bytes` choose their multiple by the largest value."""
    lower: float | None = None
    upper: float | None = None
    names: tuple[str, ...] = ()
    """Of the places 0, 1, 2 and so on, where the axis shows things and not numbers."""


@dataclass(frozen=True)
class Series:
    """One curve; a value that is not finite is a gap in it."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    n: int | None = None
    """Items behind the curve, shown in the legend."""
    mark: Mark = "line"
    dim: bool = False

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise ValueError(f"{self.name}: {len(self.x)} x for {len(self.y)} y")


@dataclass(frozen=True)
class LineChart:
    """Curves over one x axis; later series are drawn over earlier ones."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class IntervalPoint:
    """A value over x with its interval; NaN bounds mean that none is known."""

    x: float
    value: float
    low: float = math.nan
    high: float = math.nan
    x_low: float = math.nan
    """Interval of x, where x is itself an estimate."""
    x_high: float = math.nan


@dataclass(frozen=True)
class IntervalSeries:
    """Points of one condition."""

    name: str
    points: tuple[IntervalPoint, ...]
    n: int | None = None


@dataclass(frozen=True)
class ScatterWithIntervals:
    """Points with error bars, over one x axis or in a plane."""

    title: str
    x: Axis
    y: Axis
    series: tuple[IntervalSeries, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Box:
    """A sample in seven numbers, and the values beyond its whiskers."""

    name: str
    n: int
    low: float
    lower_quartile: float
    median: float
    upper_quartile: float
    high: float
    mean: float
    outliers: tuple[float, ...] = ()
    left_out: int = 0
    """Values that could not be used: not finite, or not positive on a log axis."""


@dataclass(frozen=True)
class BoxChart:
    """A box for each sample, one under the other over one value axis."""

    title: str
    axis: Axis
    boxes: tuple[Box, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bar:
    """One value with its interval; a NaN says why in `reason`."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    n: int | None = None
    reason: str = ""
    is_unlike: bool = False
    """Measured unlike the first bar, and so marked; a note of the chart says how."""


@dataclass(frozen=True)
class BarChart:
    """A bar for each value, from zero (on a log axis: from the lower limit)."""

    title: str
    axis: Axis
    bars: tuple[Bar, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """The values of one condition."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Histogram:
    """A distribution for each sample over the same bins, one under the other."""

    title: str
    axis: Axis
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heatmap:
    """A table of values as shades; each cell shows its number where there is room."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    """One tuple a row; what is not finite is a hole."""
    label: str = ""
    n: int | None = None
    notes: tuple[str, ...] = ()
    marked: tuple[tuple[int, int], ...] = ()
    """Rows and columns of the cells whose numbers stand in brackets; a note says why."""

    def __post_init__(self) -> None:
        if len(self.values) != len(self.rows) or any(
            len(row) != len(self.columns) for row in self.values
        ):
            raise ValueError(f"{self.title}: values do not fit the names of rows and columns")


Chart = LineChart | ScatterWithIntervals | BoxChart | BarChart | Histogram | Heatmap


def box_of(name: str, values: Iterable[float], scale: Scale = "linear") -> Box:
    """Summarise a sample; quartiles are interpolated linearly between order statistics.

    On a log scale fences lie 1.5 interquartile ranges away in the logarithm, and values that are not
    positive are left out and counted. A sample without usable values gives a box of NaN with n = 0.
    """
    given = list(values)
    usable = sorted(v for v in given if math.isfinite(v) and (scale == "linear" or v > 0))
    left_out = len(given) - len(usable)
    if not usable:
        nan = math.nan
        return Box(name, 0, nan, nan, nan, nan, nan, nan, (), left_out)
    lower, median, upper = (quantile(usable, share) for share in (0.25, 0.5, 0.75))
    low_fence, high_fence = _fences(lower, upper, scale)
    # Near the smallest float, quartiles are rounded, and both may lie between two values.
    inside = [v for v in usable if low_fence <= v <= high_fence] or usable
    outliers = tuple(v for v in usable if not inside[0] <= v <= inside[-1])
    return Box(
        name,
        len(usable),
        inside[0],
        lower,
        median,
        upper,
        inside[-1],
        _mean(usable),
        outliers,
        left_out,
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Quantile of sorted values by linear interpolation (type 7 of Hyndman and Fan 1996)."""
    place = (len(ordered) - 1) * share
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    weight = place - below
    # Written so that two values of opposite huge size do not overflow; rounding must not leave them.
    between = ordered[below] * (1 - weight) + ordered[above] * weight
    return min(ordered[above], max(ordered[below], between))


def _fences(lower: float, upper: float, scale: Scale) -> tuple[float, float]:
    if scale == "log":
        reach = WHISKER_REACH * (math.log(upper) - math.log(lower))
        low, high = math.log(lower) - reach, math.log(upper) + reach
        return min(math.exp(low), lower), max(math.exp(min(high, 709.0)), upper)
    reach = WHISKER_REACH * (upper - lower)
    return lower - reach, upper + reach


def _mean(values: Sequence[float]) -> float:
    scale = max(map(abs, values))
    return fmean(v / scale for v in values) * scale if scale > 0 else 0.0
