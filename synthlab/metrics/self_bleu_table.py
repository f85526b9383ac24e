"""Self-BLEU, exact in linear time, for whole corpora and inside a permutation test.

The references of a text are all texts but itself, and BLEU clips a count by its maximum over the
references. Of every n-gram only the largest count, one text that owns it and the second largest
count are therefore needed.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from synthlab.metrics.ngrams import Compact, Integers, count_grams
from synthlab.metrics.tokenize import TokenizedCorpus

Smoothing = Literal["method1", "exponential"]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MAX_ORDER = 5
METHOD1_NUMERATOR = 0.1
"""What replaces a zero number of matches (smoothing method 1 of Chen and Cherry 2014)."""
TOO_FEW = "Self-BLEU needs at least two texts with words"


class SelfBleuTable:
    """The n-gram counts of a set of texts, ready to score any subset of them in one masked pass.

    Texts of different groups are never references of each other. Build once, then call
    `per_document` or `mean` for every subset: half-samples, swaps, nested subsamples. Memory is
    about 40 bytes per shared n-gram entry.
    """

    def __init__(
        self,
        corpus: TokenizedCorpus,
        max_order: int = 4,
        *,
        group: Integers | None = None,
        smoothing: Smoothing = "method1",
    ) -> None:
        """Raises ValueError for an order outside 1 to 5 or a group array of the wrong length."""
        if not 1 <= max_order <= MAX_ORDER:
            raise ValueError(
                f"Self-BLEU is defined here for orders 1 to {MAX_ORDER}, got {max_order}"
            )
        if group is not None and group.shape != (len(corpus),):
            raise ValueError(f"{len(corpus)} documents need one group each, got {group.shape}")
        self.max_order = max_order
        self.lengths = corpus.lengths
        self._smoothing = smoothing
        self._group = np.zeros(len(corpus), np.int64) if group is None else group
        self._by_length = np.lexsort((self.lengths, self._group))
        self._gram: Compact
        self._slot: Compact
        self._read_counts(corpus, group)
        starts = np.arange(max_order)[:, None]
        self._totals = np.maximum(self.lengths[None, :] - starts, 0).astype(np.float64)

    def _read_counts(self, corpus: TokenizedCorpus, group: Integers | None) -> None:
        grams, slots, counts = [], [], []
        numbered = 0
        for table in count_grams(corpus, self.max_order, shared_only=True, group=group):
            descending = _largest_first(table.gram, table.count)
            grams.append(table.gram[descending] + np.int32(numbered))
            slots.append(table.document[descending] + np.int32((table.order - 1) * len(corpus)))
            counts.append(table.count[descending].astype(np.float64))
            numbered += table.grams
        self._gram = np.concatenate(grams)
        self._slot = np.concatenate(slots)
        self._count = np.concatenate(counts)
        shape = (self.max_order, len(corpus))
        self._all_counts = np.bincount(
            self._slot, weights=self._count, minlength=shape[0] * shape[1]
        ).reshape(shape)

    def per_document(self, chosen: Mask | None = None) -> Floats:
        """BLEU of each chosen text against the other chosen texts of its group.

        chosen: (documents,) bool, all texts if left out. Returns (documents,) in [0, 1], NaN for
        texts that are not chosen, have no token or have no other text in their group.
        """
        nonempty = self.lengths > 0
        active = nonempty if chosen is None else nonempty & chosen
        reference_length = self._nearest_lengths(active)
        scored = active & (reference_length > 0)
        matches = self._matches(active)[:, scored]
        totals = self._totals[:, scored]
        own = self.lengths[scored].astype(np.float64)
        brevity = np.exp(np.minimum(0.0, 1.0 - reference_length[scored] / own))
        scores = np.full(self.lengths.size, np.nan)
        precision = _method1 if self._smoothing == "method1" else _exponential
        scores[scored] = brevity * precision(matches, totals)
        return scores

    def mean(self, chosen: Mask | None = None) -> float:
        """Mean of `per_document` over the scored texts; raises ValueError when none can be scored."""
        scores = self.per_document(chosen)
        scored = scores[~np.isnan(scores)]
        if not scored.size:
            raise ValueError(TOO_FEW)
        return float(scored.mean())

    def _matches(self, active: Mask) -> Floats:
        """(orders, documents) clipped matches.

        Entries of a gram stand largest first. Within the active ones the first is the owner and is
        clipped to the second; every other count is at most the first and stays whole. So only
        owners lose something.
        """
        documents = active.size
        if active.all():
            gram, slot, count = self._gram, self._slot, self._count
        else:
            kept = np.flatnonzero(np.tile(active, self.max_order)[self._slot])
            gram, slot, count = self._gram[kept], self._slot[kept], self._count[kept]
        if not gram.size:
            return np.zeros((self.max_order, documents))
        starts = np.flatnonzero(np.concatenate([[True], gram[1:] != gram[:-1]]))
        following = np.minimum(starts + 1, gram.size - 1)
        has_second = (gram[following] == gram[starts]) & (following > starts)
        loss = count[starts] - np.where(has_second, count[following], 0.0)
        lost = np.bincount(slot[starts], weights=loss, minlength=self._all_counts.size)
        return self._all_counts - np.asarray(lost, np.float64).reshape(self._all_counts.shape)

    def _nearest_lengths(self, active: Mask) -> Integers:
        """(documents,) length nearest to each active text's own among the others; 0 where there is none.

        In length order the nearest is a neighbour; a tie goes to the shorter one, which stands
        before.
        """
        order = self._by_length[active[self._by_length]]
        length, group = self.lengths[order], self._group[order]
        far = np.iinfo(np.int64).max
        below = np.full(order.size, far)
        above = np.full(order.size, far)
        same = group[1:] == group[:-1]
        step = length[1:] - length[:-1]
        below[1:] = np.where(same, step, far)
        above[:-1] = np.where(same, step, far)
        nearest = np.where(
            below <= above, length - below, length + np.where(above == far, 0, above)
        )
        nearest[(below == far) & (above == far)] = 0
        result = np.zeros(active.size, np.int64)
        result[order] = nearest
        return result


def _largest_first(gram: Compact, count: Compact) -> Integers:
    """Order of the entries by gram, then by falling count; the input is sorted by gram already."""
    if not count.size or count.max() == 1:
        return np.arange(count.size)
    # Nearly sorted already, which the merge sort behind lexsort uses and a plain sort does not.
    return np.lexsort((-count, gram))


def _method1(matches: Floats, totals: Floats) -> Floats:
    """Geometric mean of the precisions; a zero match count becomes 0.1, no unigram match gives 0."""
    smoothed = np.where(matches > 0, matches, METHOD1_NUMERATOR) / np.maximum(totals, 1.0)
    return np.where(matches[0] > 0, np.exp(np.log(smoothed).mean(axis=0)), 0.0)


def _exponential(matches: Floats, totals: Floats) -> Floats:
    """Sacrebleu's sentence form: the k-th zero counts as 1/2^k; orders longer than the text are out."""
    possible = totals > 0
    zeros = np.cumsum((matches == 0) & possible, axis=0)
    smoothed = np.where(matches > 0, matches, 0.5**zeros) / np.maximum(totals, 1.0)
    logs = np.where(possible, np.log(smoothed), 0.0).sum(axis=0)
    mean = np.exp(logs / np.maximum(possible.sum(axis=0), 1))
    return np.where((matches > 0).any(axis=0), mean, 0.0)
