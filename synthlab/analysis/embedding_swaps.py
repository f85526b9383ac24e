"""What swaps do to the spread of answers, from sums over single answers instead of whole matrices.

A side after a swap is a sum over the prompts of one or the other answer, so that a thousand swaps are
one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthlab.analysis.axis_metrics import SwapEstimates
from synthlab.analysis.measured import AlignedAnswers
from synthlab.analysis.statistics.clusters import BoolArray, FloatArray
from synthlab.metrics.embedding import Matrix, embeddings

_SMALLEST_SHARE = 1e-12
"""Of the total spread: directions with less are rounding, and their logarithm would be noise."""


def joined_vectors(sides: Sequence[Matrix]) -> Matrix:
    """All behind one another; vectors of unlike embedders are filled up with zeros.

    They are never mixed: unlike embedders are unlike keys, and each side alone is unchanged.
    """
    width = max(one.shape[1] for one in sides)
    return np.concatenate([np.pad(one, ((0, 0), (0, width - one.shape[1]))) for one in sides])


def cosine_estimate(candidate: AlignedAnswers, baseline: AlignedAnswers) -> SwapEstimates:
    """The difference of mean cosine distances, up to rounding: it is a function of the summed vectors."""
    sides = _Sides(candidate, baseline)
    total, change = sides.totals(sides.unit)

    def estimate(swaps: BoolArray) -> FloatArray:
        moved = swaps.astype(np.float64) @ change
        ours, theirs = sides.sizes(swaps)
        return _distance(total[0] + moved, ours) - _distance(total[1] - moved, theirs)

    return estimate


def _distance(summed: Matrix, n: FloatArray) -> FloatArray:
    squared: FloatArray = np.einsum("sd,sd->s", summed, summed)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance: FloatArray = 1.0 - (squared - n) / (n * (n - 1))
    return distance


def vendi_estimate(candidate: AlignedAnswers, baseline: AlignedAnswers) -> SwapEstimates:
    """About in proportion to the difference of Vendi scores.

    Entropy is replaced by cross-entropy against both sides together, -tr(M log T), which is linear in
    the moments M of a side and touches the entropy at M = T. By Klein's inequality it lies above, by
    nearly the same amount for all halves of one whole.
    """
    sides = _Sides(candidate, baseline)
    shares, axes = np.linalg.eigh(sides.unit.T @ sides.unit / max(sides.usable.sum(), 1))
    logs = np.log(np.maximum(shares, _SMALLEST_SHARE))
    total, change = sides.totals(-((sides.unit @ axes) ** 2 @ logs))

    def estimate(swaps: BoolArray) -> FloatArray:
        moved = swaps.astype(np.float64) @ change
        ours, theirs = sides.sizes(swaps)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart: FloatArray = np.exp((total[0] + moved) / ours)
            apart -= np.exp((total[1] - moved) / theirs)
        return apart

    return estimate


class _Sides:
    """Unit vectors of candidate and baseline, zero where an answer has none."""

    def __init__(self, candidate: AlignedAnswers, baseline: AlignedAnswers) -> None:
        found = embeddings(joined_vectors([candidate.vectors, baseline.vectors]), "")
        self.unit = np.zeros((found.offered, found.unit.shape[1]))
        self.unit[found.rows] = found.unit
        self.usable = np.zeros(found.offered)
        self.usable[found.rows] = 1.0

    def totals(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of both sides, and what each swap adds to the first; values: (both sides' rows, …)."""
        ours, theirs = np.split(values, 2)
        return np.stack([ours.sum(axis=0), theirs.sum(axis=0)]), theirs - ours

    def sizes(self, swaps: BoolArray) -> tuple[FloatArray, FloatArray]:
        """(swaps,) usable answers on either side."""
        total, change = self.totals(self.usable)
        moved = swaps.astype(np.float64) @ change
        return total[0] + moved, total[1] - moved
