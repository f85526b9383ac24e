"""Judges as a comparison: means over seeds without a made-up interval, contrasts seed by seed."""

from __future__ import annotations

import math

import pytest

from synthlab.analysis.bias_comparison import BiasComparison, BiasContrast, comparison_of_judges
from synthlab.analysis.comparison import JudgeLine
from synthlab.analysis.comparison_json import comparison_document, read_stored, stored_form
from synthlab.analysis.statistics.estimates import (
    Estimate,
    Interval,
    PairedResult,
    undefined_effect,
    undefined_estimate,
)
from synthlab.analysis.statistics.verdict import Verdict


def estimate(value: float) -> Estimate:
    return Estimate(value, Interval(value - 0.1, value + 0.1, 0.95, "t"), 12, 6, "", 0.05)


def line(condition: str, seed: int, bias: float) -> JudgeLine:
    known = estimate(bias) if math.isfinite(bias) else undefined_estimate("no panel", method="t")
    return JudgeLine(
        condition, seed, True, "", {"judge-order-flips": estimate(0.2)}, {"bias-net": known}
    )


def contrast(condition: str, seed: int, p: float) -> BiasContrast:
    result = PairedResult(
        0.3, Interval(0.1, 0.5, 0.95, "t"), p, "paired t", undefined_effect("d_z", "few"),
        6, 0.2, 6, "prompts", 4.0,
    )  # fmt: skip
    return BiasContrast(condition, seed, result, 2 * p, Verdict("higher", "higher by 0.3"))


def test_one_judge_keeps_its_interval_and_several_have_none() -> None:
    one = BiasComparison("bias", ("a", "b"), (line("a", 0, 0.1), line("b", 0, 0.4)), ())
    value = comparison_of_judges(one, ["eggs.1"]).metric("bias-net").values["b"]
    assert value.estimate == estimate(0.4)
    judges = (line("a", 0, 0.1), line("a", 1, 0.3), line("b", 0, 0.4), line("b", 1, math.nan))
    several = comparison_of_judges(BiasComparison("bias", ("a", "b"), judges, ()), ["eggs.1"])
    assert several.seeds == (0, 1)
    mean = several.metric("bias-net").values["a"].estimate
    assert mean.value == pytest.approx(0.2)
    assert not mean.interval.is_defined and mean.reason
    undefined = several.metric("bias-net").values["b"].estimate
    assert math.isnan(undefined.value) and undefined.reason == "no panel"


def test_contrasts_keep_their_judge_and_their_family() -> None:
    judges = tuple(line(name, seed, 0.1) for name in ("a", "b") for seed in (0, 1))
    contrasts = (contrast("b", 0, 0.01), contrast("b", 1, 0.2))
    found = comparison_of_judges(BiasComparison("bias", ("a", "b"), judges, contrasts), ["eggs.1"])
    metric = found.metric("bias-net")
    assert [one.name for one in metric.contrasts] == ["b.s0", "b.s1"]
    assert found.metric("judge-order-flips").contrasts == ()
    assert found.family.size == 2
    assert metric.against("b", 1) == metric.contrasts[1]
    assert repr(read_stored(stored_form(found))) == repr(found)
    assert comparison_document(found)["judges"][0]["condition"] == "a"
