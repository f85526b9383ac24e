"""The way in: a chart and a size give a grid of exactly that size, whatever the data hold."""

from __future__ import annotations

from dataclasses import replace

from synthlab.analysis.charts.curves import draw_lines, draw_scatter
from synthlab.analysis.charts.descriptions import (
    BarChart,
    BoxChart,
    Chart,
    Heatmap,
    Histogram,
    LineChart,
    ScatterWithIntervals,
)
from synthlab.analysis.charts.grid import Grid, Run, clusters
from synthlab.analysis.charts.heat import draw_heatmap
from synthlab.analysis.charts.layout import message
from synthlab.analysis.charts.plain_signs import plain
from synthlab.analysis.charts.raster import Symbols
from synthlab.analysis.charts.rows import draw_bars, draw_boxes, draw_histogram
from synthlab.analysis.charts.sizes import MAX_HEIGHT, MAX_WIDTH, MIN_HEIGHT, MIN_WIDTH


def draw(chart: Chart, width: int, height: int, symbols: Symbols = "braille") -> Grid:
    """Draw a chart; below 18x4 cells the grid says that it is too small.

    symbols: `braille` (2x4 dots a cell), `block` (2x2), or `ascii`, in which nothing of the grid is
    beyond ASCII. Raises ValueError for a size that is not between 1x1 and 500x200.
    """
    if not (1 <= width <= MAX_WIDTH and 1 <= height <= MAX_HEIGHT):
        raise ValueError(
            f"a chart of {width}x{height} cells: 1x1 to {MAX_WIDTH}x{MAX_HEIGHT} can be"
        )
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        grid = message(width, height, chart.title, f"needs {MIN_WIDTH}x{MIN_HEIGHT} cells")
    else:
        grid = _draw(chart, width, height, symbols)
    return _in_ascii(grid) if symbols == "ascii" else grid


def _draw(chart: Chart, width: int, height: int, symbols: Symbols) -> Grid:
    match chart:
        case LineChart():
            return draw_lines(chart, width, height, symbols)
        case ScatterWithIntervals():
            return draw_scatter(chart, width, height, symbols)
        case BoxChart():
            return draw_boxes(chart, width, height)
        case BarChart():
            return draw_bars(chart, width, height)
        case Histogram():
            return draw_histogram(chart, width, height)
        case Heatmap():
            return draw_heatmap(chart, width, height)


def _in_ascii(grid: Grid) -> Grid:
    def ascii_only(text: str) -> str:
        parts = ((plain(sign), size) for sign, size in clusters(text))
        return "".join(sign if sign.isascii() else "?" * size for sign, size in parts)

    rows = tuple(tuple(Run(ascii_only(run.text), run.style) for run in row) for row in grid.rows)
    return replace(grid, rows=rows, notes=tuple(map(ascii_only, grid.notes)))
