"""Paired randomisation and half-sample contrasts of corpus metrics."""

import math

import numpy as np
import pytest

from synthlab.analysis.statistics.clusters import BoolArray, Clusters
from synthlab.analysis.statistics.intervals import draw_half_samples, half_sample_interval
from synthlab.analysis.statistics.paired import paired_mean_difference
from tests.unit.statistics.bags import distinct_2, draw_bags, on_rows, on_swaps
from tests.unit.statistics.one_by_one import approximate_randomisation, half_sample_pair

HALVES = draw_half_samples(Clusters.of(range(40)), seed=1)


def test_a_clear_difference_in_diversity_is_found() -> None:
    generator = np.random.default_rng(21)
    rich, poor = draw_bags(generator, 40, exponent=0.7), draw_bags(generator, 40, exponent=1.3)
    pair = half_sample_pair(on_rows(rich, distinct_2), on_rows(poor, distinct_2), HALVES)
    swap = on_swaps(rich, poor, distinct_2)
    result = approximate_randomisation(swap, pair, HALVES, seed=2, swaps=999)
    assert result.p == 1 / 1000
    assert result.interval.low > 0
    assert result.difference == pair.difference.value > result.mde
    assert result.effect.value == pytest.approx(
        math.log(pair.candidate.value / pair.baseline.value)
    )
    assert result.effect.interval.contains(result.effect.value)
    assert result == approximate_randomisation(swap, pair, HALVES, seed=2, swaps=999)


def test_randomising_a_mean_agrees_with_the_paired_test_of_means() -> None:
    generator = np.random.default_rng(22)
    a, b = generator.normal(3.3, 1, 40), generator.normal(3, 1, 40)

    def difference(mask: BoolArray) -> float:
        return float(np.where(mask, b, a).mean() - np.where(mask, a, b).mean())

    pair = half_sample_pair(
        lambda rows: float(a[rows].mean()), lambda rows: float(b[rows].mean()), HALVES
    )
    corpus = approximate_randomisation(difference, pair, HALVES, seed=2, swaps=5_000)
    means = paired_mean_difference(a, b, HALVES.clusters, seed=2)
    assert corpus.difference == pytest.approx(means.difference)
    assert corpus.p == pytest.approx(means.p, abs=0.02)
    assert corpus.mde == pytest.approx(means.mde, rel=0.15)


def test_whole_prompts_change_sides() -> None:
    clusters = Clusters.of([row // 3 for row in range(60)])
    halves = draw_half_samples(clusters, seed=1, replicates=20)
    values = np.random.default_rng(1).random(60)
    seen: list[BoolArray] = []

    def difference(mask: BoolArray) -> float:
        seen.append(mask)
        return float(np.where(mask, -values, values).sum())

    pair = half_sample_pair(
        lambda rows: float(values[rows].sum()), lambda rows: 0.0, halves, counts_with_n=True
    )
    approximate_randomisation(difference, pair, halves, seed=2, swaps=50)
    by_prompt = np.array(seen).reshape(51, 20, 3)
    assert (by_prompt.min(axis=2) == by_prompt.max(axis=2)).all()
    assert not by_prompt[0].any()
    assert 0.4 < by_prompt[1:].mean() < 0.6


def test_both_runs_see_the_same_halves() -> None:
    values = np.random.default_rng(3).normal(size=40)

    def metric(shift: float) -> float:
        pair = half_sample_pair(
            lambda rows: float(values[rows].mean()),
            lambda rows: float(values[rows].mean()) + shift + 1e-3 * float(values[rows][0]),
            HALVES,
        )
        return pair.difference.standard_error / pair.candidate.standard_error

    assert metric(1.0) < 0.05


def test_each_side_of_a_pair_has_its_own_interval() -> None:
    generator = np.random.default_rng(23)
    a, b = draw_bags(generator, 40), draw_bags(generator, 40)
    pair = half_sample_pair(on_rows(a, distinct_2), on_rows(b, distinct_2), HALVES)
    assert pair.candidate == half_sample_interval(on_rows(a, distinct_2), HALVES)
    assert pair.baseline == half_sample_interval(on_rows(b, distinct_2), HALVES)


def test_identical_runs_have_p_1_and_say_why_there_is_no_interval() -> None:
    bags = draw_bags(np.random.default_rng(24), 40)
    pair = half_sample_pair(on_rows(bags, distinct_2), on_rows(bags, distinct_2), HALVES)
    swap = on_swaps(bags, bags, distinct_2)
    result = approximate_randomisation(swap, pair, HALVES, seed=0, swaps=20)
    assert (result.p, result.difference, result.needed) == (1.0, 0.0, math.inf)
    assert "same value" in result.reason


def test_a_swap_function_of_another_metric_is_refused() -> None:
    pair = half_sample_pair(lambda rows: 1.0, lambda rows: 2.0, HALVES)
    with pytest.raises(ValueError, match="same metric"):
        approximate_randomisation(lambda mask: 0.5, pair, HALVES, seed=0, swaps=10)


def test_what_cannot_be_tested_says_why() -> None:
    broken = half_sample_pair(lambda rows: math.nan, lambda rows: 2.0, HALVES)
    result = approximate_randomisation(lambda mask: math.nan, broken, HALVES, seed=0, swaps=10)
    assert math.isnan(result.p)
    assert "undefined on the full sample" in result.reason

    pair = half_sample_pair(lambda rows: 1.0, lambda rows: 2.0, HALVES)
    result = approximate_randomisation(
        lambda mask: math.nan if mask.any() else -1.0, pair, HALVES, seed=0, swaps=10
    )
    assert math.isnan(result.p)
    assert "undefined after 10 of 10 swaps" in result.reason

    for ids in ([], ["p"], ["p", "p"]):
        halves = draw_half_samples(Clusters.of(ids), seed=0)
        pair = half_sample_pair(lambda rows: 1.0, lambda rows: 2.0, halves)
        result = approximate_randomisation(lambda mask: -1.0, pair, halves, seed=0, swaps=10)
        assert math.isnan(result.p)
        assert "no test is possible" in result.reason


def test_few_prompts_still_give_a_p_without_an_interval() -> None:
    halves = draw_half_samples(Clusters.of(range(6)), seed=0)
    values = np.arange(6.0)
    pair = half_sample_pair(lambda rows: float(values[rows].sum()), lambda rows: 0.0, halves)
    result = approximate_randomisation(
        lambda mask: float(np.where(mask, -values, values).sum()), pair, halves, seed=0, swaps=400
    )
    assert 0 < result.p < 0.15
    assert result.mde > 0
    assert not result.interval.is_defined
    assert "too few prompts (6)" in result.reason


def test_a_log_ratio_needs_two_positive_values() -> None:
    pair = half_sample_pair(lambda rows: 1.0, lambda rows: 0.0, HALVES)
    result = approximate_randomisation(lambda mask: 1.0, pair, HALVES, seed=0, swaps=10)
    assert math.isnan(result.effect.value)
    assert "positive" in result.effect.reason
