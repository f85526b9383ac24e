"""The spread of answers in an embedding space on any subset of prompts, from stored vectors."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from synthlab.analysis.axis_metrics import CorpusMetric, PairView
from synthlab.analysis.measured import AlignedAnswers
from synthlab.analysis.statistics.clusters import IntArray
from synthlab.metrics.embedding import Embeddings, Matrix, embeddings, mean_cosine_distance, vendi


def embedding_metric(identifier: str, value: Callable[[Embeddings], float]) -> CorpusMetric:
    """A metric of unit vectors; answers without a direction are set aside, as in the cell itself."""

    def view(candidate: AlignedAnswers, baseline: AlignedAnswers) -> PairView:
        joined = _join(candidate.vectors, baseline.vectors)
        found = embeddings(joined, "")
        place = np.full(len(joined), -1, dtype=np.int64)
        place[found.rows] = np.arange(len(found))

        def of_rows(rows: IntArray) -> float:
            positions = place[rows]
            return value(found.select(positions[positions >= 0]))

        return PairView(candidate, baseline, of_rows)

    return CorpusMetric(identifier, view)


def _join(first: Matrix, second: Matrix) -> Matrix:
    """Both behind one another; vectors of unlike embedders are filled up with zeros.

    They are never mixed: unlike embedders are unlike keys, and each side alone is unchanged.
    """
    width = max(first.shape[1], second.shape[1])
    sides = [np.pad(one, ((0, 0), (0, width - one.shape[1]))) for one in (first, second)]
    return np.concatenate(sides)


def _vendi(texts: Embeddings) -> float:
    return vendi(texts).q1.value if len(texts) else math.nan


EMBEDDING_METRICS = (
    embedding_metric("cosine-distance", lambda texts: mean_cosine_distance(texts).value),
    embedding_metric("vendi-1", _vendi),
)
"""What a comparison offers where every cell has published its vectors."""
