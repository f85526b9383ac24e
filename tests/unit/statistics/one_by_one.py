"""Contrasts of a corpus metric computed subset by subset, as a reader would, for tests of the statistics."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from synthlab.analysis.statistics.clusters import BoolArray, FloatArray, IntArray
from synthlab.analysis.statistics.corpus import (
    DEFAULT_SWAPS,
    CorpusPair,
    pair_of_halves,
    randomisation_test,
)
from synthlab.analysis.statistics.estimates import DEFAULT_LEVEL, PairedResult
from synthlab.analysis.statistics.intervals import (
    HalfSamples,
    Metric,
    evaluate_halves,
    has_enough_clusters,
)

SwapDifference = Callable[[BoolArray], float]
"""Metric of the candidate minus metric of the baseline after the rows in the mask changed sides."""


def half_sample_pair(
    candidate: Metric,
    baseline: Metric,
    halves: HalfSamples,
    *,
    level: float = DEFAULT_LEVEL,
    counts_with_n: bool = False,
) -> CorpusPair:
    """Intervals of a corpus metric in two aligned runs and of their difference.

    Both metrics take row numbers of the aligned runs and see the same half-samples, so that what
    the prompts have in common cancels in the difference. `counts_with_n` as in
    `intervals.half_sample_interval`.
    """
    rows: IntArray = np.arange(halves.clusters.n_rows, dtype=np.int64)
    full = np.array([candidate(rows), baseline(rows)]) if len(rows) else np.full(2, math.nan)
    on_halves = np.empty((2, 0))
    if has_enough_clusters(halves):
        growth = 1 + 1 / halves.scale**2 if counts_with_n else 1.0
        on_halves = growth * np.array(
            [evaluate_halves(candidate, halves), evaluate_halves(baseline, halves)]
        )
    return pair_of_halves(full, on_halves, halves, level=level)


def approximate_randomisation(
    difference: SwapDifference,
    pair: CorpusPair,
    halves: HalfSamples,
    *,
    seed: int,
    swaps: int = DEFAULT_SWAPS,
) -> PairedResult:
    """`randomisation_test` for a metric that is computed swap by swap."""

    def differences(masks: BoolArray) -> FloatArray:
        return np.array([difference(mask) for mask in masks], dtype=np.float64)

    return randomisation_test(differences, pair, halves, seed=seed, swaps=swaps)
