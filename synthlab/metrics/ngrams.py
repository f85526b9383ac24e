"""Which n-gram occurs how often in which document, counted with sorts instead of dictionaries."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthlab.metrics.tokenize import TokenizedCorpus

Integers = npt.NDArray[np.int64]
# Half the width of Integers: counting is bound by memory traffic, not by arithmetic.
Compact = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

MOST_TOKENS = 2**29
"""Up to here the grams of five orders together have numbers below 2^31."""


@dataclass(frozen=True, eq=False)
class GramCounts:
    """The non-zero counts of one order, sorted by gram, then by document."""

    order: int
    gram: Compact
    """(entries,) number of the gram, from 0 without gaps."""
    document: Compact
    """(entries,) document in which it occurs."""
    count: Compact
    """(entries,) how often it occurs there."""
    grams: int
    """Number of different grams."""


def count_grams(
    corpus: TokenizedCorpus,
    max_order: int,
    *,
    shared_only: bool = False,
    group: Integers | None = None,
) -> Iterator[GramCounts]:
    """Count the n-grams of orders 1 to max_order; no n-gram reaches over a document border.

    An n-gram is numbered by the rank of the pair (its first n - 1 tokens, its last token), so that
    each order builds on the one before: no hashing, no tuples. With `shared_only`, n-grams of a
    single document are left out; the longer n-grams that contain one occur in a single document
    too and are never built. With `group` (documents,), the same words in two groups are two
    different n-grams. Time O(max_order * T log T), memory O(T) for T tokens.
    Raises ValueError for max_order < 1 or more than 2^29 tokens.
    """
    if max_order < 1:
        raise ValueError(f"the order of n-grams starts at 1, got {max_order}")
    if corpus.ids.size > MOST_TOKENS:
        raise ValueError(f"{corpus.ids.size} tokens are too many for one corpus; measure a sample")
    document_of = corpus.documents.astype(np.int32)
    words = max(len(corpus.vocabulary), 1)
    goes_on = document_of[1:] == document_of[:-1]
    position = np.arange(corpus.ids.size)
    key = corpus.ids.astype(np.int64)
    if group is not None:
        key += group[document_of] * words
    for order in range(1, max_order + 1):
        counts, ordered, gram_at = _count(key, position, document_of, order)
        if shared_only:
            counts, renumbered = _shared(counts)
            gram_at = renumbered[gram_at]
        yield counts
        if order < max_order:
            gram_from = np.full(corpus.ids.size, -1, np.int32)
            gram_from[ordered] = gram_at
            position = _next_starts(gram_from, goes_on)
            key = gram_from[position] * np.int64(words) + corpus.ids[position + order]


def _next_starts(gram_from: Compact, goes_on: Mask) -> Integers:
    """Where a gram one token longer starts: at a kept gram that overlaps the next kept one.

    gram_from: (tokens,) number of the gram that starts at each token, -1 for none.
    """
    has_gram = gram_from >= 0
    return np.flatnonzero(has_gram[:-1] & has_gram[1:] & goes_on)


def _count(
    key: Integers, position: Integers, document_of: Compact, order: int
) -> tuple[GramCounts, Integers, Compact]:
    """Counts, with the positions sorted by gram and the gram at each of them."""
    ordered, sorted_key = sort_by_key(key, position)
    new_gram = _changes(sorted_key)
    gram_at = np.cumsum(new_gram, dtype=np.int32)
    gram_at -= 1
    document_at = document_of[ordered]
    starts = np.flatnonzero(new_gram | _changes(document_at))
    counts = GramCounts(
        order,
        gram_at[starts],
        document_at[starts],
        np.diff(starts, append=ordered.size).astype(np.int32),
        int(gram_at[-1]) + 1 if gram_at.size else 0,
    )
    return counts, ordered, gram_at


def _shared(counts: GramCounts) -> tuple[GramCounts, Compact]:
    """The counts of grams in two documents or more, and the new number of each gram, -1 for gone."""
    shared = np.bincount(counts.gram, minlength=counts.grams) > 1
    renumbered = np.where(shared, np.cumsum(shared, dtype=np.int32) - 1, -1).astype(np.int32)
    kept = np.flatnonzero(shared[counts.gram])
    return GramCounts(
        counts.order,
        renumbered[counts.gram[kept]],
        counts.document[kept],
        counts.count[kept],
        int(shared.sum()),
    ), renumbered


def sort_by_key(key: Integers, tiebreak: Integers) -> tuple[Integers, Integers]:
    """Sort pairs of non-negative integers; returns the tie-breakers and the keys in that order.

    Key and tie-breaker share one 64-bit integer where they fit: a plain sort of it is several times
    faster than an indirect one. `tiebreak` must ascend in the input for the other path to give the
    same order.
    """
    if not key.size:
        return tiebreak, key
    bits = int(tiebreak.max()).bit_length()
    if int(key.max()).bit_length() + bits < 63:
        packed = key << bits
        packed |= tiebreak
        packed.sort()
        ordered = packed & ((1 << bits) - 1)
        packed >>= bits
        return ordered, packed
    permutation = np.argsort(key, kind="stable")
    return tiebreak[permutation], key[permutation]


def _changes(values: Integers | Compact) -> Mask:
    """True at the first of each run of equal values."""
    flags = np.ones(values.size, dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=flags[1:])
    return flags
