"""Which rows are computed together: equal lengths side by side, as many as memory holds."""

from __future__ import annotations

from collections.abc import Sequence

CPU_BATCH = 32
"""Beyond about this many rows a CPU gains no more tokens per second."""
CUDA_BATCH = 256
MEMORY_SHARE = 0.5
"""Part of the free memory that the key-value cache may take; the rest is for activations."""


def batch_size_for(free_bytes: int, bytes_per_token: int, longest_row: int, limit: int) -> int:
    """Rows whose caches fit into memory at once; at least 1 and at most `limit`.

    longest_row: tokens of the longest prompt with its longest answer. A cache that grows by
    concatenation lives twice for a moment, hence the factor 2.
    """
    per_row = max(1, 2 * bytes_per_token * longest_row)
    return max(1, min(limit, int(free_bytes * MEMORY_SHARE) // per_row))


def by_length(lengths: Sequence[int]) -> list[int]:
    """Row numbers, longest first, so that rows of a batch need little padding.

    The longest come first because they are the ones that may not fit.
    """
    return sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))


def batches(rows: Sequence[int], size: int) -> list[list[int]]:
    """Consecutive groups of at most `size` rows."""
    return [list(rows[start : start + size]) for start in range(0, len(rows), size)]
