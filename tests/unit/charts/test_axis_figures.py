"""The figures of the robustness and self-preference axes show what result rows hold, and no more."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from synthlab.analysis.bias_comparison import BiasComparison
from synthlab.analysis.charts.adapter import draw
from synthlab.analysis.charts.bias import bias_bars, flip_bars, preference_points, short_sources
from synthlab.analysis.charts.descriptions import Chart
from synthlab.analysis.charts.grid import cell_width
from synthlab.analysis.charts.result_cells import result_bars
from synthlab.analysis.charts.robustness import (
    danger_bars,
    danger_grid,
    refusal_bars,
    state_shares,
)
from synthlab.analysis.comparison import JudgeLine
from synthlab.analysis.statistics.estimates import Estimate, Interval, undefined_estimate
from synthlab.cli.plot_axes import axis_chart, axis_of, refuse_form
from synthlab.errors import NotFoundError, UsageError

Row = dict[str, Any]
DOUBT = "at chance on pairs with a known better text"


def row(name: str, metric: str, condition: str, seed: int = 0, **changed: Any) -> Row:
    key = {"metric": metric, "metric_version": 1, **changed.pop("key", {})}
    detail = changed.pop("detail", {})
    return {
        "name": name,
        "axis": "robustness",
        "condition": condition,
        "seed": seed,
        "value": 0.5,
        "unit": "",
        "n": 20,
        "low": 0.4,
        "high": 0.6,
        "reason": "",
        "key": json.dumps(key),
        "detail": json.dumps(detail),
        **changed,
    }


def refusal(prompt_set: str, condition: str, seed: int = 0, **changed: Any) -> Row:
    metric = "over-refusal-rate" if prompt_set == "benign" else "refusal-rate"
    key = {"prompt_set": prompt_set, **changed.pop("key", {})}
    return row(f"{metric}/{prompt_set}", metric, condition, seed, key=key, **changed)


def states(**counts: int) -> dict[str, Any]:
    every = dict.fromkeys(("refusal", "partial", "compliance", "off-topic", "empty", "unscored"), 0)
    return {"states": {"settled": {**every, **counts}, "matcher": {**every, "compliance": 99}}}


def danger(condition: str, grid: list[list[int]], **changed: Any) -> Row:
    key = {"prompt_set": "harmful"}
    detail = {"grid": grid}
    return row("danger-zone/harmful", "danger-zone", condition, key=key, detail=detail, **changed)


def grid_with(quality: int, harm: int, count: int) -> list[list[int]]:
    counts = [[0] * 5 for _ in range(5)]
    counts[quality - 1][harm - 1] = count
    return counts


def preference(source: str, condition: str, value: float, **changed: Any) -> Row:
    key = {"subject": source, "sources": ["human:a@1", "builtin:b@2"]}
    name = f"preference-source: {source}"
    return row(name, "preference-source", condition, key=key, value=value, axis="bias", **changed)


def judge(condition: str, bias: float | None, seed: int = 0) -> JudgeLine:
    if bias is None:
        found = undefined_estimate(DOUBT, method="t on articles", n=72)
    else:
        found = Estimate(bias, Interval(bias - 0.1, bias + 0.1, 0.95, "t"), 72, 20, "")
    believed = bias is not None
    return JudgeLine(condition, seed, believed, "" if believed else DOUBT, {}, {"bias-net": found})


def frame(chart: Chart, width: int = 80, height: int = 22) -> list[str]:
    rows = ["".join(run.text for run in line) for line in draw(chart, width, height).rows]
    assert len(rows) <= height
    assert max(map(cell_width, rows)) <= width
    return rows


def test_refusals_stand_by_prompt_set_with_the_stored_interval_and_n() -> None:
    rows = [
        refusal(which, condition, value=value, low=value - 0.1, high=value + 0.1)
        for condition, value in (("human", 0.2), ("multi", 0.7))
        for which in ("harmful", "benign")
    ]
    rows.append(row("refusal-rate/matcher/harmful", "refusal-rate/matcher", "human", value=0.9))
    chart = refusal_bars(rows, each_seed=False)
    names = [bar.name for bar in chart.bars]
    assert names == ["human harmful s0", "multi harmful s0", "human benign s0", "multi benign s0"]
    assert [bar.value for bar in chart.bars] == [0.2, 0.7, 0.2, 0.7]
    assert (chart.bars[1].low, chart.bars[1].high) == pytest.approx((0.6, 0.8))
    assert any("benign prompts are over-refusal" in note for note in chart.notes)
    drawn = frame(chart)
    assert any("multi harmful" in line and "70 n=20" in line for line in drawn)


def test_seeds_are_averaged_with_their_limits_and_each_can_be_had() -> None:
    rows = [
        refusal("harmful", "human", 0, value=0.2, low=0.1, high=0.4, n=20),
        refusal("harmful", "human", 1, value=0.4, low=0.2, high=0.5, n=18),
    ]
    (mean,) = refusal_bars(rows, each_seed=False).bars
    assert (mean.value, mean.low, mean.high) == pytest.approx((0.3, 0.15, 0.45))
    assert (mean.name, mean.n) == ("human harmful", 18)
    each = refusal_bars(rows, each_seed=True)
    assert [bar.value for bar in each.bars] == [0.2, 0.4]
    assert not any("means over seeds" in note for note in each.notes)


def test_a_seed_without_a_value_leaves_no_mean_and_says_why() -> None:
    rows = [
        refusal("harmful", "human", 0),
        refusal("harmful", "human", 1, value=None, low=None, high=None, reason="no answers"),
        refusal("harmful", "multi"),
    ]
    bars = refusal_bars(rows, each_seed=False).bars
    assert math.isnan(bars[0].value)
    assert bars[0].reason == "s1: no answers"
    assert any("s1: no answers" in line for line in frame(refusal_bars(rows, each_seed=False)))


def test_unlike_measurements_are_marked_within_a_prompt_set_only() -> None:
    rows = [
        refusal("harmful", "human", key={"judge": "one"}),
        refusal("harmful", "multi", key={"judge": "two"}),
        refusal("benign", "human", key={"judge": "two"}),
    ]
    chart = refusal_bars(rows, each_seed=False)
    assert [bar.is_unlike for bar in chart.bars] == [False, True, False]
    assert any(note.endswith("unlike judge") for note in chart.notes)
    assert any("≠ 50" in line for line in frame(chart))
    detailed = [{**one, "detail": json.dumps(states(refusal=1))} for one in rows]
    shares = state_shares(detailed, each_seed=False)
    assert [name.startswith("≠") for name in shares.rows] == [False, True, False]


def test_states_are_shares_of_all_answers_of_all_seeds() -> None:
    rows = [
        refusal("harmful", "human", 0, detail=states(refusal=3, compliance=1)),
        refusal("harmful", "human", 1, detail=states(compliance=4)),
        refusal("harmful", "multi", 0, detail=states(partial=1, unscored=3)),
        refusal("harmful", "multi", 1, detail=states(partial=4)),
    ]
    chart = state_shares(rows, each_seed=False)
    shown = dict(zip(chart.rows, chart.values, strict=True))
    assert chart.columns[-1] == "unscored"
    assert chart.n == 8
    assert shown["human harmful"] == (0.375, 0.0, 0.625, 0.0, 0.0, 0.0)
    assert shown["multi harmful"] == (0.0, 0.625, 0.0, 0.0, 0.0, 0.375)
    assert any("0.625" in line for line in frame(chart))
    apart = state_shares(rows[:2] + rows[3:], each_seed=True)
    assert apart.columns[-1] == "empty"
    assert len(apart.rows) == 3


def test_states_of_unequal_n_tell_it_in_every_row() -> None:
    rows = [
        refusal("harmful", "human", detail=states(refusal=3)),
        refusal("harmful", "multi", detail=states(refusal=2)),
    ]
    chart = state_shares(rows, each_seed=True)
    assert chart.rows == ("human harmful s0 n=3", "multi harmful s0 n=2")
    assert chart.n is None


def test_the_grid_has_quality_upwards_and_brackets_round_the_danger_zone() -> None:
    rows = [
        danger("human", grid_with(5, 4, 2), value=1.0, n=2),
        danger("multi", grid_with(2, 5, 3), value=0.0, n=3),
    ]
    every = danger_grid(rows)
    assert every.rows[0] == "quality 5"
    assert every.values[0] == (0.0, 0.0, 0.0, 2.0, 0.0)
    assert every.values[3] == (0.0, 0.0, 0.0, 0.0, 3.0)
    assert every.n == 5
    assert set(every.marked) == {(0, 3), (0, 4), (1, 3), (1, 4)}
    assert "2 of 5" in every.notes[0]
    top, second, third = frame(every)[2:5]
    assert ("[2]" in top, second.count("[0]"), "[" in third) == (True, 2, False)
    one = danger_grid(rows, "multi")
    assert one.n == 3
    assert "multi" in one.title
    bars = danger_bars(rows, each_seed=False).bars
    assert [bar.value for bar in bars] == [1.0, 0.0]


def test_a_condition_that_was_not_measured_is_refused() -> None:
    rows = [danger("human", grid_with(1, 1, 1))]
    with pytest.raises(NotFoundError, match="nope"):
        axis_chart("demo.1", "grid/nope", rows, (), each_seed=False)
    with pytest.raises(NotFoundError, match="bias axis"):
        axis_chart("demo.1", "flips", rows, (), each_seed=False)
    assert axis_of("grid/human", rows) == "robustness"
    assert axis_of("ppl1", rows) == ""
    assert axis_of("danger-zone/harmful", rows) == "robustness"
    assert result_bars("danger-zone/harmful", rows, each_seed=False).bars[0].n == 20


def test_preferences_have_one_series_a_judge_over_named_sources() -> None:
    rows = [
        preference("builtin:b@2", "human", 0.7),
        preference("human:a@1", "human", 0.3),
        preference("builtin:b@2", "multi", 0.6),
        preference("human:a@1", "multi", 0.4),
    ]
    chart = preference_points(rows, each_seed=False)
    assert chart.x.names == ("human", "b")
    assert [series.name for series in chart.series] == ["human s0", "multi s0"]
    by_x = {point.x: point.value for point in chart.series[0].points}
    assert by_x == {0.0: 0.3, 1.0: 0.7}
    drawn = frame(chart)
    assert any("human" in line and " b " in line for line in drawn)
    assert any("(n=20)" in line for line in drawn)


def test_every_judge_keeps_its_own_column_at_any_width() -> None:
    conditions = ("vanilla", "human", "single", "multi")
    rows = [preference("human:a@1", one, 0.5, low=None, high=None) for one in conditions]
    chart = preference_points(rows, each_seed=True)
    for width in (60, 61, 62, 63):
        canvas = "".join(frame(chart, width)[3:16])
        assert all(canvas.count(sign) == 1 for sign in "◆●▲■"), width


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["human:x@1", "hub/org/name@2"], ("human", "name")),
        (["builtin:x@1", "hub/x@2"], ("builtin:x", "hub/x")),
        (["builtin:x@1", "builtin:x@2"], ("builtin:x@1", "builtin:x@2")),
    ],
)
def test_sources_are_shortened_only_as_far_as_they_stay_apart(
    given: list[str], shown: tuple[str, ...]
) -> None:
    assert short_sources(given) == shown


def test_a_judge_that_is_not_believed_has_no_bar_but_a_reason() -> None:
    lines = (judge("human", -0.2), judge("multi", 0.3), judge("single", None))
    found = BiasComparison("bias", ("human", "multi", "single"), lines, ())
    rows = [
        row("preference-own", "preference-own", one.condition, key={"judge": one.condition[:1]})
        for one in lines
    ]
    chart = bias_bars(found, rows)
    assert [bar.reason for bar in chart.bars] == ["", "", "not believed"]
    assert math.isnan(chart.bars[2].value)
    assert (chart.axis.lower, chart.axis.upper) == pytest.approx((-0.4, 0.4))
    assert f"not believed: single s0: {DOUBT}" in chart.notes
    assert [bar.is_unlike for bar in chart.bars] == [False, True, True]
    drawn = frame(chart)
    assert any("single s0" in line and "not believed" in line for line in drawn)
    middle = {line.rindex("│") for line in drawn if line.startswith(" ") and line.count("│") == 2}
    assert len(middle) == 1


def test_judges_are_listed_even_if_none_is_believed() -> None:
    lines = (judge("human", None), judge("human", None, 1))
    chart = bias_bars(BiasComparison("bias", ("human",), lines, ()), [])
    drawn = frame(chart)
    assert sum("not believed" in line and "n=72" in line for line in drawn) == 2
    assert f"not believed: all: {DOUBT}" in chart.notes


def test_flips_and_first_places_stand_beside_each_other() -> None:
    rows = [
        row(metric, metric, condition, axis="bias", value=value)
        for metric, value in (("judge-first-share", 0.9), ("judge-order-flips", 0.8))
        for condition in ("human", "multi")
    ]
    chart = flip_bars(rows, each_seed=False)
    names = [bar.name for bar in chart.bars]
    assert names == ["human flips s0", "multi flips s0", "human first s0", "multi first s0"]
    assert [bar.value for bar in chart.bars] == [0.8, 0.8, 0.9, 0.9]
    assert not any(bar.is_unlike for bar in chart.bars)
    assert any("best 50" in line for line in frame(chart))


def test_in_ascii_unlike_measurements_stay_marked() -> None:
    rows = [refusal("harmful", one, key={"judge": one}) for one in ("human", "multi")]
    text = draw(refusal_bars(rows, each_seed=False), 80, 22, "ascii").text
    assert "! 50 n=20" in text
    assert "! not comparable" in text
    assert text.isascii()


def test_these_figures_have_no_other_form() -> None:
    refuse_form("refusal", None)
    with pytest.raises(UsageError, match="one form"):
        refuse_form("refusal", "boxes")
