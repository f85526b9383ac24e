"""Whether generated texts cover the human ones, and stay near them: k-NN precision, recall, coverage."""

from dataclasses import dataclass

import numpy as np

from synthlab.metrics.embedding import Embeddings, Matrix
from synthlab.metrics.result import MetricValue, defined, undefined
from synthlab.metrics.tokenize import seeded_order

NEIGHBOURS = 5
LARGEST_SAMPLE = 2000
# Equal texts must lie in each other's ball of radius 0 although their cosine is rounded.
_SLACK = 1e-12


@dataclass(frozen=True)
class Neighbourhood:
    """Three shares that tell a narrow generator (low recall) from a wrong one (low precision)."""

    precision: MetricValue
    """Share of generated texts inside the k-NN ball of some human text."""
    recall: MetricValue
    """Share of human texts inside the k-NN ball of some generated text."""
    coverage: MetricValue
    """Share of human texts whose own k-NN ball holds a generated text."""
    n_human: int
    """Human texts that were used."""
    n_generated: int
    """Generated texts that were used."""


def neighbourhood(
    human: Embeddings,
    generated: Embeddings,
    *,
    k: int = NEIGHBOURS,
    largest_sample: int = LARGEST_SAMPLE,
    seed: int = 0,
) -> Neighbourhood:
    """Compare two sets of texts by the balls that reach to their k-th nearest neighbour.

    Both sides are cut to one size, at most `largest_sample`, in a seeded order, because the shares
    depend on both sizes. Balls are closed. Undefined with k texts or fewer on a side; time and
    memory O(n^2). Raises ValueError for k < 1, a sample below 1 or unlike embedders.
    Source: Kynkäänniemi et al. 2019 (precision, recall); Naeem et al. 2020 (coverage).
    """
    if k < 1 or largest_sample < 1:
        raise ValueError(f"k and the sample size start at 1, got {k} and {largest_sample}")
    check_same_embedder(human, generated)
    size = min(len(human), len(generated), largest_sample)
    name = f"{human.embedder}, k = {k}"
    offered = human.offered + generated.offered
    identifiers = ("knn-precision", "knn-recall", "knn-coverage")
    if size <= k:
        reason = f"{k} neighbours need more than {k} texts on each side, there are {size}"
        precision, recall, coverage = (
            undefined(i, reason, offered=offered, instrument=name) for i in identifiers
        )
        return Neighbourhood(precision, recall, coverage, size, size)
    ours = human.unit[seeded_order(len(human), seed)[:size]]
    theirs = generated.unit[seeded_order(len(generated), seed)[:size]]
    human_radius, generated_radius = _squared_radius(ours, k), _squared_radius(theirs, k)
    between = _squared_distances(ours, theirs)
    shares = (
        (between <= human_radius[:, None]).any(axis=0).mean(),
        (between <= generated_radius[None, :]).any(axis=1).mean(),
        (between.min(axis=1) <= human_radius).mean(),
    )
    precision, recall, coverage = (
        defined(identifier, float(share), n=2 * size, offered=offered, instrument=name)
        for identifier, share in zip(identifiers, shares, strict=True)
    )
    return Neighbourhood(precision, recall, coverage, size, size)


def check_same_embedder(first: Embeddings, second: Embeddings) -> None:
    """Raises ValueError when two sets of vectors come from unlike embedders or sizes."""
    if first.embedder != second.embedder or first.unit.shape[1] != second.unit.shape[1]:
        raise ValueError(
            f"vectors of {first.embedder} ({first.unit.shape[1]} dimensions) and "
            f"{second.embedder} ({second.unit.shape[1]}) cannot be compared; embed both alike"
        )


def _squared_distances(first: Matrix, second: Matrix) -> Matrix:
    """(n, m) squared distances of unit rows."""
    return np.maximum(2.0 - 2.0 * (first @ second.T), 0.0)


def _squared_radius(unit: Matrix, k: int) -> Matrix:
    """(n,) squared distance to the k-th nearest other row, with the slack for rounding."""
    distances = _squared_distances(unit, unit)
    np.fill_diagonal(distances, np.inf)
    radius: Matrix = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return radius + _SLACK
