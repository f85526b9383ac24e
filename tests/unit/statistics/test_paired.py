"""Paired tests of per-row scores and rates against scipy, statsmodels and published values."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from synthlab.analysis.statistics.clusters import Clusters, cluster_mean
from synthlab.analysis.statistics.paired import (
    discordant_odds_ratio,
    newcombe_interval,
    paired_mean_difference,
    paired_rate_difference,
    sign_flip_p,
)
from synthlab.analysis.statistics.power import minimum_detectable_effect, units_needed


def pairs(both: int, gained: int, lost: int, neither: int) -> tuple[list[bool], list[bool]]:
    candidate = [True] * (both + gained) + [False] * (lost + neither)
    baseline = [True] * both + [False] * gained + [True] * lost + [False] * neither
    return candidate, baseline


def test_single_rows_give_the_paired_t_test_of_scipy() -> None:
    generator = np.random.default_rng(11)
    a, b = generator.normal(0.3, 1, 40), generator.normal(0, 1, 40)
    result = paired_mean_difference(a, b, Clusters.of(range(40)), seed=0)
    reference = stats.ttest_rel(a, b)
    limits = reference.confidence_interval(0.95)
    assert result.p == pytest.approx(reference.pvalue, rel=1e-9)
    assert (result.interval.low, result.interval.high) == pytest.approx(tuple(limits), rel=1e-9)
    assert result.effect.value == pytest.approx((a - b).mean() / (a - b).std(ddof=1), rel=1e-12)
    assert result.mde == pytest.approx(2.8015852 * stats.sem(a - b), rel=1e-7)
    assert (result.n_pairs, result.n_units, result.unit) == (40, 40, "prompts")


def test_samples_of_a_prompt_are_averaged_before_the_test() -> None:
    generator = np.random.default_rng(12)
    ids = [row // 5 for row in range(100)]
    prompt = np.repeat(generator.normal(size=20), 5)
    a, b = prompt + generator.normal(size=100), generator.normal(size=100)
    result = paired_mean_difference(a, b, Clusters.of(ids), seed=0)
    means = (a - b).reshape(20, 5).mean(axis=1)
    assert result.p == pytest.approx(stats.ttest_1samp(means, 0).pvalue, rel=1e-9)
    assert (result.n_pairs, result.n_units) == (100, 20)


def test_swapping_the_runs_only_changes_the_sign() -> None:
    generator = np.random.default_rng(13)
    a, b = generator.normal(0.2, 1, 30), generator.normal(0, 1, 30)
    clusters = Clusters.of(range(30))
    forth = paired_mean_difference(a, b, clusters, seed=3)
    back = paired_mean_difference(b, a, clusters, seed=3)
    assert forth.difference == -back.difference
    assert forth.p == back.p
    assert forth.interval.low == pytest.approx(-back.interval.high)
    assert forth.cross_checks == back.cross_checks


def test_sign_flips_are_exact_for_few_clusters() -> None:
    differences = np.array([0.5, 1.5, -0.2, 2.0, 0.9, 0.4, 1.1, -0.1])
    spread = cluster_mean(differences, Clusters.of(range(8)))
    reference = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_p(spread, seed=0) == pytest.approx(reference.pvalue, abs=1e-12)


def test_drawn_sign_flips_agree_with_the_t_test() -> None:
    differences = np.random.default_rng(14).normal(0.35, 1, 60)
    spread = cluster_mean(differences, Clusters.of(range(60)))
    drawn = sign_flip_p(spread, seed=0, sign_flips=20_000)
    assert drawn == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.006)
    assert drawn == sign_flip_p(spread, seed=0, sign_flips=20_000)


def test_the_smallest_drawn_p_counts_the_observed_pattern() -> None:
    spread = cluster_mean(np.random.default_rng(1).random(40) + 5, Clusters.of(range(40)))
    assert sign_flip_p(spread, seed=0, sign_flips=999) == 1 / 1000


def test_identical_and_constant_runs_are_told_apart() -> None:
    clusters = Clusters.of(range(12))
    scores = np.arange(12.0)
    same = paired_mean_difference(scores, scores, clusters, seed=0)
    assert (same.difference, same.p, same.needed) == (0.0, 1.0, math.inf)
    assert "equal on every prompt" in same.reason
    moved = paired_mean_difference(scores + 2, scores, clusters, seed=0)
    assert (moved.difference, moved.p) == (2.0, 2 / 2**12)
    assert "same amount" in moved.reason
    assert not moved.interval.is_defined


@pytest.mark.parametrize(
    ("a", "b", "ids", "words"),
    [
        ([], [], [], "no scored rows"),
        ([1.0], [0.0], ["p"], "only 1 prompt"),
        ([1.0, math.nan], [0.0, 1.0], ["p", "q"], "unscored"),
        ([1.0, 2.0], [0.0, math.inf], ["p", "q"], "unscored"),
    ],
)
def test_a_mean_difference_without_a_test_says_why(
    a: list[float], b: list[float], ids: list[str], words: str
) -> None:
    result = paired_mean_difference(a, b, Clusters.of(ids), seed=0)
    assert math.isnan(result.p)
    assert words in result.reason


@pytest.mark.parametrize(
    "table", [(10, 12, 3, 35), (0, 5, 5, 0), (0, 1, 0, 3), (5, 0, 9, 80), (7, 0, 0, 9)]
)
def test_mcnemar_equals_statsmodels(table: tuple[int, int, int, int]) -> None:
    both, gained, lost, neither = table
    candidate, baseline = pairs(*table)
    result = paired_rate_difference(candidate, baseline, Clusters.of(range(sum(table))), seed=0)
    reference = mcnemar([[both, gained], [lost, neither]], exact=True)
    assert result.p == pytest.approx(reference.pvalue, rel=1e-12)
    assert result.difference == pytest.approx((gained - lost) / sum(table))
    assert result.interval.contains(result.difference)
    assert result.interval.high > result.interval.low
    assert 0 < result.mde <= max(1.0, 6 / sum(table))


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),  # Newcombe (1998), method 10
        ((14, 5, 0, 22), 0.011, 0.226),  # Altman et al. (2000), Statistics with Confidence, 6.2
    ],
)
def test_newcombe_equals_published_limits(
    table: tuple[int, int, int, int], low: float, high: float
) -> None:
    both, gained, lost, _ = table
    interval = newcombe_interval(both, gained, lost, sum(table))
    assert interval.low == pytest.approx(low, abs=6e-4)
    assert interval.high == pytest.approx(high, abs=6e-4)


def test_rates_with_several_rows_per_prompt_are_tested_by_prompt() -> None:
    generator = np.random.default_rng(15)
    clusters = Clusters.of([row // 4 for row in range(80)])
    a, b = generator.random(80) < 0.6, generator.random(80) < 0.4
    result = paired_rate_difference(a, b, clusters, seed=0)
    assert result == paired_mean_difference(a.astype(float), b.astype(float), clusters, seed=0)


def test_odds_ratio_of_discordant_pairs_has_exact_limits() -> None:
    effect = discordant_odds_ratio(12, 3)
    limits = stats.binomtest(12, 15).proportion_ci(0.95, method="exact")
    assert effect.value == 4.0
    assert effect.interval.low == pytest.approx(limits.low / (1 - limits.low), rel=1e-9)
    assert effect.interval.high == pytest.approx(limits.high / (1 - limits.high), rel=1e-9)
    one_way = discordant_odds_ratio(5, 0)
    assert one_way.value == one_way.interval.high == math.inf
    assert one_way.interval.low > 0
    none = discordant_odds_ratio(0, 0)
    assert math.isnan(none.value)
    assert none.reason


def test_rates_without_rows_say_why() -> None:
    result = paired_rate_difference([], [], Clusters.of([]), seed=0)
    assert math.isnan(result.p)
    assert result.reason == "no scored rows"


def test_detectable_effect_is_the_handbook_formula() -> None:
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert minimum_detectable_effect(0.5 / math.sqrt(100)) == pytest.approx(z * 0.05, rel=1e-12)


@pytest.mark.parametrize(("difference", "deviation"), [(0.1, 1.0), (0.5, 1.0), (-1.0, 0.9)])
def test_needed_units_reach_the_power(difference: float, deviation: float) -> None:
    n = int(units_needed(difference, deviation))

    def power(count: int) -> float:
        noncentrality = abs(difference) / deviation * math.sqrt(count)
        critical = stats.t.ppf(0.975, count - 1)
        return float(stats.nct.sf(critical, count - 1, noncentrality))

    assert power(n) == pytest.approx(0.8, abs=0.06)
    assert power(max(2, n - 2)) < 0.8


def test_needed_units_at_the_edges() -> None:
    assert units_needed(0.0, 1.0) == math.inf
    assert units_needed(1e-200, 1e200) == math.inf
    assert units_needed(5.0, 1e-9) == 2.0
