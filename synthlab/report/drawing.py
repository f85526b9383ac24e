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
from synthlab.analysis.charts.scales import ruler
from synthlab.report.drawing_rows import draw_bars, draw_boxes, draw_histogram
from synthlab.report.drawing_tables import draw_heatmap
from synthlab.report.escaping import figure_label, figure_title
from synthlab.report.looks import ConditionLooks
from synthlab.report.style import (
    DASHES,
    INK,
    MARKERS,
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
        axes.plot(
            [at(x, value) for value in series.x],
            [at(y, value) for value in series.y],
            label=_named(series.name, series.n),
            linestyle=DASHES[MARKERS[look.marker]] if series.mark == "line" else "none",
            linewidth=1.5,
            # Not all curves carry their markers at the same x.
            markevery=(place % stride, stride),
            clip_on=False,
            **marker_style(look),
        )
    set_axis(axes, "x", chart.x, x)
    set_axis(axes, "y", chart.y, y)
    return _finished(figure, axes, chart.title, len(chart.series))


def _draw_points(chart: ScatterWithIntervals, looks: ConditionLooks) -> Figure:
    points = [point for series in chart.series for point in series.points]
    x = ruler(chart.x, (point.x for point in points))
    y = ruler(chart.y, (v for point in points for v in (point.value, point.low, point.high)))
    figure = new_figure(4.1)
    axes = figure.subplots()
    for place, series in enumerate(chart.series):
        look = looks.of(series.name)
        shift = _DODGE * (place - (len(chart.series) - 1) / 2) if chart.x.names else 0.0
        kept = [point for point in series.points if math.isfinite(at(y, point.value))]
        middles = [at(y, point.value) for point in kept]
        lows = [within(y, point.low, point.value) for point in kept]
        highs = [within(y, point.high, point.value) for point in kept]
        axes.errorbar(
            [at(x, point.x + shift) for point in kept],
            middles,
            yerr=[
                [max(0.0, middle - low) for middle, low in zip(middles, lows, strict=True)],
                [max(0.0, high - middle) for middle, high in zip(middles, highs, strict=True)],
            ],
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
    return _finished(figure, axes, chart.title, len(chart.series))


def _finished(figure: Figure, axes: Axes, title: str, entries: int) -> Figure:
    axes.grid(True)
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
