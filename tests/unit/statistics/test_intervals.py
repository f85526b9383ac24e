"""Intervals of one run against statsmodels, closed forms, and on degenerate input."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from synthlab.analysis.statistics.clusters import Clusters, IntArray
from synthlab.analysis.statistics.intervals import (
    draw_half_samples,
    half_sample_interval,
    mean_interval,
    rate_interval,
    wilson_interval,
)

UNEVEN = Clusters.of(["a", "b", "a", "c", "c", "c", "d", "e", "e", "f", "b", "f"])


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (0, 60), (60, 60), (3, 17), (150, 313)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_equals_statsmodels(successes: int, n: int, level: float) -> None:
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    estimate = wilson_interval(successes, n, level)
    assert estimate.interval.low == pytest.approx(low, abs=1e-12)
    assert estimate.interval.high == pytest.approx(high, abs=1e-12)
    assert estimate.value == successes / n


@pytest.mark.parametrize(("n", "points"), [(60, 12.3), (100, 9.6), (313, 5.5)])
def test_wilson_half_widths_quoted_in_the_handbook(n: int, points: float) -> None:
    interval = wilson_interval(round(n / 2), n).interval
    assert 50 * (interval.high - interval.low) == pytest.approx(points, abs=0.1)


def test_wilson_without_rows_says_why_and_refuses_nonsense() -> None:
    estimate = wilson_interval(0, 0)
    assert math.isnan(estimate.value)
    assert not estimate.interval.is_defined
    assert estimate.reason == "no scored rows"
    with pytest.raises(ValueError, match="5 of 4"):
        wilson_interval(5, 4)


def test_rate_of_single_rows_is_wilson() -> None:
    outcomes = np.array([True, False, True, True])
    assert rate_interval(outcomes, Clusters.of("wxyz")) == wilson_interval(3, 4)


def test_rate_with_samples_that_agree_counts_prompts_not_rows() -> None:
    prompts = np.array([True] * 12 + [False] * 8)
    clusters = Clusters.of([prompt for prompt in range(20) for _ in range(5)])
    clustered = rate_interval(np.repeat(prompts, 5), clusters).interval
    by_prompt = wilson_interval(12, 20).interval
    by_row = wilson_interval(60, 100).interval
    assert clustered.low < by_prompt.low + 0.01
    assert clustered.high > by_prompt.high - 0.01
    assert clustered.high - clustered.low > 1.7 * (by_row.high - by_row.low)


@pytest.mark.parametrize("outcome", [True, False])
def test_rate_keeps_its_width_when_all_rows_agree(outcome: bool) -> None:
    clusters = Clusters.of([prompt for prompt in range(30) for _ in range(4)])
    estimate = rate_interval(np.full(120, outcome), clusters)
    assert estimate.value == float(outcome)
    assert estimate.interval.contains(float(outcome))
    assert 0.05 < estimate.interval.high - estimate.interval.low < 0.2


def test_mean_of_single_rows_is_the_t_interval() -> None:
    values = np.random.default_rng(3).normal(2, 1, 17)
    estimate = mean_interval(values, Clusters.of(range(17)))
    low, high = stats.t.interval(0.95, 16, values.mean(), stats.sem(values))
    assert (estimate.interval.low, estimate.interval.high) == pytest.approx((low, high), rel=1e-10)
    assert estimate.standard_error == pytest.approx(stats.sem(values), rel=1e-12)
    assert (estimate.n, estimate.n_clusters, estimate.reason) == (17, 17, "")


def test_row_weighting_equals_the_sandwich_of_statsmodels() -> None:
    values = np.random.default_rng(5).normal(size=UNEVEN.n_rows) + UNEVEN.codes
    fit = sm.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": UNEVEN.codes}, use_t=True
    )
    estimate = mean_interval(values, UNEVEN, weighting="row")
    assert estimate.value == pytest.approx(fit.params[0], rel=1e-12)
    assert estimate.standard_error == pytest.approx(fit.bse[0], rel=1e-10)
    limits = (estimate.interval.low, estimate.interval.high)
    assert limits == pytest.approx(tuple(fit.conf_int()[0]), rel=1e-9)


def test_prompt_weighting_is_t_on_the_prompt_means() -> None:
    values = np.random.default_rng(6).normal(size=UNEVEN.n_rows)
    means = np.array([values[UNEVEN.codes == code].mean() for code in range(UNEVEN.count)])
    estimate = mean_interval(values, UNEVEN)
    assert estimate.value == pytest.approx(means.mean(), rel=1e-12)
    assert estimate.standard_error == pytest.approx(stats.sem(means), rel=1e-12)


@pytest.mark.parametrize(
    ("values", "ids", "words"),
    [
        ([], [], "no scored rows"),
        ([1.0], ["a"], "only 1 prompt"),
        ([1.0, 2.0], ["a", "a"], "only 1 prompt"),
        ([5.0, 5.0, 5.0], ["a", "b", "c"], "same value"),
        ([1.0, math.nan], ["a", "b"], "1 of 2 rows are unscored"),
    ],
)
def test_mean_without_an_interval_says_why(values: list[float], ids: list[str], words: str) -> None:
    estimate = mean_interval(values, Clusters.of(ids))
    assert words in estimate.reason
    assert not estimate.interval.is_defined


def test_mean_refuses_values_that_do_not_match_the_clusters() -> None:
    with pytest.raises(ValueError, match="12 clustered rows"):
        mean_interval([1.0, 2.0], UNEVEN)


def test_half_samples_are_seeded_halves_without_replacement() -> None:
    clusters = Clusters.of([row // 2 for row in range(40)])
    halves = draw_half_samples(clusters, seed=1, replicates=50)
    again = draw_half_samples(clusters, seed=1, replicates=50)
    other = draw_half_samples(clusters, seed=2, replicates=50)
    assert halves.scale == 1.0
    assert (halves.chosen.sum(axis=1) == 10).all()
    assert (halves.chosen == again.chosen).all()
    assert (halves.chosen != other.chosen).any()


def test_a_half_sample_holds_whole_prompts() -> None:
    clusters = Clusters.of([row // 2 for row in range(40)])

    def lonely_rows(rows: IntArray) -> float:
        assert len(np.unique(rows)) == len(rows) in (20, 40)
        return float(np.bincount(clusters.codes[rows])[clusters.codes[rows]].min())

    estimate = half_sample_interval(lonely_rows, draw_half_samples(clusters, seed=1))
    assert estimate.value == 2.0


@pytest.mark.parametrize("n", [80, 81])
def test_half_samples_of_a_mean_give_its_standard_error(n: int) -> None:
    values = np.random.default_rng(8).normal(size=n)
    halves = draw_half_samples(Clusters.of(range(n)), seed=4, replicates=4_000)
    estimate = half_sample_interval(lambda rows: float(values[rows].mean()), halves)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.standard_error == pytest.approx(stats.sem(values), rel=0.04)


def test_a_count_is_scaled_up_from_its_half() -> None:
    flags = np.random.default_rng(9).random(100) < 0.4
    halves = draw_half_samples(Clusters.of(range(100)), seed=4, replicates=4_000)
    share = half_sample_interval(lambda rows: float(flags[rows].mean()), halves)
    count = half_sample_interval(lambda rows: float(flags[rows].sum()), halves, counts_with_n=True)
    assert count.standard_error == pytest.approx(100 * share.standard_error, rel=1e-9)


def test_half_samples_centre_on_the_full_sample_value() -> None:
    halves = draw_half_samples(Clusters.of(range(50)), seed=4)
    weights = np.random.default_rng(1).random(50)
    estimate = half_sample_interval(lambda rows: len(rows) + float(weights[rows].sum()), halves)
    middle = (estimate.interval.low + estimate.interval.high) / 2
    assert middle == pytest.approx(estimate.value) == pytest.approx(50 + weights.sum())


def test_half_samples_say_why_there_is_no_interval() -> None:
    few = draw_half_samples(Clusters.of(range(5)), seed=0)
    assert "too few prompts (5)" in half_sample_interval(lambda rows: 1.0, few).reason
    halves = draw_half_samples(Clusters.of(range(20)), seed=0)
    constant = half_sample_interval(lambda rows: 3.0, halves)
    assert constant.value == 3.0
    assert "same value" in constant.reason
    broken = half_sample_interval(lambda rows: 1.0 if len(rows) == 20 else math.nan, halves)
    assert broken.value == 1.0
    assert "undefined on 200 of 200 half-samples" in broken.reason
    undefined = half_sample_interval(lambda rows: math.nan, halves)
    assert math.isnan(undefined.value)
    assert undefined.reason == "the metric is undefined on the full sample"
    empty = half_sample_interval(lambda rows: 1.0, draw_half_samples(Clusters.of([]), seed=0))
    assert math.isnan(empty.value)
    assert empty.reason
    with pytest.raises(ValueError, match="2 replicates"):
        draw_half_samples(Clusters.of(range(20)), seed=0, replicates=1)
