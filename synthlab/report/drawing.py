"""From a chart's description to a figure on paper: the same charts that the terminal shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthlab.analysis.charts.descriptions import (
    BarChart,
    BoxChart,
    Chart,
    Heatmap,
    Histogram,
    LineChart,
    ScatterWithIntervals,
)
from synthlab.analysis.charts.scales import Ruler, ruler
from synthlab.report.drawing_rows import draw_bars, draw_boxes, draw_histogram
from synthlab.report.drawing_tables import draw_heatmap
from synthlab.report.labels import figure_label, figure_title
from synthlab.report.looks import ConditionLooks
from synthlab.report.style import (
    DASHES,
    FAINT,
    INK,
    MARKERS,
    NOTHING,
    at,
    marker_style,
    new_figure,
    set_axis,
    within,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS_PER_CURVE = 8
_DODGE = 0.11
"""Between the points of two series at one named place, in steps of the axis."""


def draw(chart: Chart, looks: ConditionLooks) -> Figure:
    """Draw a chart, whatever the data hold; call it under `drawing_style`."""
    match chart:
        case LineChart():
            return _draw_lines(chart, looks)
        case ScatterWithIntervals():
            return _draw_points(chart, looks)
        case BoxChart():
            return draw_boxes(chart, looks)
        case BarChart():
            return draw_bars(chart, looks)
        case Histogram():
            return draw_histogram(chart, looks)
        case Heatmap():
            return draw_heatmap(chart)


def _draw_lines(chart: LineChart, looks: ConditionLooks) -> Figure:
    x = ruler(chart.x, (value for series in chart.series for value in series.x))
    y = ruler(chart.y, (value for series in chart.series for value in series.y))
    figure = new_figure(3.9)
    axes = figure.subplots()
    for place, series in enumerate(chart.series):
        look = looks.of(series.name)
        stride = max(1, len(series.x) // _MARKS_PER_CURVE)
        up = [at(y, value) for value in series.y]
        axes.plot(
            [at(x, value) for value in series.x],
            up,
            label=_named(series.name, series.n),
            linestyle=DASHES[MARKERS[look.marker]] if series.mark == "line" else "none",
            linewidth=1.5,
            # Not all curves carry their markers at the same x.
            markevery=(place % stride, stride),
            # A line without a point that is not clipped is taken to lie at the corner of the page.
            clip_on=not any(map(math.isfinite, up)),
            **marker_style(look),
        )
    set_axis(axes, "x", chart.x, x)
    set_axis(axes, "y", chart.y, y)
    drawn = sum(
        math.isfinite(at(y, value)) for value in (v for series in chart.series for v in series.y)
    )
    return _finished(figure, axes, chart.title, len(chart.series), is_empty=not drawn)


def _draw_points(chart: ScatterWithIntervals, looks: ConditionLooks) -> Figure:
    points = [point for series in chart.series for point in series.points]
    x = ruler(chart.x, (v for point in points for v in (point.x, point.x_low, point.x_high)))
    y = ruler(chart.y, (v for point in points for v in (point.value, point.low, point.high)))
    figure = new_figure(4.1)
    axes = figure.subplots()
    for place, series in enumerate(chart.series):
        look = looks.of(series.name)
        shift = _DODGE * (place - (len(chart.series) - 1) / 2) if chart.x.names else 0.0
        kept = [point for point in series.points if math.isfinite(at(y, point.value))]
        across = [at(x, point.x + shift) for point in kept]
        up = [at(y, point.value) for point in kept]
        axes.errorbar(
            across,
            up,
            xerr=_reach(across, [_limits(x, p.x, p.x_low, p.x_high) for p in kept]),
            yerr=_reach(up, [_limits(y, p.value, p.low, p.high) for p in kept]),
            label=_named(series.name, series.n),
            linestyle="none",
            ecolor=look.colour,
            elinewidth=1.1,
            capsize=2.5,
            **marker_style(look),
        )
    set_axis(axes, "x", chart.x, x)
    set_axis(axes, "y", chart.y, y)
    if chart.y.lower is None and y.lower < 0.5 < y.upper and "0.5" in chart.y.label:
        axes.axhline(at(y, 0.5), color=INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    drawn = sum(math.isfinite(at(y, value)) for value in (point.value for point in points))
    return _finished(figure, axes, chart.title, len(chart.series), is_empty=not drawn)


def _limits(scale: Ruler, value: float, low: float, high: float) -> tuple[float, float]:
    """Places of an interval's limits; those of the value where none is known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return at(scale, value), at(scale, value)
    return within(scale, low, value), within(scale, high, value)


def _reach(
    places: Sequence[float], limits: Sequence[tuple[float, float]]
) -> list[list[float]] | None:
    """How far each bar reaches down and up; None where no interval is known."""
    below = [max(0.0, place - low) for place, (low, _) in zip(places, limits, strict=True)]
    above = [max(0.0, high - place) for place, (_, high) in zip(places, limits, strict=True)]
    return [below, above] if any(below) or any(above) else None


def _finished(figure: Figure, axes: Axes, title: str, entries: int, *, is_empty: bool) -> Figure:
    axes.grid(True)
    if is_empty:
        axes.text(0.5, 0.5, NOTHING, ha="center", color=FAINT)
    axes.set_title(figure_title(title))
    if entries:
        figure.legend(loc="outside lower center", ncols=legend_columns(axes))
    return figure


def legend_columns(axes: Axes) -> int:
    """As many entries side by side as fit the width of a page."""
    labels: Sequence[str] = axes.get_legend_handles_labels()[1]
    longest = max(map(len, labels), default=1)
    return max(1, min(len(labels), 4, 84 // (longest + 7)))


def _named(name: str, n: int | None) -> str:
    return figure_label(name) + ("" if n is None else f" (n={n})")
