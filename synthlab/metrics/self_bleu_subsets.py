"""Self-BLEU of many subsets of one corpus at once, for half-samples and random swaps.

A clipped count is a sum of yes-or-no questions: min(c_i, max over j of c_j) counts the t with
c_i >= t and some other c_j >= t. With one column for each (n-gram, t), a subset's matches need
nothing but the number of its texts in each column: a matrix product for all subsets of a small
corpus, counted bit by bit in a large one (`self_bleu_bits`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from synthlab.metrics.gram_columns import Columns, shared_columns
from synthlab.metrics.ngrams import count_grams
from synthlab.metrics.self_bleu_bits import SelfBleuBits
from synthlab.metrics.self_bleu_table import METHOD1_NUMERATOR, Floats
from synthlab.metrics.tokenize import TokenizedCorpus

Masks = npt.NDArray[np.bool_]

_BLOCK_CELLS = 4_000_000
"""Numbers that one block of subsets may hold at once: 16 MB in single precision."""
_MOST_CELLS = 800_000
"""Texts times columns up to which the product is faster than bits (measured)."""


class SelfBleuSubsets:
    """The shared n-grams of a corpus, ready to score any number of its subsets.

    Equal to `SelfBleuTable.mean` of each subset up to rounding, several times faster for many.
    """

    def __init__(self, corpus: TokenizedCorpus, max_order: int = 4) -> None:
        """max_order: 1 to 5, smoothing "method 1", as in `SelfBleuTable`."""
        self._lengths = corpus.lengths
        starts = np.arange(max_order)[:, None]
        self._totals = np.maximum(self._lengths[None, :] - starts, 1).astype(np.float64)
        self._by_length = np.argsort(self._lengths, kind="stable")
        tables = count_grams(corpus, max_order, shared_only=True)
        orders = [shared_columns(table) for table in tables]
        self._columns = sum(one.size.size for one in orders)
        is_dense = len(corpus) * self._columns <= _MOST_CELLS
        self._parts = tuple(_cells(one, len(corpus)) for one in orders) if is_dense else ()
        self._bits = None if is_dense else SelfBleuBits(self._lengths, orders)

    def means(self, chosen: Masks) -> Floats:
        """Mean Self-BLEU of each subset; NaN where fewer than two of its texts have words.

        chosen: (subsets, documents). Returns (subsets,) in [0, 1].
        """
        if self._bits:
            return self._bits.means(chosen)
        found = np.empty(len(chosen))
        block = max(1, _BLOCK_CELLS // max(self._columns, self._totals.size, 1))
        for start in range(0, len(chosen), block):
            active = chosen[start : start + block] & (self._lengths > 0)
            found[start : start + block] = self._scores(active, self._matches(active))
        return found

    def _matches(self, active: Masks) -> Floats:
        """(subsets, orders, documents) clipped matches; whole numbers below 2^24 are exact in float32."""
        matches = np.empty((len(active), *self._totals.shape))
        occupied = active.astype(np.float32)
        for order, part in enumerate(self._parts):
            has_other = (occupied @ part >= 2).astype(np.float32)
            matches[:, order] = has_other @ part.T
        return matches

    def _scores(self, active: Masks, matches: Floats) -> Floats:
        nearest = self._nearest_lengths(active)
        scored = active & (nearest > 0)
        own = np.maximum(self._lengths, 1)
        brevity = np.exp(np.minimum(0.0, 1.0 - nearest / own))
        smoothed = np.where(matches > 0, matches, METHOD1_NUMERATOR) / self._totals
        precision = np.where(matches[:, 0] > 0, np.exp(np.log(smoothed).mean(axis=1)), 0.0)
        sums = np.where(scored, brevity * precision, 0.0).sum(axis=1)
        counts = scored.sum(axis=1)
        return np.where(counts > 0, sums / np.maximum(counts, 1), math.nan)

    def _nearest_lengths(self, active: Masks) -> Floats:
        """(subsets, documents) length nearest to each text's own among the others; 0 without others.

        In length order the nearest is a neighbour; a tie goes to the shorter one.
        """
        length = self._lengths[self._by_length].astype(np.float64)
        present = active[:, self._by_length]
        below = np.full(present.shape, -math.inf)
        above = np.full(present.shape, math.inf)
        below[:, 1:] = np.maximum.accumulate(np.where(present, length, -math.inf), axis=1)[:, :-1]
        reverse = np.minimum.accumulate(np.where(present, length, math.inf)[:, ::-1], axis=1)
        above[:, :-1] = reverse[:, ::-1][:, 1:]
        nearest = np.where(length - below <= above - length, below, above)
        result = np.empty(present.shape)
        result[:, self._by_length] = np.where(np.isfinite(nearest), nearest, 0.0)
        return result


def _cells(columns: Columns, documents: int) -> npt.NDArray[np.float32]:
    """(documents, columns) 1 where a text has the column."""
    cells = np.zeros((documents, columns.size.size), np.float32)
    cells[columns.text, columns.entries] = 1.0
    return cells
