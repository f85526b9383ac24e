"""Line charts, and points with error bars: both have a number on either axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synthlab.analysis.charts.descriptions import (
    Axis,
    IntervalSeries,
    LineChart,
    ScatterWithIntervals,
    Series,
)
from synthlab.analysis.charts.geometry import Path, Point, clip_path, decimate, pieces
from synthlab.analysis.charts.grid import Grid, Sheet, Style
from synthlab.analysis.charts.layout import (
    Area,
    LegendEntry,
    axis_text,
    draw_legend,
    draw_notes,
    draw_title,
    draw_x_axis,
    draw_y_axis,
    label_width,
    message,
    share_rows,
    y_ticks,
)
from synthlab.analysis.charts.palette import Look, looks
from synthlab.analysis.charts.raster import Symbols, rasterise
from synthlab.analysis.charts.scales import Ruler, ruler

_CELLS_PER_MARKER = 24
_DOTS_PER_CELL = (2, 4)
"""Columns and rows of dots in a braille cell."""


@dataclass(frozen=True)
class _Layer:
    """One series, ready to be put on the sheet."""

    look: Look
    paths: tuple[Path, ...]
    dots: tuple[Point, ...]
    """Places that get the marker itself."""
    dim: bool


_Layers = Callable[[int, int], list[_Layer]]
"""Makes the layers for a canvas of so many columns and rows."""


@dataclass(frozen=True)
class _Plot:
    """What both kinds of chart have in common."""

    title: str
    x: Axis
    y: Axis
    legend: tuple[LegendEntry, ...]
    notes: tuple[str, ...]


def draw_lines(chart: LineChart, width: int, height: int, symbols: Symbols) -> Grid:
    """Curves, later ones over earlier ones, each with markers that name it without colour."""
    rulers = (
        ruler(chart.x, (x for s in chart.series for x in s.x)),
        ruler(chart.y, (y for s in chart.series for y in s.y)),
    )
    placed = [
        [_point(x, y, rulers) for x, y in zip(series.x, series.y, strict=True)]
        for series in chart.series
    ]
    missing = sum(points.count(None) for points in placed)
    total = sum(map(len, placed))
    if missing == total:
        return message(width, height, chart.title, _nothing(total, chart.y))
    shown = looks([series.name for series in chart.series])
    notes = chart.notes
    if missing:
        notes = (*notes, f"{missing} of {total} points are gaps: {_gap_reason(chart.x, chart.y)}")
    legend = tuple(
        LegendEntry(_named(s.name, s.n), look) for s, look in zip(chart.series, shown, strict=True)
    )
    plot = _Plot(chart.title, chart.x, chart.y, legend, notes)

    def layers(columns: int, rows: int) -> list[_Layer]:
        given = zip(chart.series, placed, shown, strict=True)
        return [_series_layer(s, points, look, (columns, rows)) for s, points, look in given]

    return _draw(plot, rulers, layers, width, height, symbols)


def draw_scatter(chart: ScatterWithIntervals, width: int, height: int, symbols: Symbols) -> Grid:
    """Markers with vertical error bars, and horizontal ones where x has an interval."""
    points = [point for series in chart.series for point in series.points]
    rulers = (
        ruler(chart.x, (v for p in points for v in (p.x, p.x_low, p.x_high))),
        ruler(chart.y, (v for p in points for v in (p.value, p.low, p.high))),
    )
    missing = sum(rulers[0].place(p.x) is None or rulers[1].place(p.value) is None for p in points)
    if missing == len(points):
        return message(width, height, chart.title, _nothing(len(points), chart.y))
    notes = chart.notes
    if missing:
        reason = _gap_reason(chart.x, chart.y)
        notes = (*notes, f"{missing} of {len(points)} points are left out: {reason}")
    shown = looks([series.name for series in chart.series])
    legend = tuple(
        LegendEntry(_named(s.name, s.n), look) for s, look in zip(chart.series, shown, strict=True)
    )
    plot = _Plot(chart.title, chart.x, chart.y, legend, notes)

    def layers(columns: int, rows: int) -> list[_Layer]:
        pairs = zip(chart.series, shown, strict=True)
        # Neighbouring columns for points of one x, else the last series would hide the others.
        return [
            _interval_layer(series, look, rulers, (i, len(shown)), columns)
            for i, (series, look) in enumerate(pairs)
        ]

    return _draw(plot, rulers, layers, width, height, symbols)


def _draw(
    plot: _Plot,
    rulers: tuple[Ruler, Ruler],
    layers: _Layers,
    width: int,
    height: int,
    symbols: Symbols,
) -> Grid:
    sheet = Sheet(width, height)
    room = share_rows(height, [f"{e.look.marker} {e.text}" for e in plot.legend], plot.notes, width)
    top = 1 + room.legend + room.axis
    rows = max(1, height - top - room.below)
    ticks = y_ticks(rulers[1], rows)
    left = label_width([tick.label for tick in ticks], width) + 1
    area = Area(top, left, max(1, width - left), rows)
    draw_title(sheet, plot.title)
    notes = draw_legend(sheet, plot.legend, room.legend)
    if room.axis:
        sheet.write(top - 1, 0, axis_text(plot.y, rulers[1]), Style(dim=True))
    draw_y_axis(sheet, area, ticks)
    draw_x_axis(sheet, area, rulers[0], room, axis_text(plot.x, rulers[0]))
    _put_layers(sheet, area, layers(area.width, area.height), symbols)
    return sheet.finish(notes + draw_notes(sheet, plot.notes, room.notes))


def _put_layers(sheet: Sheet, area: Area, layers: Sequence[_Layer], symbols: Symbols) -> None:
    """All lines first, then all markers: a curve under another can still be told by its markers."""
    drawn = [rasterise(layer.paths, area.width, area.height, symbols) for layer in layers]
    for layer, lines in zip(layers, drawn, strict=True):
        for row, line in enumerate(lines):
            sheet.overlay(area.top + row, area.left, line, _style(layer))
    for number, (layer, lines) in enumerate(zip(layers, drawn, strict=True)):
        cells = {(area.row(dot.y), area.column(dot.x)) for dot in layer.dots}
        if not layer.dots:
            marked = _marker_cells(lines, number, len(layers))
            cells = {(area.top + row, area.left + column) for row, column in marked}
        for row, column in cells:
            sheet.write(row, column, layer.look.marker, _style(layer))


def _style(layer: _Layer) -> Style:
    return Style(layer.look.colour, dim=layer.dim)


def _marker_cells(drawn: Sequence[str], number: int, of: int) -> list[tuple[int, int]]:
    """Where along its line a series shows its marker; series take turns, so that none hides all."""
    width = len(drawn[0]) if drawn else 0
    used = [c for c in range(width) if any(line[c] != " " for line in drawn)]
    if not used:
        return []
    count = max(1, min(len(used) // 4, width // _CELLS_PER_MARKER))
    found = []
    for i in range(count):
        share = (i + (number + 0.5) / max(1, of)) / count
        column = used[min(len(used) - 1, int(share * len(used)))]
        row = next(r for r, line in enumerate(drawn) if line[column] != " ")
        found.append((row, column))
    return found


def _series_layer(
    series: Series, placed: Sequence[Point | None], look: Look, cells: tuple[int, int]
) -> _Layer:
    columns, rows = cells
    fine = (columns * _DOTS_PER_CELL[0], rows * _DOTS_PER_CELL[1])
    if series.mark == "points":
        inside = [p for p in placed if p and 0 <= p.x <= 1 and 0 <= p.y <= 1]
        return _Layer(look, (), _apart(inside, fine), series.dim)
    paths: list[Path] = []
    alone: list[Point] = []
    for piece in pieces(placed):
        for path in clip_path(decimate(piece, columns)):
            if len(path) == 1:
                alone.append(path[0])
            else:
                paths.append(path)
    paths.extend((dot,) for dot in _apart(alone, fine))
    return _Layer(look, tuple(paths), (), series.dim)


def _interval_layer(
    series: IntervalSeries,
    look: Look,
    rulers: tuple[Ruler, Ruler],
    turn: tuple[int, int],
    columns: int,
) -> _Layer:
    """Points of the series whose turn it is, first of so many, in whole columns side by side.

    Neither rounding nor the edge of the canvas may put two series into one column.
    """
    paths, dots = [], []
    number, count = turn
    last = max(1, columns - 1)
    for point in series.points:
        middle = _point(point.x, point.value, rulers)
        if middle is None:
            continue
        if 0 <= middle.x <= 1 and 0 <= middle.y <= 1:
            first = max(0, min(round(middle.x * last) - count // 2, last + 1 - count))
            across = min(1.0, (first + number) / last)
            left, right = (rulers[0].clamp(bound) for bound in (point.x_low, point.x_high))
            if left is not None and right is not None:
                across = middle.x  # in a plane a point stands where it is
                paths.append((Point(left, middle.y), Point(right, middle.y)))
            dots.append(Point(across, middle.y))
            low, high = (rulers[1].clamp(bound) for bound in (point.low, point.high))
            if low is not None and high is not None:
                paths.append((Point(across, low), Point(across, high)))
    return _Layer(look, tuple(paths), tuple(dots), False)


def _apart(points: Sequence[Point], fine: tuple[int, int]) -> tuple[Point, ...]:
    """One of all points that share a dot of the canvas."""
    cells = {(round(p.x * fine[0]), round(p.y * fine[1])): p for p in points}
    return tuple(cells.values())


def _point(x: float, y: float, rulers: tuple[Ruler, Ruler]) -> Point | None:
    across, up = rulers[0].place(x), rulers[1].place(y)
    return None if across is None or up is None else Point(across, up)


def _named(name: str, n: int | None) -> str:
    return name if n is None else f"{name} (n={n})"


def _gap_reason(x: Axis, y: Axis) -> str:
    logs = [axis.label for axis in (x, y) if axis.scale == "log"]
    return "not finite" + (f", or not above 0 on a log axis ({', '.join(logs)})" if logs else "")


def _nothing(total: int, y: Axis) -> str:
    if not total:
        return "no points"
    if y.scale == "log":
        return f"none of {total} points is finite and above 0, which a log axis needs"
    return f"none of {total} points is finite"
