"""Boxes, bars and distributions on paper: one name a row, over one value axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthlab.analysis.charts.descriptions import Bar, BarChart, BoxChart, Histogram, Sample, box_of
from synthlab.analysis.charts.scales import Ruler, ruler, short
from synthlab.report.labels import figure_label, figure_title
from synthlab.report.looks import ConditionLooks
from synthlab.report.style import ACCENT, FAINT, INK, NOTHING, at, new_figure, set_axis, within

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.27
"""Inches for one row."""
_MARGIN = 1.15
"""Inches for the title and the axis."""
_BINS = 24
_GAP = 0.6
"""Between two groups of bars, in rows."""


def draw_boxes(chart: BoxChart, looks: ConditionLooks) -> Figure:
    """Quartile boxes with whiskers, a red dot for the mean, and every value beyond as a ring."""
    usable = [box for box in chart.boxes if box.n]
    values = [v for b in usable for v in (b.low, b.high, b.median, b.mean, *b.outliers)]
    scale = ruler(chart.axis, values)
    figure = new_figure(_MARGIN + 1.4 * _ROW * max(2, len(chart.boxes)))
    axes = figure.subplots()
    for row, box in enumerate(chart.boxes):
        if not box.n:
            continue
        look = looks.of(box.name)
        axes.bxp(
            [
                {
                    "whislo": at(scale, box.low), "q1": at(scale, box.lower_quartile),
                    "med": at(scale, box.median), "q3": at(scale, box.upper_quartile),
                    "whishi": at(scale, box.high), "mean": at(scale, box.mean),
                    "fliers": [at(scale, value) for value in box.outliers], "label": "",
                }
            ],
            positions=[row],
            widths=0.62,
            orientation="horizontal",
            patch_artist=True,
            showmeans=True,
            manage_ticks=False,
            boxprops={"facecolor": f"{look.colour}66", "edgecolor": look.colour},
            whiskerprops={"color": look.colour},
            capprops={"color": look.colour},
            medianprops={"color": INK, "linewidth": 1.6},
            meanprops={"marker": "o", "markerfacecolor": ACCENT, "markeredgecolor": "white",
                       "markersize": 5.5},
            flierprops={"marker": "o", "markerfacecolor": "none", "markersize": 3.5,
                        "markeredgecolor": look.colour, "alpha": 0.7},
        )  # fmt: skip
    labels = [f"{figure_label(box.name)}  n={box.n}" for box in chart.boxes]
    _set_rows(axes, [float(row) for row in range(len(labels))], labels)
    set_axis(axes, "x", chart.axis, scale)
    return _finished(figure, axes, chart.title, is_empty=not usable)


def draw_bars(chart: BarChart, looks: ConditionLooks) -> Figure:
    """Bars from zero with their intervals, value and n beside each; what is undefined says why."""
    log = chart.axis.scale == "log"
    known = [bar for bar in chart.bars if math.isfinite(bar.value) and (not log or bar.value > 0)]
    scale = ruler(
        chart.axis, [v for bar in known for v in (bar.value, bar.low, bar.high)], zero=True
    )
    places = _places([looks.condition(bar.name) for bar in chart.bars])
    figure = new_figure(_MARGIN + _ROW * max(2.0, places[-1] + 1 if places else 2.0))
    axes = figure.subplots()
    start = 0.0 if log else within(scale, 0.0, scale.lower)
    for place, bar in zip(places, chart.bars, strict=True):
        if bar in known:
            _draw_bar(axes, place, bar, start, scale, looks.of(bar.name).colour)
        else:
            said = f" {figure_title(bar.reason or 'undefined')}"
            axes.text(start, place, said, va="center", color=FAINT, fontsize=8, in_layout=False)
    set_axis(axes, "x", chart.axis, scale)
    _set_rows(axes, places, [figure_label(bar.name) for bar in chart.bars])
    _label_values(axes, chart, places, scale)
    if scale.lower < 0 < scale.upper:
        axes.axvline(start, color=INK, linewidth=1.1)
    return _finished(figure, axes, chart.title, is_empty=not chart.bars)


def _draw_bar(axes: Axes, place: float, bar: Bar, start: float, scale: Ruler, colour: str) -> None:
    end = within(scale, bar.value, scale.lower)
    axes.barh(
        place, end - start, left=start, height=0.72, color=f"{colour}b0", edgecolor=colour,
        hatch="////" if bar.is_unlike else None,
    )  # fmt: skip
    if math.isfinite(bar.low) and math.isfinite(bar.high):
        low, high = (within(scale, one, bar.value) for one in (bar.low, bar.high))
        reach = [[max(0.0, end - low)], [max(0.0, high - end)]]
        axes.errorbar(
            end, place, xerr=reach, color=INK, linestyle="none", elinewidth=1.0, capsize=2.5
        )


def draw_histogram(chart: Histogram, looks: ConditionLooks) -> Figure:
    """The share of each sample in common bins, one under the other, with median and mean."""
    usable = [_usable(sample, chart.axis.scale == "log") for sample in chart.samples]
    scale = ruler(chart.axis, [value for values in usable for value in values])
    edges = [number / _BINS for number in range(_BINS + 1)]
    figure = new_figure(_MARGIN + 0.62 * max(2, len(chart.samples)))
    rows = figure.subplots(max(1, len(chart.samples)), 1, sharex=True, sharey=True, squeeze=False)
    for sample, values, axes in zip(chart.samples, usable, rows[:, 0], strict=True):
        look = looks.of(sample.name)
        if values:
            weights = [1 / len(values)] * len(values)
            axes.hist([at(scale, value) for value in values], bins=edges, weights=weights,
                      color=f"{look.colour}90", edgecolor=look.colour, linewidth=0.6)  # fmt: skip
            middle = box_of(sample.name, values)
            axes.axvline(at(scale, middle.median), color=INK, linewidth=1.3)
            axes.axvline(at(scale, middle.mean), color=ACCENT, linewidth=1.2, linestyle="--")
        axes.set_yticks([])
        axes.set_ylabel(
            f"{figure_label(sample.name)}\nn={len(values)}", rotation=0, ha="right", va="center"
        )
        axes.spines["left"].set_visible(False)
    for axes in rows[:-1, 0]:
        axes.tick_params(bottom=False, labelbottom=False)
    set_axis(rows[-1, 0], "x", chart.axis, scale)
    rows[0, 0].set_title(figure_title(chart.title))
    return figure


def _usable(sample: Sample, log: bool) -> list[float]:
    return [value for value in sample.values if math.isfinite(value) and (not log or value > 0)]


def _places(conditions: Sequence[str]) -> list[float]:
    """A row for each bar, with a gap where the conditions begin again."""
    places: list[float] = []
    place, seen = 0.0, set[str]()
    for number, condition in enumerate(conditions):
        begins_again = number > 0 and condition != conditions[number - 1] and condition in seen
        if begins_again:
            place, seen = place + _GAP, set()
        seen.add(condition)
        places.append(place)
        place += 1.0
    return places


def _set_rows(axes: Axes, places: Sequence[float], labels: Sequence[str]) -> None:
    axes.set_yticks(places, labels=labels)
    axes.set_ylim((places[-1] if places else 0.0) + 0.65, -0.65)
    axes.tick_params(axis="y", length=0)


def _label_values(axes: Axes, chart: BarChart, places: Sequence[float], scale: Ruler) -> None:
    """Value and n right of the frame, where no bar and no whisker can hide them."""
    for place, bar in zip(places, chart.bars, strict=True):
        value = short(bar.value / scale.factor, 3) if math.isfinite(bar.value) else "—"
        n = "" if bar.n is None else f"  n={bar.n}"
        axes.annotate(
            f"{'≠ ' if bar.is_unlike else ''}{value}{n}",
            (1.0, place), xycoords=("axes fraction", "data"), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=8, annotation_clip=False,
        )  # fmt: skip


def _finished(figure: Figure, axes: Axes, title: str, *, is_empty: bool) -> Figure:
    axes.grid(True, axis="x")
    axes.set_title(figure_title(title))
    if is_empty:
        axes.text(0.5, 0.5, NOTHING, transform=axes.transAxes, ha="center", color=FAINT)
    return figure
