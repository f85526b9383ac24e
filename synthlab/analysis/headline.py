"""Which few numbers stand for each axis where there is no room for all, in the order of their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Headline:
    """One column of the short table."""

    metric: str
    title: str
    meaning: str


HEADLINES: Mapping[str, tuple[Headline, ...]] = {
    "collapse": (
        Headline("ppl1-token", "PPL-1", "own answers under the base model; low = narrow"),
        Headline("ppl2-token", "PPL-2", "human answers under the checkpoint; low = covered"),
        Headline("self-bleu-4", "Self-BLEU-4", "low = diverse"),
        Headline("distinct-2", "distinct-2", "high = diverse"),
        Headline("length-words-median", "words", "median length of an answer"),
    ),
}
"""By axis. An axis without an entry shows all its metrics in the long table only."""
