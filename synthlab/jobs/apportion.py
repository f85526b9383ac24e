"""Exact shares and seeded choices that do not depend on the order of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def rank(seed: int, *names: object) -> int:
    """A number from 0 to 2^64 - 1 that stands for a draw: the same for the same seed and names.

    Taking the rows of lowest rank is a random sample; adding rows moves only those next to the cut.
    """
    text = "\0".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def apportion(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide `total` by whole-number weights so that the parts add up (largest remainder, Hamilton).

    Ties go to the earlier part. Raises ValueError for a negative number or weights that sum to zero.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0 or total < 0:
        raise ValueError(f"cannot divide {total} by {weights}")
    counts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return tuple(counts)


def apportion_strata(sizes: Sequence[int], weights: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Divide each stratum by the same weights, exactly: one row per stratum, one column per part.

    Row c adds up to sizes[c], and the columns to `apportion(sum(sizes), weights)`: rounding in one
    stratum is made good in another.
    """
    whole = sum(weights)
    table = [[size * weight // whole for weight in weights] for size in sizes]
    wanted = apportion(sum(sizes), weights)
    missing = [want - sum(row[k] for row in table) for k, want in enumerate(wanted)]
    for size, row in sorted(
        zip(sizes, table, strict=True), key=lambda pair: sum(pair[1]) - pair[0]
    ):
        while (left := size - sum(row)) > 0:
            neediest = sorted(range(len(weights)), key=lambda k: (-missing[k], k))[:left]
            for k in neediest:
                if missing[k] > 0:
                    row[k] += 1
                    missing[k] -= 1
    return tuple(tuple(row) for row in table)
