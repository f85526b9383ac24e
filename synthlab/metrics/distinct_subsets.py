"""distinct-n of many subsets of one corpus at once, for half-samples and random swaps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthlab.metrics.ngrams import Integers
from synthlab.metrics.tokenize import TokenizedCorpus, seeded_order

Floats = npt.NDArray[np.float64]


class DistinctSubsets:
    """The n-grams of a corpus by place, ready to be read in any order up to a token budget.

    Equal to `diversity.distinct_n` of each subset, without counting its n-grams anew.
    """

    def __init__(self, corpus: TokenizedCorpus, order: int, budget: int, *, seed: int = 0) -> None:
        """budget: tokens that a subset is read up to; seed: of the order in which it is read."""
        self._offsets = corpus.offsets
        self._budget, self._order, self._seed = budget, order, seed
        self._gram = _gram_at(corpus, order)
        self._grams = int(self._gram.max()) + 1 if self._gram.size else 0
        self._orders: dict[int, Integers] = {}

    def values(self, subsets: Sequence[Integers]) -> Floats:
        """(subsets,) distinct-n of each; NaN where it has fewer tokens than the budget.

        subsets: numbers of the documents of each, in the order of the prompts.
        """
        return np.array([self._value(rows) for rows in subsets], dtype=np.float64)

    def _value(self, rows: Integers) -> float:
        read = rows[self._reading_order(len(rows))]
        starts, ends = self._offsets[read], self._offsets[read + 1]
        read_up_to = np.cumsum(ends - starts)
        if not len(rows) or read_up_to[-1] < self._budget:
            return math.nan
        last = int(np.searchsorted(read_up_to, self._budget))
        ends = ends[: last + 1].copy()
        ends[last] -= read_up_to[last] - self._budget
        pieces = [
            self._gram[start : end - self._order + 1]
            for start, end in zip(starts.tolist(), ends.tolist(), strict=False)
            if end - start >= self._order
        ]
        total = sum(piece.size for piece in pieces)
        if not total:
            return math.nan
        occurs = np.zeros(self._grams, np.bool_)
        for piece in pieces:
            occurs[piece] = True
        return int(np.count_nonzero(occurs)) / total

    def _reading_order(self, size: int) -> Integers:
        if size not in self._orders:
            self._orders[size] = seeded_order(size, self._seed).astype(np.int64)
        return self._orders[size]


def _gram_at(corpus: TokenizedCorpus, order: int) -> Integers:
    """(tokens,) number of the n-gram that begins at each token, whatever stands behind its text.

    Places whose n-gram would reach into the next document hold a number that is never read.
    """
    if corpus.ids.size < order:
        return np.empty(0, np.int64)
    key = corpus.ids.astype(np.int64)
    for step in range(1, order):
        following = np.zeros_like(key)
        following[: key.size - step] = corpus.ids[step:]
        _, key = np.unique(key * max(len(corpus.vocabulary), 1) + following, return_inverse=True)
    return key
