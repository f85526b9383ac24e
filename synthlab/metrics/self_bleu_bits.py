"""Self-BLEU of many subsets of a large corpus at once, sixty-four subsets in each machine word.

A clipped count is a sum of yes-or-no questions, as in `self_bleu_subsets`: one column for each
(n-gram, t), and a text has a match there if any other text of its subset has the column too. With a
bit for each subset, "two texts or more" is two operations for each text of a column, and the matches
of a text are a sum of columns, added bit plane by bit plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthlab.metrics.gram_columns import Columns, GramColumns, Places
from synthlab.metrics.ngrams import Integers
from synthlab.metrics.self_bleu_table import METHOD1_NUMERATOR, Floats
from synthlab.metrics.subset_bits import BITS, Masks, Numbers, Words, carried, numbers_of, packed

_SUBSETS_AT_ONCE = 512
_TEXTS_AT_ONCE = 128


class SelfBleuBits:
    """The shared n-grams of a corpus as columns of texts, ready to score any number of subsets.

    Equal to `SelfBleuTable.mean` of each subset to the last bit. Memory is about 40 bytes for each
    shared n-gram of a text, and 400 bytes for each column while subsets are scored.
    """

    def __init__(self, lengths: Integers, orders: Sequence[Columns]) -> None:
        """lengths: (documents,) in tokens; orders: `shared_columns` of the n-grams of each order.

        Smoothing is "method 1", as in `SelfBleuTable`.
        """
        self._lengths = lengths
        self._slots = len(orders) * lengths.size
        size = np.concatenate([one.size for one in orders])
        joined = Columns(np.concatenate([one.text for one in orders]), size)
        self._columns = GramColumns.of(joined)
        slot = np.concatenate([one.text + n * lengths.size for n, one in enumerate(orders)])
        by_slot = np.argsort(slot, kind="stable")
        self._slot = slot[by_slot]
        self._column = self._columns.number[joined.entries][by_slot]
        self._logs = _LogPrecisions(lengths, len(orders))
        self._brevity = _Brevity(lengths)

    def means(self, chosen: Masks) -> Floats:
        """Mean Self-BLEU of each subset; NaN where fewer than two of its texts have words.

        chosen: (subsets, documents). Returns (subsets,) in [0, 1]. If no text is in a subset of the
        first half and in the same one of the second half, as after swaps, both cost as much as one.
        """
        half = len(chosen) // 2
        if len(chosen) % 2 or (chosen[:half] & chosen[half:]).any():
            return self._of_sides(chosen, np.zeros_like(chosen))[0]
        return np.concatenate(self._of_sides(chosen[:half], chosen[half:]))

    def _of_sides(self, first: Masks, second: Masks) -> tuple[Floats, Floats]:
        """Means of the subsets of two sides; each pair of subsets has no text in common."""
        means = (np.empty(len(first)), np.empty(len(first)))
        for start in range(0, len(first), _SUBSETS_AT_ONCE):
            part = slice(start, start + _SUBSETS_AT_ONCE)
            sides = [side[part] & (self._lengths > 0) for side in (first, second)]
            scores = self._scores(sides[0], sides[1])
            for mean, side in zip(means, sides, strict=True):
                mean[part] = _row_means(scores, side)
        return means

    def _scores(self, first: Masks, second: Masks) -> Floats:
        """(subsets, documents) of each text among those of its side; without meaning on neither."""
        subsets = len(first)
        occupied = np.concatenate([packed(first), packed(second)], axis=1)
        shared = self._columns.reached(occupied, 2)
        row = np.full(shared.everywhere.size, -1, np.int64)
        row[shared.differing] = np.arange(shared.differing.size)
        of_entry = row[self._column]
        differs = of_entry >= 0
        counted = _bit_sums(
            _Sides(shared.bits, occupied), of_entry[differs], self._slot[differs], self._slots
        )
        constant = np.bincount(self._slot[shared.everywhere[self._column]], minlength=self._slots)
        factors = [self._brevity.factors(side) for side in (first, second)]
        scores = np.empty(first.shape)
        for start in range(0, first.shape[1], _TEXTS_AT_ONCE):
            texts = np.arange(start, min(start + _TEXTS_AT_ONCE, first.shape[1]))
            of_texts = self._logs.precisions(texts, counted, constant)[:, :subsets].T
            of_texts *= self._brevity.of(texts, factors[0], factors[1], second)
            scores[:, texts[0] : texts[-1] + 1] = of_texts
        return scores


class _Sides:
    """In which subsets each differing column is shared, on the side where a text stands."""

    def __init__(self, bits: Words, occupied: Words) -> None:
        """bits: (rows, 2 words), occupied: (documents, 2 words), the first side before the second."""
        words = bits.shape[1] // 2
        nothing = np.zeros((1, words), np.uint64)
        self.first = np.concatenate([bits[:, :words], nothing])
        self.other = np.concatenate([bits[:, :words] ^ bits[:, words:], nothing])
        self.second = np.ascontiguousarray(occupied[:, words:])
        self.none = len(bits)
        """A row without any."""

    def of(self, rows: Integers, second: Words) -> Words:
        """(rows, words); second: (rows, words) where the text of each row is on the second side."""
        found = self.other[rows]
        found &= second
        found ^= self.first[rows]
        return found


@dataclass(frozen=True, eq=False)
class _Counted:
    """Numbers for each slot and subset, slots in an order of their own."""

    numbers: Numbers
    """(slots, subsets)"""
    place: Places
    """(slots,) row of each slot."""


def _bit_sums(sides: _Sides, row: Integers, slot: Places, slots: int) -> _Counted:
    """How many of a slot's rows have each bit.

    row, slot: (entries,) by slot. Numbers are kept as bit planes while they grow: adding four rows to
    all slots takes the same few operations on words as adding one number.
    """
    size = np.bincount(slot, minlength=slots)
    most_first = np.argsort(-size, kind="stable")
    start = (np.cumsum(size) - size)[most_first]
    size = size[most_first]
    row = np.append(row, np.full(4, sides.none, row.dtype))
    second = sides.second[most_first % len(sides.second)]
    planes: list[Words] = []
    for rank in range(0, int(size[0]) if size.size else 0, 4):
        going = int(np.searchsorted(-size, -rank, side="left"))
        while len(planes) < (rank + 4).bit_length():
            planes.append(np.zeros((going, second.shape[1]), np.uint64))
        four = [
            sides.of(
                np.where(size[:going] > each, row[start[:going] + each], sides.none), second[:going]
            )
            for each in range(rank, rank + 4)
        ]
        ones, twos = planes[0][:going], planes[1][:going]
        carry = carried(twos, carried(ones, four[0], four[1]), carried(ones, four[2], four[3]))
        for plane in planes[2:]:
            following = plane[:going] & carry
            plane[:going] ^= carry
            carry = following
    place = np.empty_like(most_first)
    place[most_first] = np.arange(slots)
    return _Counted(numbers_of(planes, slots, second.shape[1] * BITS), place)


class _LogPrecisions:
    """The logarithm of every precision that a text can have, so that none is taken twice."""

    def __init__(self, lengths: Integers, max_order: int) -> None:
        self._order, self._texts = max_order, lengths.size
        starts = np.arange(max_order)[:, None]
        totals = np.maximum(lengths[None, :] - starts, 0).reshape(-1)
        self._offset = np.cumsum(totals + 1) - (totals + 1)
        slot = np.repeat(np.arange(totals.size), totals + 1)
        matches = np.arange(slot.size) - self._offset[slot]
        smoothed = np.where(matches > 0, matches, METHOD1_NUMERATOR)
        self._log = np.log(smoothed / np.maximum(totals.astype(np.float64), 1.0)[slot])
        # Without a word in common the precision is 0 whatever the longer n-grams.
        self._log[self._offset[: lengths.size]] = -math.inf

    def precisions(self, texts: Places, counted: _Counted, constant: Places) -> Floats:
        """(texts, bits) geometric means; matches are what was counted and a constant of each slot."""
        total = self._of_order(0, texts, counted, constant)
        for order in range(1, self._order):
            total += self._of_order(order, texts, counted, constant)
        total /= self._order
        return np.exp(total, out=total)

    def _of_order(self, order: int, texts: Places, counted: _Counted, constant: Places) -> Floats:
        slots = texts + order * self._texts
        first = self._offset[slots] + constant[slots]
        found: Floats = self._log[first[:, None] + counted.numbers[counted.place[slots]]]
        return found


class _Brevity:
    """The brevity penalty by length, of which there are far fewer than texts."""

    def __init__(self, lengths: Integers) -> None:
        self._length, self._place = np.unique(lengths, return_inverse=True)
        self._by_length = np.argsort(self._place, kind="stable")
        self._start = np.searchsorted(self._place[self._by_length], np.arange(self._length.size))

    def of(self, texts: Places, first: Floats, second: Floats, is_second: Masks) -> Floats:
        """(subsets, texts) on the side where each text stands."""
        place = self._place[texts]
        return np.where(is_second[:, texts], second[:, place], first[:, place])

    def factors(self, active: Masks) -> Floats:
        """(subsets, lengths) against the nearest length among the others, a tie to the shorter one.

        Values of lengths without another text in their subset mean nothing.
        """
        length = self._length.astype(np.float64)
        ordered = active[:, self._by_length].astype(np.int32)
        texts = np.add.reduceat(ordered, self._start, axis=1)
        below = np.full(texts.shape, -math.inf)
        above = np.full(texts.shape, math.inf)
        present = texts > 0
        below[:, 1:] = np.maximum.accumulate(np.where(present, length, -math.inf), axis=1)[:, :-1]
        reverse = np.minimum.accumulate(np.where(present, length, math.inf)[:, ::-1], axis=1)
        above[:, :-1] = reverse[:, ::-1][:, 1:]
        nearest = np.where(length - below <= above - length, below, above)
        nearest = np.where(texts > 1, length, nearest)
        return np.exp(np.minimum(0.0, 1.0 - nearest / np.maximum(length, 1.0)))


def _row_means(scores: Floats, active: Masks) -> Floats:
    """(subsets,) mean over the texts of each; NaN below two."""
    kept = scores[active]
    sizes = active.sum(axis=1)
    if sizes.size and (sizes == sizes[0]).all() and sizes[0] >= 2:
        means: Floats = kept.reshape(len(active), -1).mean(axis=1)
        return means
    ends = np.cumsum(sizes)
    return np.array(
        [
            kept[end - size : end].mean() if size >= 2 else math.nan
            for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)
        ],
        dtype=np.float64,
    )
