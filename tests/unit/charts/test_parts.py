"""The pure parts of a chart: decimation, clipping, ticks, units, looks, boxes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthlab.analysis.charts.collapse import Curve, merge_seeds
from synthlab.analysis.charts.descriptions import Axis, Scale, box_of, quantile
from synthlab.analysis.charts.geometry import Point, clip_path, clip_segment, decimate
from synthlab.analysis.charts.palette import looks
from synthlab.analysis.charts.scales import ruler, short

finite = st.floats(-1e6, 1e6)
points = st.builds(Point, finite, finite)


@given(st.lists(st.builds(Point, st.floats(0, 1), finite), min_size=1, max_size=300))
def test_decimation_keeps_ends_and_extremes_of_columns(path: list[Point]) -> None:
    path.sort(key=lambda point: point.x)
    columns = 10
    kept = decimate(path, columns)
    assert len(kept) <= max(2 * columns, 2 * (columns + 1) + 2)
    assert (kept[0], kept[-1]) == (path[0], path[-1])
    for column in {int(point.x * columns) for point in path}:
        ours, theirs = (
            [p.y for p in many if int(p.x * columns) == column] for many in (kept, path)
        )
        assert (min(ours), max(ours)) == (min(theirs), max(theirs))


def test_decimation_keeps_the_order_of_extremes() -> None:
    up_then_down = [Point(0.5, y) for y in (0.0, 5.0, 1.0, -3.0, 2.0)] * 10
    assert [p.y for p in decimate(up_then_down, 4)] == [0.0, 5.0, -3.0, 2.0]


@given(points, points)
def test_clipping_keeps_exactly_what_is_inside(start: Point, end: Point) -> None:
    clipped = clip_segment(start, end)
    steps = np.linspace(0.0, 1.0, 201)
    xs, ys = (a + steps * (b - a) for a, b in zip(start, end, strict=True))
    inside = (xs > 1e-9) & (xs < 1 - 1e-9) & (ys > 1e-9) & (ys < 1 - 1e-9)
    if clipped is None:
        assert not inside.any()
        return
    (x1, y1), (x2, y2) = clipped
    assert all(0.0 <= value <= 1.0 for value in (x1, y1, x2, y2))
    for x, y in zip(xs[inside], ys[inside], strict=True):
        assert min(x1, x2) - 1e-6 <= x <= max(x1, x2) + 1e-6
        assert min(y1, y2) - 1e-6 <= y <= max(y1, y2) + 1e-6


def test_a_path_that_leaves_and_returns_becomes_two() -> None:
    path = (Point(0.1, 0.5), Point(0.4, 3.0), Point(0.6, 3.0), Point(0.9, 0.5))
    first, second = clip_path(path)
    assert first[0] == Point(0.1, 0.5)
    assert first[-1].y == 1.0
    assert second[-1] == Point(0.9, 0.5)


@given(
    st.lists(st.floats(allow_nan=True), max_size=8),
    st.sampled_from(["linear", "log"]),
    st.integers(2, 12),
)
def test_ticks_are_inside_rise_and_have_labels_of_their_own(
    values: list[float], scale: Scale, most: int
) -> None:
    made = ruler(Axis("v", scale), values)
    ticks = made.ticks(most)
    assert len({tick.label for tick in ticks}) == len(ticks)
    places = [tick.place for tick in ticks]
    assert places == sorted(places)
    assert all(0.0 <= place <= 1.0 for place in places)
    for value in values:
        place = made.place(value)
        if place is None:
            assert not math.isfinite(value) or (scale == "log" and value <= 0)
        else:
            assert -1e-9 <= place <= 1 + 1e-9


@pytest.mark.parametrize(
    ("axis", "values", "labels", "suffix"),
    [
        (Axis("y"), [0.9, 4.7], ["1", "2", "3", "4", "5"], ""),
        (Axis("y"), [0.99901, 0.99909], ["0.99902", "0.99904", "0.99906", "0.99908"], ""),
        (Axis("y"), [7.0, 7.0], ["6.5", "7", "7.5"], ""),
        (Axis("t", unit="s"), [0.0, 7200.0], ["0", "0.5", "1", "1.5", "2"], "h"),
        (Axis("m", unit="bytes"), [0.0, 3 * 2.0**30], ["0", "1", "2", "3"], "GiB"),
        (Axis("r", unit="%"), [0.0, 0.8], ["0", "20", "40", "60", "80"], "%"),
        (Axis("n", "log"), [1.0, 90000.0], ["1", "10", "100", "1k", "10k", "100k"], ""),
        (Axis("p", "log"), [4.0, 60.0], ["5", "10", "20", "50"], ""),
    ],
    ids=str,
)
def test_tick_labels(axis: Axis, values: list[float], labels: list[str], suffix: str) -> None:
    made = ruler(axis, values)
    shown = [tick.label for tick in made.ticks(6)]
    assert made.suffix == suffix
    assert shown == labels


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.08219, "0.08219"), (12345.0, "12.35k"), (-3.1e6, "-3.1M"), (2e-7, "2e-7")],
)
def test_short_numbers(value: float, text: str) -> None:
    assert short(value) == text


def test_paper_conditions_have_the_paper_s_colours() -> None:
    found = {name: looks([name])[0].colour for name in ("single", "multi", "human", "vanilla")}
    assert found == {
        "single": "#4c72b0",
        "multi": "#55a868",
        "human": "#c44e52",
        "vanilla": "#8172b2",
    }


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=8, unique=True))
def test_looks_depend_on_the_name_alone_and_do_not_collide(names: list[str]) -> None:
    together = looks(names)
    assert len({look.marker for look in together}) == len(names)
    assert looks(names) == together
    assert together[0] == looks(names[:1])[0]


def test_seeds_share_a_colour_and_not_a_marker() -> None:
    first, second, other = looks(["human s0", "human s1", "multi s0"])
    assert first.colour == second.colour != other.colour
    assert len({first.marker, second.marker, other.marker}) == 3


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_boxes_agree_with_numpy(values: list[float]) -> None:
    box = box_of("a", values)
    expected = np.quantile(values, [0.25, 0.5, 0.75])
    shown = [box.lower_quartile, box.median, box.upper_quartile]
    assert shown == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-9)
    assert box.mean == pytest.approx(np.mean(values), rel=1e-9, abs=1e-6)
    inside = len(values) - len(box.outliers)
    assert inside == sum(box.low <= value <= box.high for value in values)


def test_log_boxes_leave_out_what_has_no_logarithm() -> None:
    box = box_of("a", [0.0, -1.0, math.nan, 1.0, 10.0, 100.0], "log")
    assert (box.n, box.left_out, box.median) == (3, 3, 10.0)
    assert box_of("a", [0.0], "log").n == 0


def test_log_fences_are_symmetric_in_the_logarithm() -> None:
    values = [10.0 ** (i / 10) for i in range(-10, 11)]
    wide = box_of("a", [*values, 1e-6, 1e6], "log")
    assert wide.outliers == (1e-6, 1e6)


def test_quantiles_of_one_value() -> None:
    assert quantile([3.0], 0.25) == 3.0


def test_seeds_merge_at_the_x_they_share() -> None:
    curves = [
        Curve("a", 0, (1.0, 2.0, 4.0), (1.0, 2.0, 3.0), 10),
        Curve("a", 1, (1.0, 4.0), (3.0, 5.0), 8),
        Curve("b", 0, (1.0,), (9.0,), 10),
    ]
    merged = merge_seeds(curves)
    assert merged[0] == Curve("a", None, (1.0, 4.0), (2.0, 4.0), 8)
    assert merged[1] == curves[2]
