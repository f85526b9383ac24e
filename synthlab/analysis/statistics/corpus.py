"""Two runs compared on a metric of the whole corpus, such as Self-BLEU or the Vendi score.

Such a metric has no per-row score to average, so the test swaps whole prompts between the runs and
the interval leaves half of the prompts out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthlab.analysis.statistics.clusters import BoolArray, FloatArray
from synthlab.analysis.statistics.estimates import (
    DEFAULT_LEVEL,
    Effect,
    Estimate,
    PairedResult,
    undefined_effect,
    undefined_result,
)
from synthlab.analysis.statistics.intervals import (
    HalfSamples,
    half_sample_estimate,
)
from synthlab.analysis.statistics.power import minimum_detectable_effect, units_needed
from synthlab.analysis.statistics.screening import ScreenedDifferences

SwapDifferences = Callable[[BoolArray], FloatArray]
"""Metric of the candidate minus metric of the baseline after the rows marked in each mask of
(swaps, rows) have changed sides: (swaps,). No row marked gives the difference as observed."""

DEFAULT_SWAPS = 2_000
_SWAPS_AT_ONCE = 500
_METHOD = "approximate randomisation"
_ZERO_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class CorpusPair:
    """A corpus metric of two runs and their contrast, all from the same half-samples."""

    candidate: Estimate
    baseline: Estimate
    difference: Estimate
    log_ratio: Estimate
    """log(candidate / baseline); undefined with a reason unless both values are positive."""


def pair_of_halves(
    full: FloatArray,
    on_halves: FloatArray,
    halves: HalfSamples,
    *,
    level: float = DEFAULT_LEVEL,
) -> CorpusPair:
    """Intervals of a corpus metric in two aligned runs and of their difference.

    Both runs must have been computed on the same half-samples, so that what the prompts have in
    common cancels in the difference.
    full: (2,) candidate and baseline on all rows. on_halves: (2, replicates) on the half-samples, or
    (2, 0) where there are too few prompts for any.
    """
    return CorpusPair(
        half_sample_estimate(float(full[0]), on_halves[0], halves, level),
        half_sample_estimate(float(full[1]), on_halves[1], halves, level),
        half_sample_estimate(float(full[0] - full[1]), on_halves[0] - on_halves[1], halves, level),
        _log_ratio_estimate(full, on_halves, halves, level),
    )


def _log_ratio_estimate(
    full: FloatArray,
    on_halves: FloatArray,
    halves: HalfSamples,
    level: float,
) -> Estimate:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs, half_logs = np.log(full), np.log(on_halves)
        return half_sample_estimate(
            float(logs[0] - logs[1]), half_logs[0] - half_logs[1], halves, level
        )


def randomisation_test(
    differences: SwapDifferences,
    pair: CorpusPair,
    halves: HalfSamples,
    *,
    seed: int,
    swaps: int = DEFAULT_SWAPS,
    estimate: SwapDifferences | None = None,
) -> PairedResult:
    """Paired test of a corpus metric: is the difference larger than label swaps would make it?

    Each prompt's rows change sides together with probability 1/2; p = (1 + #{|D*| >= |D|}) /
    (1 + swaps), two-sided. Interval, effect (log ratio) and detectable effect come from the
    half-samples in `pair`; where these have none the swaps give the detectable effect. A metric
    undefined for some swap gives a reason instead of a p-value. `estimate`, if given, is cheap and in
    proportion to the differences: these are then computed only where it leaves open whether a swap
    reaches D (see `screening`). Raises ValueError if `differences` without swaps is not the difference
    in `pair`. Source: Noreen (1989); Riezler and Maxwell (2005).
    """
    n, groups = halves.clusters.n_rows, halves.clusters.count
    observed = pair.difference.value
    swapped = np.empty(0)
    reason = "" if math.isfinite(observed) else pair.difference.reason
    if groups < 2:
        reason = f"too few prompts ({groups}): no test is possible"
    scale = max(abs(pair.candidate.value), abs(pair.baseline.value), 1e-300)
    tolerance = _ZERO_TOLERANCE * scale
    if not reason:
        unswapped = float(differences(np.zeros((1, n), dtype=np.bool_))[0])
        _refuse_another_metric(unswapped, observed, tolerance)
        # Where the swaps themselves give the detectable effect, every one of them counts.
        if estimate is not None and math.isfinite(pair.difference.standard_error):
            differences = ScreenedDifferences(differences, estimate, observed)
        swapped = _swap_differences(differences, halves, seed, swaps)
        undefined = int(np.count_nonzero(~np.isfinite(swapped)))
        if undefined:
            reason = f"the metric is undefined after {undefined} of {swaps} swaps"
    if reason:
        return undefined_result(
            reason,
            method=_METHOD,
            effect="log ratio",
            difference=observed,
            n_pairs=n,
            n_units=groups,
        )
    hits = int(np.count_nonzero(np.abs(swapped) >= abs(observed) - tolerance))
    error = pair.difference.standard_error
    if math.isnan(error):
        error = float(np.sqrt(np.mean(swapped**2)))
    return PairedResult(
        difference=observed,
        interval=pair.difference.interval,
        p=(1 + hits) / (1 + swaps),
        method=_METHOD,
        effect=_log_ratio_effect(pair.log_ratio),
        n_pairs=n,
        mde=minimum_detectable_effect(error) if error > 0 else math.nan,
        n_units=groups,
        unit="prompts",
        needed=units_needed(observed, error * math.sqrt(groups)),
        reason=pair.difference.reason,
    )


def _refuse_another_metric(unswapped: float, observed: float, tolerance: float) -> None:
    if not abs(unswapped - observed) <= tolerance:
        raise ValueError(
            f"the swap difference without swaps is {unswapped}, but the runs differ by {observed}: "
            "both must compute the same metric on the same rows"
        )


def _swap_differences(
    differences: SwapDifferences, halves: HalfSamples, seed: int, swaps: int
) -> FloatArray:
    generator = np.random.default_rng(seed)
    clusters = halves.clusters
    found = np.empty(swaps)
    for start in range(0, swaps, _SWAPS_AT_ONCE):
        count = min(_SWAPS_AT_ONCE, swaps - start)
        heads = generator.random((count, clusters.count)) < 0.5
        found[start : start + count] = differences(heads[:, clusters.codes])
    return found


def _log_ratio_effect(ratio: Estimate) -> Effect:
    if not math.isfinite(ratio.value):
        return undefined_effect("log ratio", "a log ratio needs two positive values")
    return Effect(ratio.value, "log ratio", ratio.interval, ratio.reason)
