"""Draws whatever hypothesis can think of; a process of its own, since plotext can end one.

The last example is on stderr before it is drawn: after an abort nothing else could tell it.
"""

from __future__ import annotations

import math
import sys

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthlab.analysis.charts.adapter import draw
from synthlab.analysis.charts.descriptions import (
    Axis,
    Bar,
    BarChart,
    BoxChart,
    Chart,
    Heatmap,
    Histogram,
    IntervalPoint,
    IntervalSeries,
    LineChart,
    Mark,
    Sample,
    ScatterWithIntervals,
    Series,
    box_of,
)
from synthlab.analysis.charts.grid import cell_width
from synthlab.analysis.charts.raster import Symbols
from synthlab.text import safe_line

EXTREMES = [0.0, -0.0, 5e-324, 1e-320, 1e16, 1e16 + 2, 1e12, 1e308, -1e308, 1.7976931348623157e308]
numbers = st.one_of(
    st.floats(),
    st.floats(-10, 10),
    st.sampled_from([*EXTREMES, math.nan, math.inf, -math.inf]),
)
NASTY = [
    "\x1b[2J",
    "\x1b]52;c;aGk=\x07",
    "\u202eabc",
    "e" + "\u0301" * 50,
    "漢字" * 20,
    "\ud800",
    "",
]
names = st.one_of(st.text(max_size=30), st.sampled_from(NASTY), st.just("x" * 600))
limits = st.one_of(st.none(), numbers)
axes = st.builds(
    Axis,
    names,
    st.sampled_from(["linear", "log"]),
    st.sampled_from(["", "s", "bytes", "tokens", "%"]),
    limits,
    limits,
)
counts = st.one_of(st.none(), st.integers(0, 10**12))


@st.composite
def series(draw_from: st.DrawFn) -> Series:
    points = draw_from(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=60))
    mark: Mark = draw_from(st.sampled_from(["line", "points"]))
    x, y = (tuple(point[i] for point in points) for i in (0, 1))
    return Series(draw_from(names), x, y, draw_from(counts), mark)


@st.composite
def heatmaps(draw_from: st.DrawFn) -> Heatmap:
    columns = draw_from(st.lists(names, max_size=12))
    rows = draw_from(st.lists(names, max_size=12))
    values = tuple(tuple(draw_from(numbers) for _ in columns) for _ in rows)
    return Heatmap(draw_from(names), tuple(columns), tuple(rows), values, draw_from(names))


def many(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, max_size=6).map(tuple)


values = st.lists(numbers, max_size=40)
intervals = st.builds(IntervalPoint, numbers, numbers, numbers, numbers)
lines = st.builds(LineChart, names, axes, axes, many(series()), many(names))
plain = st.builds(Axis, st.just("v"), st.sampled_from(["linear", "log"]))
curves = st.builds(LineChart, st.just("t"), plain, plain, st.tuples(series(), series()))
charts: st.SearchStrategy[Chart] = st.one_of(
    lines,
    # Most of those that reach plotext: room, points, and limits that leave them inside.
    curves,
    st.builds(
        ScatterWithIntervals,
        names,
        axes,
        axes,
        many(st.builds(IntervalSeries, names, many(intervals), counts)),
    ),
    st.builds(
        BoxChart,
        names,
        axes,
        many(st.builds(box_of, names, values, st.sampled_from(["linear", "log"]))),
    ),
    st.builds(
        BarChart,
        names,
        axes,
        many(st.builds(Bar, names, numbers, numbers, numbers, counts, names)),
    ),
    st.builds(Histogram, names, axes, many(st.builds(Sample, names, values.map(tuple)))),
    heatmaps(),
)


@given(
    charts,
    st.one_of(st.integers(18, 90), st.integers(1, 90)),
    st.one_of(st.integers(4, 30), st.integers(1, 30)),
    st.sampled_from(["braille", "block", "ascii"]),
)
def grid_has_the_asked_size(chart: Chart, width: int, height: int, symbols: Symbols) -> None:
    sys.stderr.write(f"{width}x{height} {symbols} {chart!a}\n")
    grid = draw(chart, width, height, symbols)
    assert (grid.width, grid.height) == (width, height)
    assert len(grid.rows) == height
    for row in grid.rows:
        text = "".join(run.text for run in row)
        assert cell_width(text) == width, repr(text)
        assert safe_line(text) == text, repr(text)
        assert symbols != "ascii" or text.isascii(), repr(text)
    for note in grid.notes:
        assert safe_line(note) == note, repr(note)


if __name__ == "__main__":
    chosen = settings(
        max_examples=int(sys.argv[1]),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    chosen(grid_has_the_asked_size)()
