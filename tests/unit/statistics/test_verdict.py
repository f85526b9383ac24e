"""Verdicts in words."""

import math
from dataclasses import replace

import numpy as np
import pytest

from synthlab.analysis.statistics.clusters import Clusters
from synthlab.analysis.statistics.comparability import ComparabilityKey, compare_if_alike
from synthlab.analysis.statistics.estimates import (
    Effect,
    Interval,
    PairedResult,
    undefined_result,
)
from synthlab.analysis.statistics.multiplicity import NamedP, holm
from synthlab.analysis.statistics.paired import paired_mean_difference
from synthlab.analysis.statistics.verdict import Outcome, verdict

RESULT = PairedResult(
    difference=0.12,
    interval=Interval(0.04, 0.2, 0.95, "t"),
    p=0.004,
    method="paired t on prompts",
    effect=Effect(0.4, "d_z", Interval(0.1, 0.7, 0.95, "large-sample")),
    n_pairs=180,
    mde=0.11,
    n_units=60,
    unit="prompts",
    needed=53.0,
)
OPEN = replace(
    RESULT, difference=0.05, interval=Interval(-0.03, 0.13, 0.95, "t"), p=0.22, needed=314
)


def test_higher_and_lower() -> None:
    up = verdict(RESULT)
    assert up.outcome == "higher"
    assert up.sentence == "higher by 0.12 (95% interval 0.04 to 0.2, p = 0.004)"
    down = verdict(replace(RESULT, difference=-0.12, p=1e-6))
    assert down.outcome == "lower"
    assert down.sentence.startswith("lower by 0.12 (")
    assert "p < 0.001" in down.sentence


def test_undecided_names_the_n_that_would_decide() -> None:
    shown = verdict(OPEN)
    assert shown.outcome == "undecided"
    assert shown.sentence == (
        "undecided at n = 60 prompts: difference 0.05 (95% interval -0.03 to 0.13, p = 0.220); "
        "about 320 prompts would decide a difference this large"
    )
    by_seed = verdict(replace(OPEN, unit="seeds", n_units=3, needed=9.0))
    assert "undecided at n = 3 seeds per condition" in by_seed.sentence
    assert "about 9 seeds per condition would decide" in by_seed.sentence
    large = verdict(replace(OPEN, needed=123_456.0))
    assert "about 130,000 prompts" in large.sentence


def test_the_adjusted_p_decides() -> None:
    family = holm("all", [NamedP("x", RESULT.p), *(NamedP(f"n{i}", 0.5) for i in range(14))])
    shown = verdict(RESULT, family=family, name="x")
    assert shown.outcome == "undecided"
    assert "p = 0.060, Holm over 15" in shown.sentence
    assert shown.sentence.endswith("decided on its own, but not among the tests shown with it")
    small = holm("pair", [NamedP("x", RESULT.p), NamedP("y", 0.5)])
    assert verdict(RESULT, family=small, name="x").outcome == "higher"
    with pytest.raises(KeyError):
        verdict(RESULT, family=small, name="z")


def test_unlike_results_name_the_field() -> None:
    keys = [
        ComparabilityKey.of({"metric": "distinct-2", "metric_version": "1", "token_budget": budget})
        for budget in (2_000, 4_000)
    ]
    shown = verdict(compare_if_alike(keys[0], keys[1], lambda: RESULT))
    assert shown.outcome == "not comparable"
    assert shown.sentence == "not comparable: token budget (2000 against 4000)"


def test_an_impossible_test_gives_its_reason() -> None:
    shown = verdict(undefined_result("no scored rows", method="t", effect="d_z"))
    assert (shown.outcome, shown.sentence) == ("undecided", "undecided: no scored rows")


def test_one_seed_is_admitted_only_where_prompts_are_the_unit() -> None:
    for result in (RESULT, OPEN):
        assert "one seed: said of these checkpoints" in verdict(result, is_one_seed=True).sentence
    assert "one seed" not in verdict(replace(RESULT, unit="seeds"), is_one_seed=True).sentence


def test_equal_runs_are_undecided_without_an_invented_n() -> None:
    scores = np.arange(20.0)
    same = paired_mean_difference(scores, scores, Clusters.of(range(20)), seed=0)
    assert verdict(same).sentence == (
        "undecided at n = 20 prompts: difference 0 (p = 1.000); "
        "no difference was seen, so no larger n is known to decide it"
    )
    unknown = verdict(replace(OPEN, needed=math.nan, reason="no spread"))
    assert unknown.sentence.endswith("the n that would decide it is unknown: no spread")


@pytest.mark.parametrize(
    ("shift", "expected"), [(1.0, "higher"), (-1.0, "lower"), (0.0, "undecided")]
)
def test_planted_differences_get_the_right_verdict(shift: float, expected: Outcome) -> None:
    generator = np.random.default_rng(51)
    clusters = Clusters.of([row // 2 for row in range(120)])
    outcomes = [
        verdict(
            paired_mean_difference(
                generator.normal(shift, 1, 120),
                generator.normal(0, 1, 120),
                clusters,
                seed=0,
                sign_flips=99,
            )
        ).outcome
        for _ in range(200)
    ]
    assert outcomes.count(expected) >= 186
