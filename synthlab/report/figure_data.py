"""The numbers that a figure shows, as rows for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator

from synthlab.analysis.charts.descriptions import (
    BarChart,
    BoxChart,
    Chart,
    Heatmap,
    Histogram,
    LineChart,
    ScatterWithIntervals,
)
from synthlab.escaping import CsvCell
from synthlab.report.drawing_tables import PieGrid
from synthlab.report.tables import csv_file


def figure_csv(chart: Chart | PieGrid) -> bytes:
    """Header and rows of one figure; a number that is not finite is an empty cell."""
    return csv_file(_HEADERS[type(chart).__name__], _rows(chart))


_HEADERS: dict[str, tuple[str, ...]] = {
    "LineChart": ("series", "n", "x", "y"),
    "ScatterWithIntervals": ("series", "n", "x", "x_name", "value", "low", "high",
                             "x_low", "x_high"),
    "BoxChart": ("name", "n", "low", "lower_quartile", "median", "upper_quartile", "high", "mean",
                 "beyond", "left_out"),
    "BarChart": ("name", "value", "low", "high", "n", "reason", "unlike_the_first"),
    "Histogram": ("name", "value"),
    "Heatmap": ("row", "column", "value"),
    "PieGrid": ("condition", "quality", "harmfulness", "answers"),
}  # fmt: skip


def _rows(chart: Chart | PieGrid) -> Iterator[tuple[CsvCell, ...]]:
    match chart:
        case LineChart():
            for line in chart.series:
                yield from ((line.name, line.n, x, y) for x, y in zip(line.x, line.y, strict=True))
        case ScatterWithIntervals():
            for series in chart.series:
                for point in series.points:
                    name = chart.x.names[int(point.x)] if chart.x.names else ""
                    yield (
                        series.name, series.n, point.x, name, point.value, point.low, point.high,
                        point.x_low, point.x_high,
                    )  # fmt: skip
        case BoxChart():
            for box in chart.boxes:
                yield (
                    box.name, box.n, box.low, box.lower_quartile, box.median, box.upper_quartile,
                    box.high, box.mean, len(box.outliers), box.left_out,
                )  # fmt: skip
        case BarChart():
            for bar in chart.bars:
                yield bar.name, bar.value, bar.low, bar.high, bar.n, bar.reason, int(bar.is_unlike)
        case Histogram():
            for sample in chart.samples:
                yield from ((sample.name, value) for value in sample.values)
        case Heatmap():
            for name, row in zip(chart.rows, chart.values, strict=True):
                yield from ((name, col, v) for col, v in zip(chart.columns, row, strict=True))
        case PieGrid():
            for name, counts in chart.counts.items():
                for quality, grades in enumerate(counts, 1):
                    yield from ((name, quality, harm, n) for harm, n in enumerate(grades, 1))
