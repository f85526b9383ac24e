"""Figures of a report: every kind of chart, whatever it holds, the same bytes each time."""

from __future__ import annotations

import io
import math
import warnings
from xml.etree import ElementTree

import pytest
from PIL import Image

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
    Sample,
    ScatterWithIntervals,
    Series,
    box_of,
)
from synthlab.analysis.charts.palette import BY_FAMILY
from synthlab.report.drawing import draw
from synthlab.report.drawing_tables import PieGrid, draw_pies
from synthlab.report.figure_data import figure_csv
from synthlab.report.looks import ConditionLooks
from synthlab.report.style import as_png, as_svg, drawing_style

LOOKS = ConditionLooks(["vanilla", "human", "single-a", "single", "multi"])
NAN, INF = math.nan, math.inf
HOSTILE = "$x^{ <script>&\x00\\"


def charts(name: str, values: tuple[float, ...]) -> list[Chart]:
    """Each kind of chart with these values under this name."""
    places = tuple(float(place) for place in range(len(values)))
    points = tuple(IntervalPoint(x, v, v - 1, v + 1) for x, v in zip(places, values, strict=True))
    axis, log = Axis(name), Axis(name, "log", "s")
    return [
        LineChart(name, axis, axis, (Series(name, places, values, 3),), (name,)),
        LineChart(name, log, log, (Series(name, places, values), Series("human", places, values))),
        ScatterWithIntervals(
            name, Axis(name, lower=-0.5, upper=2.5, names=(name, "b", "c")), axis,
            (IntervalSeries(name, points), IntervalSeries("human s1", points, 4)),
        ),
        BoxChart(name, axis, (box_of(name, values), box_of("multi s0", values))),
        BoxChart(name, log, (box_of(name, values, "log"),)),
        BarChart(name, axis, tuple(Bar(name, v, v - 1, v + 1, 3, name, True) for v in values)),
        BarChart(name, Axis(name, unit="%", lower=0, upper=1), tuple(Bar(name, v) for v in values)),
        Histogram(name, log, (Sample(name, values), Sample("human", values))),
        Heatmap(name, (name, "b"), ("r",), ((values[0] if values else NAN, NAN),), name, 3),
    ]  # fmt: skip


CASES = {
    "ordinary": charts("human s0", (1.0, 2.0, 4.5)),
    "hostile names": charts(HOSTILE, (0.5, -2.0, 3.0)),
    "no values": charts("human", ()),
    "nothing finite": charts("multi", (NAN, INF, -INF)),
    "huge and tiny": charts("single", (1e308, 1e-308, 0.0)),
    "all equal": charts("vanilla", (7.0, 7.0, 7.0)),
}


@pytest.mark.parametrize("case", CASES)
def test_every_chart_can_be_drawn(case: str) -> None:
    with warnings.catch_warnings(), drawing_style():
        # A glyph that the font lacks is drawn as a box; anything else would be a fault of the figure.
        warnings.filterwarnings("ignore", message="Glyph")
        for chart in CASES[case]:
            drawn = draw(chart, LOOKS)
            svg, png = as_svg(drawn), as_png(drawn)
            assert ElementTree.fromstring(svg).tag.endswith("svg")
            with Image.open(io.BytesIO(png)) as image:
                shades = image.convert("L").histogram()
            assert sum(shades[:100]) > 0 and shades[255] > sum(shades) / 2
            assert b"<script" not in svg
            assert figure_csv(chart).count(b"\r\n") >= 1


def test_intervals_both_ways_are_drawn_and_written() -> None:
    point = IntervalPoint(2.0, 5.0, 4.0, 6.5, 1.5, 2.25)
    chart = ScatterWithIntervals("t", Axis("x"), Axis("y"), (IntervalSeries("human", (point,)),))
    with drawing_style():
        bars = draw(chart, LOOKS).axes[0].containers[0]
    assert getattr(bars, "has_xerr", False) and getattr(bars, "has_yerr", False)
    assert b"human,,2.0,,5.0,4.0,6.5,1.5,2.25" in figure_csv(chart)


def test_drawing_twice_gives_the_same_bytes() -> None:
    for chart in CASES["ordinary"]:
        made = []
        for _ in range(2):
            with drawing_style():
                drawn = draw(chart, LOOKS)
                made.append((as_svg(drawn), as_png(drawn)))
        assert made[0] == made[1]


def test_dollars_are_no_formulas() -> None:
    """`$x^{` is no valid formula: if it were read as one, drawing would fail."""
    broken = "$x^{$"
    with drawing_style():
        as_svg(
            draw(
                LineChart(broken, Axis(broken), Axis(broken), (Series(broken, (1,), (1,)),)), LOOKS
            )
        )


def test_pies_show_every_condition_without_relying_on_colour() -> None:
    counts = {
        name: [[2 * (q == h) for h in range(5)] for q in range(5)] for name in ("human", "multi")
    }
    with drawing_style():
        drawn = draw_pies(PieGrid("x", counts), LOOKS)
        wedges = [patch for patch in drawn.axes[0].patches if type(patch).__name__ == "Wedge"]
        assert len(wedges) == 10
        assert len({patch.get_hatch() for patch in wedges}) == 2
        assert ElementTree.fromstring(as_svg(drawn)) is not None


def test_a_condition_has_one_colour_whatever_stands_beside_it() -> None:
    for name in ("human", "human s0", "human s1", "human harmful", "human harmful s3", "human ≠"):
        assert LOOKS.of(name).colour == BY_FAMILY["human"][0][0]
        assert LOOKS.condition(name) == "human"
    assert LOOKS.of("single-a s0").colour != LOOKS.of("single s0").colour
    assert LOOKS.of("human s0").marker != LOOKS.of("human s1").marker


@pytest.mark.parametrize("values", [(), (NAN, INF)], ids=["no point", "no finite point"])
def test_curves_without_a_point_leave_the_axes_their_room(values: tuple[float, ...]) -> None:
    places = tuple(float(place) for place in range(len(values)))
    series = tuple(Series(name, places, values, 6) for name in ("vanilla", "human", "multi"))
    chart = LineChart("curves", Axis("t", "log"), Axis("V", "log"), series, ())
    with drawing_style(), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw(chart, LOOKS)
        as_svg(figure)
        as_png(figure)
        assert figure.axes[0].get_position().height > 0.4
