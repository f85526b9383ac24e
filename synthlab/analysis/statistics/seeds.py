"""Training seeds as the second level: a condition is more than the one checkpoint it gave.

More prompts make a checkpoint's value sharper but say nothing about the next training run, so
prompt error and seed spread are kept apart, and a claim about conditions uses seeds as its unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthlab.analysis.statistics.clusters import FloatArray
from synthlab.analysis.statistics.distributions import student_t_quantile, student_t_two_sided
from synthlab.analysis.statistics.estimates import (
    DEFAULT_LEVEL,
    Effect,
    Estimate,
    Interval,
    PairedResult,
    undefined_interval,
    undefined_result,
)
from synthlab.analysis.statistics.paired import standardised_effect
from synthlab.analysis.statistics.power import minimum_detectable_effect, units_needed

Pairing = Literal["welch", "paired"]
"""Independent seeds, or the same seed numbers on both sides taken as pairs."""

ONE_SEED = "one seed: the spread between training runs is unknown"


@dataclass(frozen=True, slots=True)
class SeedValue:
    """The value of one training seed's checkpoint, with its interval over prompts."""

    seed: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class SeedSummary:
    """A condition's value with both sources of error shown apart."""

    value: float
    """Mean over seeds."""
    seed_interval: Interval
    """For new training runs on these same prompts: t on the seed values, seeds - 1."""
    combined_interval: Interval
    """For new training runs and new prompts; with one seed it covers new prompts only."""
    prompt_se: float
    """Root mean square of the seeds' standard errors over prompts; NaN if one is unknown."""
    seed_sd: float
    """SD of the seed values, NaN for one seed."""
    n_seeds: int
    is_one_seed: bool
    """To be said aloud wherever the value is shown."""
    reason: str
    """Why any of the numbers is NaN."""
    left_out: tuple[int, ...] = ()
    """Seeds whose value is undefined."""


def summarise_seeds(seeds: Sequence[SeedValue], *, level: float = DEFAULT_LEVEL) -> SeedSummary:
    """Mean over seeds, seed spread and prompt error, and the interval that combines them.

    Combined variance = seed SD² / seeds + prompt SE², because all seeds answer the same prompts and
    their prompt error does not average out; degrees of freedom by Satterthwaite (1946) from
    seeds - 1 and clusters - 1. Slightly conservative: the part of the prompt error that is a seed's
    own is counted in both terms. Seeds with an undefined value are left out and listed. Raises
    ValueError for a seed given twice.
    """
    _refuse_repeats(seeds)
    defined = [one for one in seeds if math.isfinite(one.estimate.value)]
    left_out = tuple(one.seed for one in seeds if not math.isfinite(one.estimate.value))
    count = len(defined)
    values = _values(defined)
    value = float(values.mean()) if count else math.nan
    errors = np.array([one.estimate.standard_error for one in defined])
    prompt_se = float(np.sqrt(np.mean(errors**2))) if count else math.nan
    seed_sd = float(values.std(ddof=1)) if count > 1 else math.nan
    reasons = [] if count else ["no seed has a defined value"]
    if count == 1:
        reasons.append(ONE_SEED)
    if count and math.isnan(prompt_se):
        reasons.append("the prompt error of a seed is unknown")
    reasons.extend(
        f"seed {one.seed}: {one.estimate.reason}" for one in seeds if one.estimate.reason
    )

    seed_interval = undefined_interval("t on seeds", level)
    combined = undefined_interval("seeds and prompts", level)
    if count == 1:
        combined = defined[0].estimate.interval
    elif count > 1:
        seed_part = seed_sd**2 / count
        seed_interval = _around(value, seed_part, count - 1, "t on seeds", level)
        clusters = min(one.estimate.n_clusters for one in defined)
        if not math.isnan(prompt_se) and clusters > 1:
            total = seed_part + prompt_se**2
            df = _satterthwaite((seed_part, prompt_se**2), (count - 1, clusters - 1))
            combined = _around(value, total, df, "seeds and prompts", level)
    return SeedSummary(
        value=value,
        seed_interval=seed_interval,
        combined_interval=combined,
        prompt_se=prompt_se,
        seed_sd=seed_sd,
        n_seeds=count,
        is_one_seed=count == 1,
        reason="; ".join(reasons),
        left_out=left_out,
    )


def compare_seeds(
    candidate: Sequence[SeedValue],
    baseline: Sequence[SeedValue],
    *,
    pairing: Pairing = "welch",
    level: float = DEFAULT_LEVEL,
) -> PairedResult:
    """Difference between two conditions with training seeds as the unit.

    "welch" treats the seeds of both sides as independent, which holds unless a seed fixes more than
    the initial adapter; "paired" uses only seed numbers that both sides have. Effect: Cohen's d, or
    d_z when paired. Fewer than 2 seeds on a side: the difference without a test, and the reason
    says "one seed". Seeds without a defined value count as absent. Raises ValueError for a seed
    given twice.
    """
    _refuse_repeats(candidate)
    _refuse_repeats(baseline)
    first, second = (
        {one.seed: one for one in side if math.isfinite(one.estimate.value)}
        for side in (candidate, baseline)
    )
    if pairing == "paired":
        shared = sorted(first.keys() & second.keys())
        first, second = ({seed: side[seed] for seed in shared} for side in (first, second))
    a, b = _values(list(first.values())), _values(list(second.values()))
    smaller = min(len(a), len(b))
    difference = float(a.mean() - b.mean()) if smaller else math.nan
    method = "Welch t on seeds" if pairing == "welch" else "paired t on seeds"
    reason = ""
    if smaller == 0:
        reason = "no seed has a value on both sides"
    elif smaller == 1:
        reason = ONE_SEED
    elif _are_constant(a, b, pairing):
        reason = "the seeds agree to the last digit: no spread to test against"
    if reason:
        return undefined_result(
            reason,
            method=method,
            effect="d" if pairing == "welch" else "d_z",
            unit="seeds",
            difference=difference,
            n_pairs=smaller,
            n_units=smaller,
            level=level,
        )
    return _paired(a, b, level) if pairing == "paired" else _welch(a, b, level)


def _paired(a: FloatArray, b: FloatArray, level: float) -> PairedResult:
    differences = a - b
    count = len(differences)
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    variance = deviation**2 / count
    return _seed_result(
        mean,
        variance,
        count - 1.0,
        "paired t on seeds",
        standardised_effect(mean / deviation, count, level),
        count,
        units_needed(mean, deviation),
        level,
    )


def _welch(a: FloatArray, b: FloatArray, level: float) -> PairedResult:
    difference = float(a.mean() - b.mean())
    spreads = (float(a.var(ddof=1)), float(b.var(ddof=1)))
    parts = (spreads[0] / len(a), spreads[1] / len(b))
    df = _satterthwaite(parts, (len(a) - 1, len(b) - 1))
    return _seed_result(
        difference,
        sum(parts),
        df,
        "Welch t on seeds",
        _cohens_d(difference / math.sqrt(sum(spreads) / 2), len(a), len(b), level),
        min(len(a), len(b)),
        units_needed(difference, math.sqrt(sum(spreads)), df_per_unit=2),
        level,
    )


def _seed_result(
    difference: float,
    variance: float,
    df: float,
    method: str,
    effect: Effect,
    count: int,
    needed: float,
    level: float,
) -> PairedResult:
    error = math.sqrt(variance)
    return PairedResult(
        difference=difference,
        interval=_around(difference, variance, df, method, level),
        p=student_t_two_sided(difference / error, df),
        method=method,
        effect=effect,
        n_pairs=count,
        mde=minimum_detectable_effect(error, df=df),
        n_units=count,
        unit="seeds",
        needed=needed,
    )


def _cohens_d(d: float, n_a: int, n_b: int, level: float) -> Effect:
    """d with its large-sample interval. Source: Hedges and Olkin (1985), equation 5.14."""
    error = math.sqrt((n_a + n_b) / (n_a * n_b) + d * d / (2 * (n_a + n_b)))
    half = student_t_quantile((1 + level) / 2, n_a + n_b - 2) * error
    return Effect(d, "d", Interval(d - half, d + half, level, "large-sample"))


def _satterthwaite(parts: tuple[float, float], df: tuple[int, int]) -> float:
    """Degrees of freedom of a sum of two independent variance estimates."""
    total = sum(parts)
    if total == 0:
        return float(min(df))
    return total**2 / sum(part**2 / one for part, one in zip(parts, df, strict=True))


def _around(value: float, variance: float, df: float, method: str, level: float) -> Interval:
    half = student_t_quantile((1 + level) / 2, df) * math.sqrt(variance)
    return Interval(value - half, value + half, level, method)


def _are_constant(a: FloatArray, b: FloatArray, pairing: Pairing) -> bool:
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()), 1e-300)
    spread = np.ptp(a - b) if pairing == "paired" else max(np.ptp(a), np.ptp(b))
    return bool(spread <= 1e-12 * scale)


def _values(seeds: Sequence[SeedValue]) -> FloatArray:
    return np.array([one.estimate.value for one in seeds], dtype=np.float64)


def _refuse_repeats(seeds: Sequence[SeedValue]) -> None:
    numbers = [one.seed for one in seeds]
    repeated = sorted({one for one in numbers if numbers.count(one) > 1})
    if repeated:
        raise ValueError(f"seed {repeated[0]} is given more than once")
