"""Which texts have an n-gram at least t times, and which subsets of the texts have such texts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synthlab.metrics.ngrams import GramCounts
from synthlab.metrics.subset_bits import Masks, Words

Places = npt.NDArray[np.intp]

_COLUMNS_AT_ONCE = 4_096
"""Columns that stay in the processor's cache with the words of a thousand subsets."""
_RANKS_BETWEEN_CHECKS = 12
"""After so many texts of each column, those that every subset has are set aside."""


class Columns(NamedTuple):
    """The texts of which something is true, for many questions."""

    text: Places
    """(entries,) texts, column by column."""
    size: Places
    """(columns,) entries of each."""

    @property
    def entries(self) -> Places:
        """(entries,) number of the column of each."""
        return np.repeat(np.arange(self.size.size), self.size)


class Reached(NamedTuple):
    """In which subsets a column has enough texts."""

    everywhere: Masks
    """(columns,) in every subset that has a text at all."""
    differing: Places
    """(others,) the columns of which that is not true."""
    bits: Words
    """(others, words) the subsets in which they have enough."""

    def holds(self, columns: Places, subsets: Places) -> Masks:
        """(pairs,) whether each column has enough texts in each subset, all of which have a text."""
        row = np.zeros(self.everywhere.size, np.intp)
        row[self.differing] = np.arange(self.differing.size)
        found = self.everywhere[columns]
        rest = np.flatnonzero(~found)
        byte = self.bits.view(np.uint8)[row[columns[rest]], subsets[rest] >> 3]
        found[rest] = byte >> (7 - (subsets[rest] & 7)).astype(np.uint8) & 1
        return found


@dataclass(frozen=True, eq=False)
class GramColumns:
    """Columns with most texts first, ready to be asked about many subsets at once."""

    text: Places
    """(entries,) column by column."""
    size: Places
    """(columns,) texts of each, falling."""
    number: Places
    """(columns,) place here of each column in the order in which they were given."""

    @classmethod
    def of(cls, columns: Columns) -> GramColumns:
        """Put columns of any order into this one."""
        size = columns.size
        largest_first = np.argsort(-size, kind="stable")
        number = np.empty_like(largest_first)
        number[largest_first] = np.arange(size.size)
        sizes = size[largest_first]
        first = (np.cumsum(size) - size)[largest_first] - (np.cumsum(sizes) - sizes)
        entry = np.arange(columns.text.size) + np.repeat(first, sizes)
        return cls(columns.text[entry], sizes, number)

    def reached(self, occupied: Words, least: int) -> Reached:
        """Where a column has `least` texts or more; occupied: (documents, words), see `packed`."""
        start = np.cumsum(self.size) - self.size
        everywhere = np.zeros(self.size.size, np.bool_)
        numbers, bits = [np.empty(0, np.intp)], [np.empty((0, occupied.shape[1]), np.uint64)]
        for first in range(0, self.size.size, _COLUMNS_AT_ONCE):
            block = slice(first, first + _COLUMNS_AT_ONCE)
            found = self._reached(start[block], self.size[block], occupied, least)
            everywhere[block] = found.everywhere
            numbers.append(found.differing + first)
            bits.append(found.bits)
        return Reached(everywhere, np.concatenate(numbers), np.concatenate(bits))

    def _reached(self, start: Places, size: Places, occupied: Words, least: int) -> Reached:
        everywhere = np.zeros(size.size, np.bool_)
        all_subsets = np.bitwise_or.reduce(occupied, axis=0)
        number = np.arange(size.size)
        # levels[k] has the subsets with more than k texts so far.
        levels = [np.zeros((size.size, occupied.shape[1]), np.uint64) for _ in range(least)]
        ended_numbers, ended_bits = [], []
        for rank in count():
            going = int(np.searchsorted(-size, -rank, side="left"))
            if not going or (rank and rank % _RANKS_BETWEEN_CHECKS == 0):
                is_full = (levels[-1] == all_subsets).all(axis=1)
                everywhere[number[is_full]] = True
                ended = np.flatnonzero((np.arange(size.size) >= going) & ~is_full)
                ended_numbers.append(number[ended])
                ended_bits.append(levels[-1][ended])
                kept = np.flatnonzero(~is_full[:going])
                number, start, size = number[kept], start[kept], size[kept]
                levels = [level[kept] for level in levels]
                going = kept.size
            if not going:
                break
            has = occupied[self.text[start[:going] + rank]]
            for level in range(least - 1, 0, -1):
                levels[level][:going] |= levels[level - 1][:going] & has
            levels[0][:going] |= has
        return Reached(everywhere, np.concatenate(ended_numbers), np.concatenate(ended_bits))


def shared_columns(table: GramCounts) -> Columns:
    """One column for each t = 1, 2, … and each n-gram that two texts have t times."""
    gram, document, times = table.gram, table.document, table.count
    texts, sizes = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    for t in count(1):
        kept = np.flatnonzero(times >= t)
        gram, document, times = gram[kept], document[kept], times[kept]
        size = np.bincount(gram)
        is_shared = size[gram] >= 2
        gram, document, times = gram[is_shared], document[is_shared], times[is_shared]
        if not gram.size:
            break
        texts.append(document.astype(np.intp))
        sizes.append(size[size >= 2])
    return Columns(np.concatenate(texts), np.concatenate(sizes))
