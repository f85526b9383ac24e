"""The spread of answers in an embedding space on any subset of prompts, from stored vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from synthlab.analysis.axis_metrics import CorpusMetric, SubsetValues, SwapEstimates
from synthlab.analysis.embedding_swaps import cosine_estimate, joined_vectors, vendi_estimate
from synthlab.analysis.measured import AlignedAnswers
from synthlab.analysis.statistics.clusters import FloatArray, IntArray
from synthlab.metrics.embedding import Matrix, embeddings

OfStacks = Callable[[Matrix], FloatArray]
"""(subsets, size, dimensions) unit vectors of the texts of each subset → (subsets,)."""
Estimate = Callable[[AlignedAnswers, AlignedAnswers], SwapEstimates]

_BLOCK_CELLS = 4_000_000


def embedding_metric(identifier: str, value: OfStacks, estimate: Estimate) -> CorpusMetric:
    """A metric of unit vectors; answers without a direction are set aside, as in the cell itself."""

    def prepare(answers: Sequence[AlignedAnswers]) -> SubsetValues:
        found = embeddings(joined_vectors([one.vectors for one in answers]), "")
        place = np.full(found.offered, -1, dtype=np.int64)
        place[found.rows] = np.arange(len(found))

        def values(subsets: Sequence[IntArray]) -> FloatArray:
            positions = [place[rows] for rows in subsets]
            return _stacked([one[one >= 0] for one in positions], found.unit, value)

        return values

    return CorpusMetric(identifier, prepare, estimate=estimate)


def _stacked(subsets: Sequence[IntArray], unit: Matrix, value: OfStacks) -> FloatArray:
    """Subsets of equal size are stacked and computed together."""
    result = np.empty(len(subsets))
    by_size: dict[int, list[int]] = {}
    for number, rows in enumerate(subsets):
        by_size.setdefault(len(rows), []).append(number)
    for size, numbers in by_size.items():
        block = max(1, _BLOCK_CELLS // max(size * unit.shape[1], 1))
        for start in range(0, len(numbers), block):
            part = numbers[start : start + block]
            result[part] = value(unit[np.stack([subsets[number] for number in part])])
    return result


def _cosine_distance(unit: Matrix) -> FloatArray:
    """As `embedding.mean_cosine_distance`, of each subset."""
    n = unit.shape[1]
    if n < 2:
        return np.full(len(unit), np.nan)
    total = unit.sum(axis=1)
    distance: FloatArray = 1.0 - (np.einsum("sd,sd->s", total, total) - n) / (n * (n - 1))
    return np.clip(distance, 0.0, 2.0)


def _vendi(unit: Matrix) -> FloatArray:
    """As `embedding.vendi` at q = 1, of each subset."""
    n, d = unit.shape[1:]
    if not n:
        return np.full(len(unit), np.nan)
    turned = unit.transpose(0, 2, 1)
    moments = turned @ unit if d <= n else unit @ turned
    weights = np.clip(np.linalg.eigvalsh(moments / n), 0.0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    # The limit of w log w at 0 is 0, so what rounding leaves of a zero does not count.
    terms = np.where(weights > 0, weights * np.log(np.where(weights > 0, weights, 1.0)), 0.0)
    scores: FloatArray = np.exp(-terms.sum(axis=1))
    return scores


EMBEDDING_METRICS = (
    embedding_metric("cosine-distance", _cosine_distance, cosine_estimate),
    embedding_metric("vendi-1", _vendi, vendi_estimate),
)
"""What a comparison offers where every cell has published its vectors."""
