"""Tests keep their level under the null and intervals cover, by simulation with fixed seeds.

Bounds are those promised to readers: at most 7 % rejections at 5 %, at least 92 % coverage at 95 %.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from synthlab.analysis.statistics.clusters import Clusters, FloatArray
from synthlab.analysis.statistics.estimates import Estimate, Interval
from synthlab.analysis.statistics.intervals import (
    draw_half_samples,
    half_sample_interval,
    mean_interval,
    rate_interval,
    wilson_interval,
)
from synthlab.analysis.statistics.paired import paired_mean_difference, paired_rate_difference
from synthlab.analysis.statistics.seeds import SeedValue, compare_seeds, summarise_seeds
from tests.unit.statistics.bags import (
    BagMetric,
    bigram_types,
    distinct_2,
    draw_bags,
    on_rows,
    on_swaps,
)
from tests.unit.statistics.one_by_one import approximate_randomisation, half_sample_pair

MOST_REJECTIONS = 0.07
LEAST_COVERAGE = 0.92
PROMPTS = 40
SAMPLES = 4
CLUSTERS = Clusters.of([row // SAMPLES for row in range(PROMPTS * SAMPLES)])
SINGLE = Clusters.of(range(PROMPTS))


def clustered_scores(generator: np.random.Generator, n: int) -> FloatArray:
    """(n, rows) skewed scores around 0 whose rows share a prompt effect."""
    prompt = generator.exponential(1.0, (n, PROMPTS)) - 1.0
    noise = generator.normal(size=(n, PROMPTS * SAMPLES))
    return np.repeat(prompt, SAMPLES, axis=1) + noise


def clustered_rates(generator: np.random.Generator, n: int, mean: float) -> FloatArray:
    """(n, rows) outcomes of prompts that are easier or harder than the mean."""
    ease = generator.beta(2 * mean, 2 * (1 - mean), (n, PROMPTS))
    outcomes = generator.random((n, PROMPTS * SAMPLES)) < np.repeat(ease, SAMPLES, axis=1)
    return outcomes.astype(np.float64)


def test_corpus_randomisation_keeps_its_level() -> None:
    generator = np.random.default_rng(61)
    halves = draw_half_samples(SINGLE, seed=0, replicates=2)
    rejected = 0
    for index in range(600):
        a, b = draw_bags(generator, PROMPTS, words=8), draw_bags(generator, PROMPTS, words=8)
        pair = half_sample_pair(on_rows(a, distinct_2), on_rows(b, distinct_2), halves)
        swap = on_swaps(a, b, distinct_2)
        rejected += approximate_randomisation(swap, pair, halves, seed=index, swaps=99).p <= 0.05
    assert 0.02 <= rejected / 600 <= MOST_REJECTIONS


@pytest.mark.parametrize(("metric", "counts_with_n"), [(distinct_2, False), (bigram_types, True)])
def test_half_sample_intervals_cover_corpus_metrics(metric: BagMetric, counts_with_n: bool) -> None:
    generator = np.random.default_rng(62)
    truth = np.mean(
        [metric(draw_bags(generator, PROMPTS).counts.sum(axis=0)) for _ in range(2_000)]
    )
    halves = draw_half_samples(SINGLE, seed=0, replicates=100)
    covered = [
        half_sample_interval(
            on_rows(draw_bags(generator, PROMPTS), metric), halves, counts_with_n=counts_with_n
        ).interval.contains(float(truth))
        for _ in range(300)
    ]
    assert np.mean(covered) >= LEAST_COVERAGE


def test_half_sample_intervals_cover_the_difference_of_two_corpora() -> None:
    generator = np.random.default_rng(63)

    def value(exponent: float) -> float:
        bags = draw_bags(generator, PROMPTS, exponent=exponent)
        return distinct_2(bags.counts.sum(axis=0))

    truth = float(np.mean([value(0.8) - value(1.2) for _ in range(1_500)]))
    halves = draw_half_samples(SINGLE, seed=0, replicates=60)
    covered = 0
    for _ in range(300):
        a, b = (
            draw_bags(generator, PROMPTS, exponent=0.8),
            draw_bags(generator, PROMPTS, exponent=1.2),
        )
        pair = half_sample_pair(on_rows(a, distinct_2), on_rows(b, distinct_2), halves)
        covered += pair.difference.interval.contains(truth)
    assert covered / 300 >= LEAST_COVERAGE


def test_clustered_means_keep_level_and_cover() -> None:
    generator = np.random.default_rng(64)
    first, second = clustered_scores(generator, 2_000), clustered_scores(generator, 2_000)
    results = [
        paired_mean_difference(a, b, CLUSTERS, seed=0, sign_flips=199)
        for a, b in zip(first, second, strict=True)
    ]
    assert 0.03 <= np.mean([result.p <= 0.05 for result in results]) <= MOST_REJECTIONS
    flips = np.mean([result.cross_checks[0].p <= 0.05 for result in results])
    assert 0.03 <= flips <= MOST_REJECTIONS
    assert np.mean([result.interval.contains(0) for result in results]) >= LEAST_COVERAGE
    covered = [mean_interval(a, CLUSTERS).interval.contains(0) for a in first]
    assert LEAST_COVERAGE <= np.mean(covered) <= 0.98


def test_ignoring_the_clusters_would_not_keep_the_level() -> None:
    """The simulation can fail: rows taken as independent reject far too often."""
    scores = clustered_scores(np.random.default_rng(65), 2_000)
    assert np.mean(stats.ttest_1samp(scores, 0, axis=1).pvalue <= 0.05) > 0.15


def test_mcnemar_keeps_its_level_and_newcombe_covers() -> None:
    generator = np.random.default_rng(66)
    ease = generator.beta(1.0, 1.0, (1_500, PROMPTS))
    first, second = generator.random((2, 1_500, PROMPTS)) < ease
    results = [
        paired_rate_difference(a, b, SINGLE, seed=0) for a, b in zip(first, second, strict=True)
    ]
    assert 0.005 <= np.mean([result.p <= 0.05 for result in results]) <= MOST_REJECTIONS
    assert np.mean([result.interval.contains(0) for result in results]) >= LEAST_COVERAGE


def test_clustered_rates_keep_their_level() -> None:
    generator = np.random.default_rng(67)
    first, second = (clustered_rates(generator, 1_500, 0.3) for _ in range(2))
    p = [
        paired_rate_difference(a > 0, b > 0, CLUSTERS, seed=0).p
        for a, b in zip(first[:400], second[:400], strict=True)
    ]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= MOST_REJECTIONS


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2, 0.5, 0.9])
def test_intervals_of_clustered_rates_cover(rate: float) -> None:
    outcomes = clustered_rates(np.random.default_rng(68), 2_000, rate)
    covered = [rate_interval(one > 0, CLUSTERS).interval.contains(rate) for one in outcomes]
    assert np.mean(covered) >= LEAST_COVERAGE


@pytest.mark.parametrize("n", [20, 60, 313])
def test_wilson_covers_on_average_over_rates(n: int) -> None:
    """Exact coverage from the binomial, not simulated; single rates oscillate around it."""
    intervals = [wilson_interval(k, n).interval for k in range(n + 1)]
    rates = np.linspace(0.02, 0.98, 97)
    inside = np.array([[one.contains(rate) for one in intervals] for rate in rates])
    coverage = (stats.binom.pmf(np.arange(n + 1), n, rates[:, None]) * inside).sum(axis=1)
    assert 0.94 <= coverage.mean() <= 0.97
    assert coverage.min() >= 0.85


def seed_values(values: FloatArray, errors: FloatArray) -> list[SeedValue]:
    return [
        SeedValue(
            seed,
            Estimate(
                float(value),
                Interval(float(value - 2 * error), float(value + 2 * error), 0.95, "t"),
                PROMPTS,
                PROMPTS,
                "",
                float(error),
            ),
        )
        for seed, (value, error) in enumerate(zip(values, errors, strict=True))
    ]


def simulate_seeds(
    generator: np.random.Generator, seeds: int, prompts: FloatArray
) -> list[SeedValue]:
    """Seeds of SD 0.2 that answer the same prompts, each with its own noise."""
    scores = generator.normal(0, 0.2, (seeds, 1)) + prompts
    scores = scores + generator.normal(0, 0.5, (seeds, PROMPTS))
    return seed_values(scores.mean(axis=1), stats.sem(scores, axis=1))


def test_seed_comparison_keeps_its_level_where_prompts_alone_would_not() -> None:
    generator = np.random.default_rng(69)
    by_seed, by_prompt = [], []
    for _ in range(1_000):
        prompts = generator.normal(size=PROMPTS)
        first, second = (simulate_seeds(generator, 3, prompts) for _ in range(2))
        by_seed.append(compare_seeds(first, second).p <= 0.05)
        gap = first[0].estimate.value - second[0].estimate.value
        by_prompt.append(abs(gap) > 2.02 * 0.5 * np.sqrt(2 / PROMPTS))
    assert 0.01 <= np.mean(by_seed) <= MOST_REJECTIONS
    assert np.mean(by_prompt) > 0.15


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_combined_seed_and_prompt_intervals_cover(seeds: int) -> None:
    generator = np.random.default_rng(70)
    covered = [
        summarise_seeds(
            simulate_seeds(generator, seeds, generator.normal(size=PROMPTS))
        ).combined_interval.contains(0)
        for _ in range(1_000)
    ]
    assert np.mean(covered) >= LEAST_COVERAGE


SimulatedP = Callable[[np.random.Generator], float]


def power(test: SimulatedP, seed: int, runs: int = 300) -> float:
    generator = np.random.default_rng(seed)
    return float(np.mean([test(generator) <= 0.05 for _ in range(runs)]))


def test_a_difference_as_large_as_the_mde_is_found_four_times_in_five() -> None:
    def p_at_mde(generator: np.random.Generator) -> float:
        b = generator.normal(size=200)
        noise = generator.normal(0, 1.0, 200)
        shift = 2.8015852 / np.sqrt(200)
        clusters = Clusters.of(range(200))
        return paired_mean_difference(b + noise + shift, b, clusters, seed=0, sign_flips=9).p

    assert 0.72 <= power(p_at_mde, 71) <= 0.88
