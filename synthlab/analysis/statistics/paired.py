"""Two runs on the same prompts: differences of per-row scores and of rates.

Every difference is candidate minus baseline. Corpus metrics are compared in `corpus`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from synthlab.analysis.statistics.clusters import (
    BoolArray,
    ClusterMean,
    Clusters,
    FloatArray,
    Weighting,
    as_scores,
    cluster_mean,
    has_no_spread,
    missing_reason,
)
from synthlab.analysis.statistics.distributions import (
    beta_quantile,
    fair_coin_two_sided,
    normal_quantile,
    student_t_quantile,
    student_t_two_sided,
)
from synthlab.analysis.statistics.estimates import (
    DEFAULT_ALPHA,
    DEFAULT_LEVEL,
    CrossCheck,
    Effect,
    Interval,
    PairedResult,
    undefined_effect,
    undefined_interval,
    undefined_result,
)
from synthlab.analysis.statistics.intervals import wilson_limits
from synthlab.analysis.statistics.power import minimum_detectable_effect, units_needed

DEFAULT_SIGN_FLIPS = 10_000
_ENUMERATED_CLUSTERS = 14
_MEAN_METHOD = "paired t on prompts"
_RATE_METHOD = "exact McNemar"


def paired_mean_difference(
    candidate: Sequence[float] | FloatArray,
    baseline: Sequence[float] | FloatArray,
    clusters: Clusters,
    *,
    seed: int,
    level: float = DEFAULT_LEVEL,
    weighting: Weighting = "prompt",
    sign_flips: int = DEFAULT_SIGN_FLIPS,
) -> PairedResult:
    """Difference of mean scores on the same rows, clustered by prompt.

    The p-value and interval come from the t distribution at clusters - 1; a sign-flip permutation
    over the same clusters stands beside it as a cross-check. Effect: d_z, mean over SD of the
    prompts' differences. Where all prompts differ by the same amount only the sign-flip p is left.
    Fewer than 2 prompts or unscored rows give a reason instead. Raises ValueError for arrays that
    do not match the clusters.
    """
    first, second = as_scores(candidate, clusters), as_scores(baseline, clusters)
    n, groups = clusters.n_rows, clusters.count
    reason = missing_reason(first) or missing_reason(second)
    spread = ClusterMean(math.nan, np.empty(0))
    if not reason:
        spread = cluster_mean(first - second, clusters, weighting)
        if groups < 2:
            reason = "only 1 prompt: no test is possible"
    if reason:
        return undefined_result(
            reason,
            method=_MEAN_METHOD,
            effect="d_z",
            difference=spread.mean,
            n_pairs=n,
            n_units=groups,
            level=level,
        )
    flips = CrossCheck("sign-flip", sign_flip_p(spread, seed=seed, sign_flips=sign_flips))
    if has_no_spread(spread):
        return _constant_difference(spread.mean, flips, n, groups, level)
    error = spread.standard_error
    deviation = error * math.sqrt(groups)
    half = student_t_quantile((1 + level) / 2, groups - 1) * error
    return PairedResult(
        difference=spread.mean,
        interval=Interval(spread.mean - half, spread.mean + half, level, _MEAN_METHOD),
        p=student_t_two_sided(spread.mean / error, groups - 1),
        method=_MEAN_METHOD,
        effect=standardised_effect(spread.mean / deviation, groups, level),
        n_pairs=n,
        mde=minimum_detectable_effect(error),
        n_units=groups,
        unit="prompts",
        needed=units_needed(spread.mean, deviation),
        cross_checks=(flips,),
    )


def _constant_difference(
    difference: float, flips: CrossCheck, n: int, groups: int, level: float
) -> PairedResult:
    same = "equal" if difference == 0 else "apart by the same amount"
    reason = f"the runs are {same} on every prompt: no spread to estimate an interval from"
    return PairedResult(
        difference=difference,
        interval=undefined_interval(_MEAN_METHOD, level),
        p=flips.p,
        method=flips.method,
        effect=undefined_effect("d_z", reason, level),
        n_pairs=n,
        mde=math.nan,
        n_units=groups,
        unit="prompts",
        needed=math.inf if difference == 0 else math.nan,
        reason=reason,
    )


def standardised_effect(d: float, n: int, level: float = DEFAULT_LEVEL) -> Effect:
    """d_z with its large-sample interval, SE² = 1/n + d²/(2n), t quantile at n - 1.

    Source: Hedges and Olkin (1985), chapter 5, for the one-sample case.
    """
    half = student_t_quantile((1 + level) / 2, n - 1) * math.sqrt(1 / n + d * d / (2 * n))
    return Effect(d, "d_z", Interval(d - half, d + half, level, "large-sample"))


def sign_flip_p(spread: ClusterMean, *, seed: int, sign_flips: int = DEFAULT_SIGN_FLIPS) -> float:
    """Two-sided p of a mean difference under random sign changes of whole clusters.

    All 2^G sign patterns for up to 14 clusters (exact), otherwise `sign_flips` seeded draws with
    p = (1 + hits) / (1 + draws). Valid where the difference is symmetric about 0 under the null.
    """
    groups = len(spread.pulls)
    totals = spread.pulls + spread.mean
    seen = abs(float(totals.sum())) * (1 - 1e-12)  # ties must count as hits despite rounding
    if groups <= _ENUMERATED_CLUSTERS:
        patterns = np.arange(2**groups)[:, None] >> np.arange(groups) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ totals) >= seen))
    generator = np.random.default_rng(seed)
    hits = 0
    block = max(1, 4_000_000 // groups)
    for start in range(0, sign_flips, block):
        rows = min(block, sign_flips - start)
        heads = generator.integers(0, 2, size=(rows, groups), dtype=np.int8)
        flipped = totals.sum() - 2 * (heads @ totals)
        hits += int(np.count_nonzero(np.abs(flipped) >= seen))
    return (1 + hits) / (1 + sign_flips)


def paired_rate_difference(
    candidate: Sequence[bool] | BoolArray,
    baseline: Sequence[bool] | BoolArray,
    clusters: Clusters,
    *,
    seed: int,
    level: float = DEFAULT_LEVEL,
) -> PairedResult:
    """Difference of two rates on the same rows.

    One row per prompt: exact McNemar (two-sided binomial on the discordant pairs), Newcombe's
    interval for the difference, effect = odds ratio of the discordant pairs with its exact
    conditional interval. Several rows per prompt are not independent, so then the paired t on
    prompts is used (`paired_mean_difference`). Source: McNemar (1947); Newcombe (1998), method 10.
    """
    first = as_scores(np.asarray(candidate, dtype=np.float64), clusters)
    second = as_scores(np.asarray(baseline, dtype=np.float64), clusters)
    if not clusters.are_single_rows:
        return paired_mean_difference(first, second, clusters, seed=seed, level=level)
    n = clusters.n_rows
    if n == 0:
        return undefined_result(
            "no scored rows", method=_RATE_METHOD, effect="odds ratio", level=level
        )
    gained = int(np.count_nonzero(first > second))
    lost = int(np.count_nonzero(first < second))
    both = int(np.count_nonzero((first == 1) & (second == 1)))
    difference = (gained - lost) / n
    variance = ((gained + lost) / n - difference**2) * n / max(1, n - 1)
    return PairedResult(
        difference=difference,
        interval=newcombe_interval(both, gained, lost, n, level),
        p=fair_coin_two_sided(gained, gained + lost),
        method=_RATE_METHOD,
        effect=discordant_odds_ratio(gained, lost, level),
        n_pairs=n,
        mde=max(
            minimum_detectable_effect(math.sqrt(variance / n)),
            _fewest_significant_discordant() / n,
        ),
        n_units=n,
        unit="prompts",
        needed=_prompts_needed(difference, math.sqrt(variance)),
    )


def _fewest_significant_discordant(alpha: float = DEFAULT_ALPHA) -> int:
    """Discordant pairs, all one way, below which exact McNemar cannot reach alpha."""
    return 1 + math.ceil(-math.log2(alpha))


def _prompts_needed(difference: float, deviation: float) -> float:
    if difference == 0:
        return math.inf
    fewest = math.ceil(_fewest_significant_discordant() / abs(difference))
    return max(float(fewest), units_needed(difference, deviation))


def newcombe_interval(
    both: int, gained: int, lost: int, n: int, level: float = DEFAULT_LEVEL
) -> Interval:
    """Interval of a paired difference of rates that keeps its width without discordant pairs.

    both, gained, lost: pairs with (candidate, baseline) = (1, 1), (1, 0), (0, 1), of n pairs. The
    two Wilson intervals are joined through the correlation of the pairs, with the continuity
    correction of the numerator. Source: Newcombe (1998) Statistics in Medicine 17, method 10.
    """
    neither = n - both - gained - lost
    quantile = normal_quantile((1 + level) / 2)
    rates = ((both + gained) / n, (both + lost) / n)
    (low_a, high_a), (low_b, high_b) = (
        wilson_limits(count, n, quantile) for count in (both + gained, both + lost)
    )
    margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    product = both * neither - gained * lost
    corrected = max(product - n / 2, 0.0) if product > 0 else float(product)
    phi = corrected / math.sqrt(margins) if margins else 0.0

    def joined(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))

    difference = rates[0] - rates[1]
    return Interval(
        max(-1.0, difference - joined(rates[0] - low_a, high_b - rates[1])),
        min(1.0, difference + joined(high_a - rates[0], rates[1] - low_b)),
        level,
        "Newcombe paired",
    )


def discordant_odds_ratio(gained: int, lost: int, level: float = DEFAULT_LEVEL) -> Effect:
    """gained / lost, the conditional odds ratio of matched pairs, with its exact interval.

    The interval is Clopper and Pearson's for gained / (gained + lost), turned into odds; a side
    without pairs gives an infinite limit. Without any discordant pair: NaN with a reason.
    """
    if gained + lost == 0:
        return undefined_effect("odds ratio", "no pair differs between the runs", level)
    tail = (1 - level) / 2
    low = beta_quantile(tail, gained, lost + 1) if gained else 0.0
    high = beta_quantile(1 - tail, gained + 1, lost) if lost else 1.0
    return Effect(
        gained / lost if lost else math.inf,
        "odds ratio",
        Interval(low / (1 - low), high / (1 - high) if high < 1 else math.inf, level, "exact"),
    )
