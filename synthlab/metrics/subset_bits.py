"""One bit for each subset of a corpus, sixty-four subsets in a machine word, and sums of such bits.

What holds for a text in a thousand subsets is then a row of sixteen words, and a question to all
subsets at once costs a few operations on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Masks = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.unsignedinteger[Any]]

BITS = 64


def packed(subsets: Masks) -> Words:
    """(documents, words) the subsets that have each document; bits beyond the last subset are 0.

    subsets: (subsets, documents).
    """
    words = -(-len(subsets) // BITS)
    result = np.zeros((subsets.shape[1], words * BITS // 8), np.uint8)
    bits = np.packbits(np.ascontiguousarray(subsets.T), axis=1)
    result[:, : bits.shape[1]] = bits
    return result.view(np.uint64)


def carried(plane: Words, first: Words, second: Words) -> Words:
    """Add two bits to a plane of lowest digits, in place; returns what the next plane gets."""
    either = first ^ second
    carry = first & second
    carry |= plane & either
    plane ^= either
    return carry


def numbers_of(planes: Sequence[Words], rows: int, bits: int) -> Numbers:
    """(rows, bits) numbers whose binary digits these are, the lowest plane first.

    planes: (rows or fewer, bits / 64) each; rows that a plane lacks have a 0 there.
    """
    numbers = np.zeros((rows, bits), np.uint8 if len(planes) <= 8 else np.uint32)
    for place, plane in enumerate(planes):
        digits = np.unpackbits(plane.view(np.uint8), axis=1).astype(numbers.dtype, copy=False)
        digits <<= place
        numbers[: len(plane)] |= digits
    return numbers


def total(rows: Words) -> npt.NDArray[np.int64]:
    """(64 x words,) how many of the rows have each bit. rows: (rows, words)."""
    planes = [rows]
    while len(planes[0]) > 1:
        half = len(planes[0]) // 2
        left_over = [plane[2 * half :] for plane in planes]
        planes = _added([plane[:half] for plane in planes], [p[half : 2 * half] for p in planes])
        if len(left_over[0]):
            left_over += [np.zeros_like(left_over[0])] * (len(planes) - len(left_over))
            planes = [np.concatenate(pair) for pair in zip(planes, left_over, strict=True)]
    found: npt.NDArray[np.int64] = numbers_of(planes, 1, rows.shape[1] * BITS)[0].astype(np.int64)
    return found


def _added(first: Sequence[Words], second: Sequence[Words]) -> list[Words]:
    """Sums of two arrays of numbers, by planes, with one plane more."""
    carry = np.zeros_like(first[0])
    sums = []
    for one, other in zip(first, second, strict=True):
        sums.append(one ^ other ^ carry)
        carry = (one & other) | (carry & (one ^ other))
    return [*sums, carry]
