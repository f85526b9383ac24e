"""Grids on paper: shaded tables, and the quality-by-harmfulness grid of pies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthlab.analysis.charts.descriptions import Heatmap
from synthlab.analysis.charts.scales import short
from synthlab.report.labels import figure_label, figure_title
from synthlab.report.looks import ConditionLooks
from synthlab.report.style import ACCENT, FAINT, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

_GRID = 5
_DANGER_FROM = 4
_HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "++++")
"""By condition in the order of the legend, so that no slice is told by its colour alone."""
_LARGEST_PIE = 0.46
"""Radius, in cells."""


@dataclass(frozen=True)
class PieGrid:
    """Answers by quality and harmfulness: a pie for each pair of grades, a slice for each condition."""

    title: str
    counts: Mapping[str, Sequence[Sequence[int]]]
    """By condition, answers by quality - 1 and harmfulness - 1."""
    notes: tuple[str, ...] = ()


def draw_heatmap(chart: Heatmap) -> Figure:
    """Shaded cells with their numbers; marked cells stand in a red frame."""
    known = [value for row in chart.values for value in row if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    figure = new_figure(1.15 + 0.3 * max(2, len(chart.rows)))
    axes = figure.subplots()
    axes.set_xlim(-0.5, len(chart.columns) - 0.5)
    axes.set_ylim(len(chart.rows) - 0.5, -0.5)
    for i, row in enumerate(chart.values):
        for j, value in enumerate(row):
            _draw_cell(axes, i, j, value, (low, high))
    for i, j in chart.marked:
        axes.add_patch(_rectangle(j - 0.5, i - 0.5, ACCENT))
    axes.set_xticks(range(len(chart.columns)), labels=[figure_label(one) for one in chart.columns])
    axes.set_yticks(range(len(chart.rows)), labels=[figure_label(one) for one in chart.rows])
    axes.tick_params(length=0, top=False, bottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    n = "" if chart.n is None else f", n={chart.n}"
    axes.set_xlabel(figure_title(f"{chart.label or 'values'}{n}"))
    axes.set_title(figure_title(chart.title))
    return figure


def draw_pies(grid: PieGrid, looks: ConditionLooks) -> Figure:
    """Area of a pie: answers with these grades; slices in the order of the legend, from the top."""
    totals = [
        [sum(counts[q][h] for counts in grid.counts.values()) for h in range(_GRID)]
        for q in range(_GRID)
    ]
    largest = max(max(row) for row in totals) or 1
    figure = new_figure(5.2, 5.6)
    axes = figure.subplots()
    for q in range(_GRID):
        for h in range(_GRID):
            slices = {name: counts[q][h] for name, counts in grid.counts.items()}
            if totals[q][h]:
                radius = _LARGEST_PIE * math.sqrt(totals[q][h] / largest)
                _draw_pie(axes, (h + 1, q + 1), max(0.08, radius), slices, looks)
    reach = _GRID - _DANGER_FROM + 1
    axes.add_patch(_rectangle(_DANGER_FROM - 0.5, _DANGER_FROM - 0.5, ACCENT, reach, reach))
    axes.text(
        _GRID + 0.45, _GRID + 0.43, "danger zone", color=ACCENT, ha="right", va="top", fontsize=8
    )
    axes.set_xlim(0.5, _GRID + 0.5)
    axes.set_ylim(0.5, _GRID + 0.5)
    axes.set_aspect("equal")
    axes.set_xticks(range(1, _GRID + 1), labels=[str(one) for one in range(1, _GRID + 1)])
    axes.set_yticks(range(1, _GRID + 1), labels=[str(one) for one in range(1, _GRID + 1)])
    axes.set_xlabel("harmfulness")
    axes.set_ylabel("quality")
    axes.grid(True)
    axes.set_title(figure_title(grid.title))
    _draw_legend(figure, grid, looks)
    return figure


def _draw_pie(
    axes: Axes,
    centre: tuple[int, int],
    radius: float,
    slices: Mapping[str, int],
    looks: ConditionLooks,
) -> None:
    from matplotlib.patches import Wedge

    total, angle = sum(slices.values()), 90.0
    for place, (name, count) in enumerate(slices.items()):
        turn = 360.0 * count / total
        if count:
            axes.add_patch(
                Wedge(centre, radius, angle - turn, angle, facecolor=looks.of(name).colour,
                      edgecolor="white", linewidth=0.7, hatch=_hatch(place))
            )  # fmt: skip
        angle -= turn
    axes.text(centre[0] + 0.46, centre[1] - 0.47, str(total), ha="right", va="bottom",
              fontsize=7, color=INK)  # fmt: skip


def _draw_legend(figure: Figure, grid: PieGrid, looks: ConditionLooks) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(
            facecolor=looks.of(name).colour, edgecolor="white", hatch=_hatch(place),
            label=f"{figure_label(name)} (n={_total(counts)})",
        )
        for place, (name, counts) in enumerate(grid.counts.items())
    ]  # fmt: skip
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(2, len(handles)))


def _hatch(place: int) -> str:
    return _HATCHES[place % len(_HATCHES)]


def _total(counts: Sequence[Sequence[int]]) -> int:
    return sum(map(sum, counts))


def _draw_cell(axes: Axes, i: int, j: int, value: float, ends: tuple[float, float]) -> None:
    from matplotlib import colormaps

    low, high = ends
    if not math.isfinite(value):
        axes.text(j, i, "·", ha="center", va="center", color=FAINT)
        return
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span > 0 else 0.0
    # The light end of the map only: black numbers stay readable, also on a grey printer.
    colour = colormaps["Blues"](0.03 + 0.57 * share)
    axes.add_patch(_rectangle(j - 0.48, i - 0.46, "white", 0.96, 0.92, fill=colour))
    axes.text(j, i, short(value, 3), ha="center", va="center", color=INK)


def _rectangle(
    left: float,
    bottom: float,
    edge: str,
    width: float = 1.0,
    height: float = 1.0,
    *,
    fill: tuple[float, float, float, float] | None = None,
) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle(
        (left, bottom), width, height, facecolor=fill or "none", edgecolor=edge,
        linewidth=0.5 if fill else 1.8,
    )  # fmt: skip
