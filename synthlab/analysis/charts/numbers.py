"""The numbers of a chart as lines of text: for those who cannot see the drawing, or need the digits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthlab.analysis.charts.descriptions import (
    BarChart,
    BoxChart,
    Chart,
    Heatmap,
    Histogram,
    LineChart,
    ScatterWithIntervals,
    quantile,
)

DIGITS = 5


def chart_numbers(chart: Chart) -> list[str]:
    """Title, heading and one line for each thing drawn; what is not finite reads `—`."""
    heading, rows = _rows(chart)
    table = [heading, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(heading))]
    lines = [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]
    return [chart.title, "", *lines, *([""] if chart.notes else []), *chart.notes]


def _rows(chart: Chart) -> tuple[list[str], list[list[str]]]:
    match chart:
        case LineChart():
            return ["series", chart.x.label or "x", chart.y.label or "y"], [
                [series.name, _number(x), _number(y)]
                for series in chart.series
                for x, y in zip(series.x, series.y, strict=True)
            ]
        case ScatterWithIntervals():
            return ["series", "x", "value", "low", "high"], [
                [one.name, _number(p.x), _number(p.value), _number(p.low), _number(p.high)]
                for one in chart.series
                for p in one.points
            ]
        case BarChart():
            return ["name", "value", "low", "high", "n", "why undefined"], [
                [
                    bar.name,
                    _number(bar.value),
                    _number(bar.low),
                    _number(bar.high),
                    _count(bar.n),
                    bar.reason,
                ]
                for bar in chart.bars
            ]
        case BoxChart():
            return ["name", "n", "low", "quartile 1", "median", "quartile 3", "high", "mean"], [
                [
                    box.name,
                    str(box.n),
                    *map(
                        _number,
                        (
                            box.low,
                            box.lower_quartile,
                            box.median,
                            box.upper_quartile,
                            box.high,
                            box.mean,
                        ),
                    ),
                ]
                for box in chart.boxes
            ]
        case Histogram():
            return ["name", "n", "lowest", "median", "highest"], [
                [sample.name, str(len(sample.values)), *_spread(sample.values)]
                for sample in chart.samples
            ]
        case Heatmap():
            return ["", *chart.columns], [
                [name, *map(_number, values)]
                for name, values in zip(chart.rows, chart.values, strict=True)
            ]


def _spread(values: Sequence[float]) -> list[str]:
    usable = sorted(value for value in values if math.isfinite(value))
    if not usable:
        return ["—"] * 3
    return [_number(usable[0]), _number(quantile(usable, 0.5)), _number(usable[-1])]


def _number(value: float) -> str:
    return f"{value:.{DIGITS}g}" if math.isfinite(value) else "—"


def _count(n: int | None) -> str:
    return "—" if n is None else str(n)
