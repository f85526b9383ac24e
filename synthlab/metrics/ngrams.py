"""Which n-gram occurs how often in which document, counted with sorts instead of dictionaries."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthlab.metrics.tokenize import TokenizedCorpus

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GramCounts:
    """The non-zero counts of one order, sorted by gram, then by document."""

    order: int
    gram: Integers
    """(entries,) number of the gram, from 0 without gaps."""
    document: Integers
    """(entries,) document in which it occurs."""
    count: Integers
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
    single document are left out; the longer n-grams that contain one occur in a single document too
    and are never built. With `group` (documents,), the same words in two groups are two different
    n-grams. Time O(max_order * T log T), memory O(T) for T tokens.
    Raises ValueError for max_order < 1.
    """
    if max_order < 1:
        raise ValueError(f"the order of n-grams starts at 1, got {max_order}")
    document_of = corpus.documents
    tokens = corpus.ids.astype(np.int64)
    words = max(len(corpus.vocabulary), 1)
    position = np.arange(tokens.size)
    key = tokens if group is None else group[document_of] * words + tokens
    prefix = np.full(tokens.size, -1)
    for order in range(1, max_order + 1):
        if order > 1:
            position, key = _extend(position, prefix, tokens, document_of, words, order)
        counts, ordered, gram_at = _count(key, position, document_of, order)
        prefix = np.full(tokens.size, -1)
        if not shared_only:
            prefix[ordered] = gram_at
            yield counts
            continue
        shared = np.bincount(counts.gram, minlength=counts.grams) > 1
        renumbered = np.where(shared, np.cumsum(shared) - 1, -1)
        prefix[ordered] = renumbered[gram_at]
        kept = shared[counts.gram]
        yield GramCounts(
            order,
            renumbered[counts.gram[kept]],
            counts.document[kept],
            counts.count[kept],
            int(shared.sum()),
        )


def _extend(
    position: Integers,
    prefix: Integers,
    tokens: Integers,
    document_of: Integers,
    words: int,
    order: int,
) -> tuple[Integers, Integers]:
    """Starts and keys of the grams one token longer, where both shorter grams inside them were kept."""
    position = position[position + order <= tokens.size]
    inside = document_of[position + order - 1] == document_of[position]
    position = position[inside]
    position = position[(prefix[position] >= 0) & (prefix[position + 1] >= 0)]
    return position, prefix[position] * words + tokens[position + order - 1]


def _count(
    key: Integers, position: Integers, document_of: Integers, order: int
) -> tuple[GramCounts, Integers, Integers]:
    """Counts, with the positions sorted by gram and the gram at each of them."""
    ordered, sorted_key = sort_by_key(key, position)
    new_gram = _changes(sorted_key)
    gram_at = np.cumsum(new_gram) - 1
    document_at = document_of[ordered]
    starts = np.flatnonzero(new_gram | _changes(document_at))
    counts = GramCounts(
        order,
        gram_at[starts],
        document_at[starts],
        np.diff(np.append(starts, ordered.size)),
        int(gram_at[-1]) + 1 if gram_at.size else 0,
    )
    return counts, ordered, gram_at


def sort_by_key(key: Integers, tiebreak: Integers) -> tuple[Integers, Integers]:
    """Sort pairs of non-negative integers; returns the tie-breakers and the keys in that order.

    Key and tie-breaker share one 64-bit integer where they fit: a plain sort of it is several times
    faster than an indirect one. `tiebreak` must ascend in the input for the other path to give the
    same order.
    """
    if not key.size:
        return tiebreak, key
    span = int(tiebreak.max()) + 1
    if int(key.max()) < (1 << 62) // span:
        packed = np.sort(key * span + tiebreak)
        sorted_key = packed // span
        return packed - sorted_key * span, sorted_key
    permutation = np.argsort(key, kind="stable")
    return tiebreak[permutation], key[permutation]


def _changes(values: Integers) -> npt.NDArray[np.bool_]:
    """True at the first of each run of equal values."""
    flags = np.ones(values.size, dtype=np.bool_)
    flags[1:] = values[1:] != values[:-1]
    return flags
