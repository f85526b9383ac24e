"""Bags of words with a known generator, and corpus metrics on them, small enough to simulate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthlab.analysis.statistics.clusters import BoolArray, FloatArray, IntArray

VOCABULARY = 60
BagMetric = Callable[[FloatArray], float]
"""From the summed counts of a corpus, (grams,), to its value."""


@dataclass(frozen=True, slots=True, eq=False)
class Bags:
    """One run: how often each gram occurs in each of its texts."""

    counts: FloatArray
    """(texts, grams)."""


def zipf_shares(exponent: float) -> FloatArray:
    """Word probabilities; a larger exponent is a less diverse generator."""
    weights = np.arange(1, VOCABULARY + 1, dtype=np.float64) ** -exponent
    shares: FloatArray = weights / weights.sum()
    return shares


def draw_bags(
    generator: np.random.Generator, texts: int, *, exponent: float = 1.0, words: int = 20
) -> Bags:
    """Texts of a fixed length, each with a topic of its own so that words repeat within a text."""
    shares = zipf_shares(exponent)
    topics = generator.dirichlet(30 * shares + 1e-3, size=texts)
    drawn = (generator.random((texts, words, 1)) > np.cumsum(topics, axis=1)[:, None, :]).sum(2)
    drawn = np.minimum(drawn, VOCABULARY - 1)
    grams = drawn[:, :-1] * VOCABULARY + drawn[:, 1:]
    counts = np.zeros((texts, VOCABULARY**2))
    np.add.at(counts, (np.arange(texts)[:, None], grams), 1)
    return Bags(counts)


def distinct_2(totals: FloatArray) -> float:
    """Distinct bigrams over all bigrams."""
    return float(np.count_nonzero(totals) / totals.sum())


def bigram_types(totals: FloatArray) -> float:
    """Distinct bigrams."""
    return float(np.count_nonzero(totals))


def on_rows(bags: Bags, metric: BagMetric) -> Callable[[IntArray], float]:
    """The metric of the texts at the given row numbers."""
    return lambda rows: metric(bags.counts[rows].sum(axis=0))


def on_swaps(candidate: Bags, baseline: Bags, metric: BagMetric) -> Callable[[BoolArray], float]:
    """The metric's difference after the marked texts have changed sides."""
    first, second = candidate.counts.sum(axis=0), baseline.counts.sum(axis=0)
    surplus = candidate.counts - baseline.counts

    def difference(mask: BoolArray) -> float:
        moved = mask.astype(np.float64) @ surplus
        return metric(first - moved) - metric(second + moved)

    return difference
