"""distinct-n of many subsets of one corpus at once, for half-samples and random swaps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthlab.metrics.gram_columns import Columns, GramColumns
from synthlab.metrics.ngrams import Integers, sort_by_key
from synthlab.metrics.subset_bits import Masks, packed, total
from synthlab.metrics.tokenize import TokenizedCorpus, seeded_order

Floats = npt.NDArray[np.float64]

_SUBSETS_AT_ONCE = 512
_AGAIN = -1
"""The n-gram that begins here stood in this text before, or none begins here."""
_SINGLE = -2
"""The n-gram that begins here is in no other text."""
_LARGEST = 2**62


class DistinctSubsets:
    """The n-grams of a corpus, ready to be read in any order up to a token budget.

    Equal to `diversity.distinct_n` of each subset. Texts that are read whole are counted for all subsets
    at once: n-grams of one text by its number of them, the others by a bit for each subset. The text
    that the budget cuts adds what its beginning has and they have not.
    """

    def __init__(self, corpus: TokenizedCorpus, order: int, budget: int, *, seed: int = 0) -> None:
        """budget: tokens that a subset is read up to; seed: of the order in which it is read."""
        self._lengths, self._offsets = corpus.lengths, corpus.offsets
        self._budget, self._order, self._seed = budget, order, seed
        self._orders: dict[int, Integers] = {}
        gram, document, place = _first_places(corpus, order)
        texts = np.bincount(gram)
        is_single = texts[gram] == 1 if gram.size else np.empty(0, np.bool_)
        grams = np.maximum(corpus.lengths - order + 1, 0)
        singles = np.bincount(document[is_single], minlength=len(corpus))
        self._grams = np.stack([grams, singles], axis=1).astype(np.float64)
        shared = np.flatnonzero(~is_single)
        # Entries are sorted by gram, so that a column is a run of them.
        size = texts[texts > 1]
        self._columns = GramColumns.of(Columns(document[shared], size))
        self._new_at = np.full(corpus.ids.size, _AGAIN, np.int64)
        self._new_at[place[is_single]] = _SINGLE
        self._new_at[place[shared]] = self._columns.number[np.repeat(np.arange(size.size), size)]

    def values(self, subsets: Sequence[Integers]) -> Floats:
        """(subsets,) distinct-n of each; NaN where it has fewer tokens than the budget.

        subsets: numbers of the documents of each, in the order of the prompts.
        """
        found = [
            self._values(subsets[start : start + _SUBSETS_AT_ONCE])
            for start in range(0, len(subsets), _SUBSETS_AT_ONCE)
        ]
        return np.concatenate(found) if found else np.empty(0)

    def _values(self, subsets: Sequence[Integers]) -> Floats:
        whole = np.zeros((len(subsets), len(self._lengths)), np.bool_)
        last = np.zeros(len(subsets), np.int64)
        tokens = np.full(len(subsets), -1, np.int64)
        for number, rows in enumerate(subsets):
            read = rows[self._reading_order(len(rows))]
            read_up_to = np.cumsum(self._lengths[read])
            if not len(rows) or read_up_to[-1] < self._budget:
                continue
            end = int(np.searchsorted(read_up_to, self._budget))
            whole[number, read[:end]] = True
            last[number] = read[end]
            tokens[number] = self._lengths[read[end]] - (read_up_to[end] - self._budget)
        # How many n-grams begin where the last text is read.
        begin = np.maximum(tokens - self._order + 1, 0)
        in_whole, singles = (whole.astype(np.float64) @ self._grams).T
        all_grams = in_whole + begin
        different = singles + self._shared(whole, last, begin)
        defined = (tokens >= 0) & (all_grams > 0)
        return np.where(defined, different / np.maximum(all_grams, 1.0), math.nan)

    def _shared(self, whole: Masks, last: Integers, begin: Integers) -> Integers:
        """(subsets,) different n-grams of several texts, and what the beginning of one more adds."""
        shared = self._columns.reached(packed(whole), 1)
        found = total(shared.bits)[: len(whole)]
        # "Everywhere" leaves out subsets of which no text is read whole.
        has_whole: Masks = np.any(whole, axis=1)
        found += np.where(has_whole, np.count_nonzero(shared.everywhere), 0)
        subset = np.repeat(np.arange(len(whole)), begin)
        first = self._offsets[last] - (np.cumsum(begin) - begin)
        new_at = self._new_at[np.arange(subset.size) + first[subset]]
        may_be_new = np.flatnonzero(new_at != _AGAIN)
        subset, new_at = subset[may_be_new], new_at[may_be_new]
        is_new = new_at == _SINGLE
        rest = np.flatnonzero(~is_new)
        is_new[rest] = ~(shared.holds(new_at[rest], subset[rest]) & has_whole[subset[rest]])
        found += np.bincount(subset[is_new], minlength=len(whole))
        return found

    def _reading_order(self, size: int) -> Integers:
        if size not in self._orders:
            self._orders[size] = seeded_order(size, self._seed).astype(np.int64)
        return self._orders[size]


def _first_places(corpus: TokenizedCorpus, order: int) -> tuple[Integers, Integers, Integers]:
    """Every n-gram of every text once: its number, the text, and where it first begins there.

    (entries,) each, by n-gram, then by text. No n-gram reaches over the end of its text.
    """
    documents = corpus.documents
    place = np.flatnonzero(np.arange(corpus.ids.size) + order <= corpus.offsets[documents + 1])
    words = max(len(corpus.vocabulary), 1)
    key = corpus.ids[place].astype(np.int64)
    for step in range(1, order):
        if int(key.max(initial=0)) >= _LARGEST // words:
            key = np.unique(key, return_inverse=True)[1]
        key = key * words + corpus.ids[place + step]
    place, key = sort_by_key(key, place)
    is_gram = np.ones(key.size, np.bool_)
    is_gram[1:] = key[1:] != key[:-1]
    is_first = is_gram.copy()
    is_first[1:] |= documents[place][1:] != documents[place][:-1]
    gram = np.cumsum(is_gram) - 1
    return gram[is_first], documents[place[is_first]], place[is_first]
