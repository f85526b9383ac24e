"""Intervals of one run's value: rates, means of per-row scores, and corpus metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from synthlab.analysis.statistics.clusters import (
    BoolArray,
    Clusters,
    FloatArray,
    IntArray,
    Weighting,
    as_scores,
    cluster_mean,
    has_no_spread,
    missing_reason,
)
from synthlab.analysis.statistics.distributions import normal_quantile, student_t_quantile
from synthlab.analysis.statistics.estimates import (
    DEFAULT_LEVEL,
    Estimate,
    Interval,
    undefined_estimate,
)

Metric = Callable[[IntArray], float]
"""A corpus metric as a function of the row numbers (ascending) it is computed over."""

DEFAULT_HALF_SAMPLES = 200
_MIN_CLUSTERS_FOR_HALVES = 8


def wilson_limits(successes: float, n: float, quantile: float) -> tuple[float, float]:
    """Score limits of a rate at a given normal (or t) quantile, within [0, 1].

    Real-valued counts are allowed, for effective sample sizes. Source: Wilson (1927).
    """
    rate = successes / n
    squared = quantile * quantile
    centre = (rate + squared / (2 * n)) / (1 + squared / n)
    half = quantile / (1 + squared / n)
    half *= math.sqrt(max(0.0, rate * (1 - rate)) / n + squared / (4 * n * n))
    low = 0.0 if successes <= 0 else max(0.0, centre - half)
    high = 1.0 if successes >= n else min(1.0, centre + half)
    return low, high


def wilson_interval(successes: int, n: int, level: float = DEFAULT_LEVEL) -> Estimate:
    """A rate over independent rows whose interval stays honest at 0 of n and n of n.

    n = 0 gives NaN with a reason. Raises ValueError unless 0 <= successes <= n.
    Source: Wilson (1927); Brown, Cai and DasGupta (2001).
    """
    if not 0 <= successes <= n:
        raise ValueError(f"expected 0 <= successes <= n, got {successes} of {n}")
    if n == 0:
        return undefined_estimate("no scored rows", method="Wilson", level=level)
    low, high = wilson_limits(successes, n, normal_quantile((1 + level) / 2))
    rate = successes / n
    error = math.sqrt(rate * (1 - rate) / n)
    return Estimate(rate, Interval(low, high, level, "Wilson"), n, n, "", error)


def rate_interval(
    outcomes: Sequence[bool] | BoolArray, clusters: Clusters, level: float = DEFAULT_LEVEL
) -> Estimate:
    """A rate whose rows may share prompts, each prompt counting once.

    With one row per prompt this is Wilson's interval. Otherwise Wilson at the effective sample size
    (see `_effective_size`) with the t quantile at clusters - 1: unlike the plain cluster-robust t
    interval it stays within [0, 1] and keeps its width when all rows agree. Source of the design
    effect: Kish (1965); of its use in an interval for a rate: Korn and Graubard (1998).
    """
    method = "Wilson at the effective n"
    scores = as_scores(np.asarray(outcomes, dtype=np.float64), clusters)
    n, groups = clusters.n_rows, clusters.count
    if clusters.are_single_rows:
        return wilson_interval(int(scores.sum()), n, level)
    if groups < 2:
        return undefined_estimate(
            "only 1 prompt: the spread between prompts is unknown",
            method=method,
            n=n,
            n_clusters=groups,
            value=float(scores.mean()),
            level=level,
        )
    spread = cluster_mean(scores, clusters)
    rate, error = spread.mean, spread.standard_error
    effective = min(float(n), _effective_size(rate + spread.pulls))
    low, high = wilson_limits(
        rate * effective, effective, student_t_quantile((1 + level) / 2, groups - 1)
    )
    return Estimate(rate, Interval(low, high, level, method), n, groups, "", error)


def _effective_size(prompt_rates: FloatArray) -> float:
    """Independent rows that would make the rate as uncertain as these prompts do.

    Prompts over the ratio of the variance between prompt rates to rate (1 - rate). A quarter of a
    prompt at 0 and at 1 is added to both variances: when few prompts have any success, their
    spread is badly estimated, and without the addition intervals at rates of 0.02 cover 88 %
    instead of 95 % (60 prompts of 10 rows). With all rows alike this gives one row per prompt.
    """
    groups = len(prompt_rates)
    rate = (float(prompt_rates.sum()) + 0.25) / (groups + 0.5)
    squares = float(((prompt_rates - rate) ** 2).sum()) + 0.25 * (rate**2 + (1 - rate) ** 2)
    ratio = squares / (groups - 0.5) / (rate * (1 - rate))
    return groups / min(1.0, ratio)


def mean_interval(
    values: Sequence[float] | FloatArray,
    clusters: Clusters,
    *,
    level: float = DEFAULT_LEVEL,
    weighting: Weighting = "prompt",
) -> Estimate:
    """Mean of per-row scores with a cluster-robust t interval at clusters - 1 degrees of freedom.

    One cluster, unscored rows or no spread between clusters give a reason instead of an interval.
    Source: Miller (2024) arXiv:2411.00640; small n: Bowyer et al. (2025) arXiv:2503.01747.
    """
    method = "cluster-robust t"
    scores = as_scores(values, clusters)
    n, groups = clusters.n_rows, clusters.count
    reason = missing_reason(scores)
    if reason:
        return undefined_estimate(reason, method=method, n=n, n_clusters=groups, level=level)
    spread = cluster_mean(scores, clusters, weighting)
    if groups < 2:
        reason = "only 1 prompt: the spread between prompts is unknown"
    elif has_no_spread(spread):
        reason = f"all {groups} prompts have the same value: no spread to estimate from"
    if reason:
        return undefined_estimate(
            reason, method=method, n=n, n_clusters=groups, value=spread.mean, level=level
        )
    error = spread.standard_error
    half = student_t_quantile((1 + level) / 2, groups - 1) * error
    interval = Interval(spread.mean - half, spread.mean + half, level, method)
    return Estimate(spread.mean, interval, n, groups, "", error)


@dataclass(frozen=True, slots=True, eq=False)
class HalfSamples:
    """Seeded half-samples of prompts, drawn without replacement and shared between runs."""

    clusters: Clusters
    chosen: BoolArray
    """(replicates, clusters): which clusters each half-sample keeps."""
    scale: float
    """sqrt(kept / left out): 1 for an even number of clusters, just below for an odd one."""


def draw_half_samples(
    clusters: Clusters, *, seed: int, replicates: int = DEFAULT_HALF_SAMPLES
) -> HalfSamples:
    """Half of the clusters at random, `replicates` times; the same seed gives the same halves.

    Without replacement, because a resampled duplicate is a repeated text, and repetition is what
    diversity metrics measure. Source of the delete-d jackknife: Shao and Wu (1989).
    Raises ValueError for fewer than 2 replicates.
    """
    if replicates < 2:
        raise ValueError(f"half-samples need at least 2 replicates, got {replicates}")
    groups = clusters.count
    kept = groups // 2
    order = np.random.default_rng(seed).random((replicates, groups)).argsort(axis=1)
    scale = math.sqrt(kept / (groups - kept)) if kept else math.nan
    return HalfSamples(clusters, order < kept, scale)


def has_enough_clusters(halves: HalfSamples) -> bool:
    """Whether the spread of half-samples means anything at this number of prompts."""
    return halves.clusters.count >= _MIN_CLUSTERS_FOR_HALVES


def evaluate_halves(metric: Metric, halves: HalfSamples) -> FloatArray:
    """(replicates,) the metric on every half-sample."""
    rows = (halves.clusters.rows_of(chosen) for chosen in halves.chosen)
    return np.array([metric(one) for one in rows], dtype=np.float64)


def half_sample_estimate(
    full: float, on_halves: FloatArray, halves: HalfSamples, level: float = DEFAULT_LEVEL
) -> Estimate:
    """Full-sample value ± t × scale × SD over the half-samples.

    Centred on the full-sample value: the half-sample mean is biased, since the metric depends on n.
    The t quantile has clusters - 1 degrees of freedom (the normal one from a few hundred clusters
    on). The metric must not scale with n: a count of types must be divided by its tokens, or its
    half-sample values doubled (`counts_with_n`), otherwise the interval is too narrow.
    """
    method = "half-samples"
    n, groups = halves.clusters.n_rows, halves.clusters.count
    undefined = int(np.count_nonzero(~np.isfinite(on_halves)))
    spread = math.nan
    if has_enough_clusters(halves) and not undefined:
        spread = float(np.std(on_halves, ddof=1))
    if not math.isfinite(full):
        return undefined_estimate(
            "the metric is undefined on the full sample",
            method=method,
            n=n,
            n_clusters=groups,
            level=level,
        )
    reason = ""
    if not has_enough_clusters(halves):
        reason = f"too few prompts ({groups}): half-samples need {_MIN_CLUSTERS_FOR_HALVES}"
    elif undefined:
        reason = f"the metric is undefined on {undefined} of {len(on_halves)} half-samples"
    elif spread <= 1e-12 * max(abs(full), 1e-300):
        reason = "all half-samples have the same value: no spread to estimate from"
    if reason:
        return undefined_estimate(
            reason, method=method, n=n, n_clusters=groups, value=full, level=level
        )
    error = halves.scale * spread
    half_width = student_t_quantile((1 + level) / 2, groups - 1) * error
    interval = Interval(full - half_width, full + half_width, level, method)
    return Estimate(full, interval, n, groups, "", error)


def half_sample_interval(
    metric: Metric,
    halves: HalfSamples,
    *,
    level: float = DEFAULT_LEVEL,
    counts_with_n: bool = False,
) -> Estimate:
    """Interval of a corpus metric (Self-BLEU, distinct-n, Vendi, …) over the prompts of one run.

    counts_with_n: the metric is a plain count that grows in proportion to the sample (types, not
    types per token); half-sample values are then multiplied by clusters / kept before the SD.
    Without it the SE of a count comes out half as large. A metric at a fixed token budget or at
    fixed t needs one that half of the texts can fill, otherwise it is undefined on the halves.
    """
    everything = np.arange(halves.clusters.n_rows, dtype=np.int64)
    if not has_enough_clusters(halves):
        value = metric(everything) if len(everything) else math.nan
        return half_sample_estimate(value, np.empty(0), halves, level)
    on_halves = evaluate_halves(metric, halves)
    if counts_with_n:
        on_halves = on_halves * (1 + 1 / halves.scale**2)
    return half_sample_estimate(metric(everything), on_halves, halves, level)
