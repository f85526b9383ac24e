"""How close the distribution of generated texts lies to the human one: MAUVE and the frontier integral."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthlab.metrics.embedding import Embeddings
from synthlab.metrics.kmeans import Labels, kmeans, principal_components
from synthlab.metrics.neighbours import check_same_embedder
from synthlab.metrics.result import MetricValue, defined, undefined
from synthlab.metrics.tokenize import seeded_order

Floats = npt.NDArray[np.float64]

SCALE = 5.0
"""Constant c in exp(-c KL), as in the paper."""
MIXTURES = 25
"""Points on the divergence curve; as many as published values use."""
VARIANCE = 0.9
TEXTS_PER_CLUSTER = 10
SEEDS = (0, 1, 2, 3, 4)
_EDGE = 1e-6


@dataclass(frozen=True)
class SeededValue:
    """A number that depends on k-means, with its spread over clustering seeds."""

    mean: MetricValue
    sd: float
    """Standard deviation over seeds; NaN with one seed or without a value."""
    per_seed: tuple[float, ...]


@dataclass(frozen=True)
class Mauve:
    """Four readings of the same histograms; a star marks Krichevsky-Trofimov smoothing."""

    mauve: SeededValue
    mauve_star: SeededValue
    frontier_integral: SeededValue
    frontier_integral_star: SeededValue
    clusters: int
    n_per_side: int
    """Texts used from each side."""


def mauve(
    human: Embeddings,
    generated: Embeddings,
    *,
    clusters: int | None = None,
    seeds: Sequence[int] = SEEDS,
    sample_seed: int = 0,
) -> Mauve:
    """Area under the divergence curve of two text distributions, with its clustering noise.

    Both sides are cut to one size n in a seeded order. Vectors are reduced to the axes that hold
    0.9 of the variance and clustered together, n / 10 clusters unless given; histograms over the
    clusters are compared. MAUVE is in (0, 1], higher = closer; the frontier integral in [0, 1],
    lower = closer. Values move with n, the clusters and the embedder: compare at equal ones, beside
    `human_baseline`. A difference below the spread over seeds means nothing. Undefined with fewer
    than 20 texts on a side.
    Raises ValueError for no seeds, fewer than 2 clusters or more than 2n, or unlike embedders.
    Source: Pillutla et al. 2021 and 2023 (MAUVE, MAUVE*); Liu et al. 2021 (frontier integral).
    """
    check_same_embedder(human, generated)
    if not seeds:
        raise ValueError("at least one clustering seed is needed")
    n = min(len(human), len(generated))
    k = max(2, n // TEXTS_PER_CLUSTER) if clusters is None else clusters
    if k < 2:
        raise ValueError(f"a histogram needs at least 2 clusters, got {k}")
    offered = human.offered + generated.offered
    if n < 2 * TEXTS_PER_CLUSTER:
        reason = f"{2 * TEXTS_PER_CLUSTER} texts are needed on each side, there are {n}"
        return _collect([], reason, k, n, offered, human.embedder)
    if k > 2 * n:
        raise ValueError(f"{2 * n} texts cannot fill {k} clusters")
    both = np.concatenate(
        [
            human.unit[seeded_order(len(human), sample_seed)[:n]],
            generated.unit[seeded_order(len(generated), sample_seed)[:n]],
        ]
    )
    reduced = principal_components(both, VARIANCE)
    readings = [_read(kmeans(reduced, k, seed), n, k) for seed in seeds]
    return _collect(readings, "", k, n, offered, human.embedder)


def human_baseline(
    human: Embeddings,
    n: int | None = None,
    *,
    clusters: int | None = None,
    seeds: Sequence[int] = SEEDS,
    sample_seed: int = 0,
) -> Mauve:
    """MAUVE of human texts against other human texts, the value that "no difference" has at this n.

    Two disjoint seeded samples of n texts each, half of the texts if left out.
    Raises ValueError as `mauve` does, and when there are fewer than 2n texts.
    """
    size = len(human) // 2 if n is None else n
    if 2 * size > len(human):
        raise ValueError(f"two samples of {size} need {2 * size} texts, there are {len(human)}")
    order = seeded_order(len(human), sample_seed)
    return mauve(
        human.select(order[:size]),
        human.select(order[size : 2 * size]),
        clusters=clusters,
        seeds=seeds,
        sample_seed=sample_seed,
    )


def divergence_curve(p: Floats, q: Floats) -> Floats:
    """Points (exp(-c KL(q|r)), exp(-c KL(p|r))) for mixtures r = w p + (1 - w) q, and both corners.

    p, q: (clusters,) probabilities. Returns (points, 2), first coordinate rising from 0 to 1.
    Source: Pillutla et al. 2021, section 2.
    """
    weight = np.linspace(_EDGE, 1 - _EDGE, MIXTURES)[:, None]
    mixture = weight * p + (1 - weight) * q
    inner = np.exp(-SCALE * np.stack([_kl(q, mixture), _kl(p, mixture)], axis=1))
    rising = inner[::-1]
    return np.concatenate([[[0.0, 1.0]], rising, [[1.0, 0.0]]])


def mauve_of_histograms(p: Floats, q: Floats) -> float:
    """Area under the divergence curve by the trapezoid rule, in (0, 1]."""
    curve = divergence_curve(p, q)
    return float(np.trapezoid(curve[:, 1], curve[:, 0]))


def frontier_integral_of_histograms(p: Floats, q: Floats) -> float:
    """Mean cost along the whole divergence frontier, in closed form; 0 for equal histograms, at most 1.

    Source: Liu et al. 2021: sum over p != q of (p + q)/2 - p q log(p/q) / (p - q).
    """
    differ = p != q
    p, q = p[differ], q[differ]
    shared = (p > 0) & (q > 0)
    a, b = p[shared], q[shared]
    # log1p keeps the quotient exact where the two are nearly equal.
    quotient = np.log1p((a - b) / b) / (a - b)
    return float(np.sum((p + q) / 2) - np.sum(a * b * quotient))


def _kl(p: Floats, mixture: Floats) -> Floats:
    """(mixtures,) KL divergence of p from each mixture, in nats."""
    held = p > 0
    divergence: Floats = np.sum(p[held] * np.log(p[held] / mixture[:, held]), axis=1)
    return np.maximum(divergence, 0.0)


def _read(labels: Labels, n: int, clusters: int) -> tuple[float, float, float, float]:
    counts_p = np.bincount(labels[:n], minlength=clusters).astype(np.float64)
    counts_q = np.bincount(labels[n:], minlength=clusters).astype(np.float64)
    p, q = counts_p / n, counts_q / n
    smooth_total = n + clusters / 2
    p_star, q_star = (counts_p + 0.5) / smooth_total, (counts_q + 0.5) / smooth_total
    return (
        mauve_of_histograms(p, q),
        mauve_of_histograms(p_star, q_star),
        frontier_integral_of_histograms(p, q),
        frontier_integral_of_histograms(p_star, q_star),
    )


def _collect(
    readings: Sequence[tuple[float, float, float, float]],
    reason: str,
    clusters: int,
    n: int,
    offered: int,
    embedder: str,
) -> Mauve:
    instrument = f"{embedder}, n = {n}, k = {clusters}"
    columns = list(zip(*readings, strict=True)) or [()] * 4
    names = ("mauve", "mauve-star", "frontier-integral", "frontier-integral-star")
    values = []
    for name, column in zip(names, columns, strict=True):
        if reason:
            mean = undefined(name, reason, offered=offered, instrument=instrument)
        else:
            average = float(np.mean(column))
            mean = defined(name, average, n=2 * n, offered=offered, instrument=instrument)
        sd = float(np.std(column, ddof=1)) if len(column) > 1 else float("nan")
        values.append(SeededValue(mean, sd, tuple(column)))
    plain, star, frontier, frontier_star = values
    return Mauve(plain, star, frontier, frontier_star, clusters, n)
