"""Vector quantisation for histograms of embeddings: principal components and seeded k-means."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

MAX_ROUNDS = 300


def principal_components(points: Floats, variance: float) -> Floats:
    """Project centred points on the fewest axes that keep this share of their variance.

    points: (n, d). Returns (n, c) with 1 <= c <= d; points without any spread keep one axis.
    Raises ValueError for a share outside (0, 1].
    """
    if not 0 < variance <= 1:
        raise ValueError(f"the share of variance to keep lies in (0, 1], got {variance}")
    centred = points - points.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    falling = np.maximum(values[::-1], 0.0)
    total = float(falling.sum())
    kept = 1
    if total > 0:
        reached = np.searchsorted(np.cumsum(falling) / total, variance - 1e-12)
        kept = min(int(reached) + 1, falling.size)
    # The sign of an axis is free; fixing it keeps seeded centres the same on every machine.
    chosen = axes[:, ::-1][:, :kept]
    largest = np.abs(chosen).argmax(axis=0)
    signs = np.where(chosen[largest, np.arange(kept)] < 0, -1.0, 1.0)
    projected: Floats = centred @ (chosen * signs)
    return projected


def kmeans(points: Floats, clusters: int, seed: int) -> Labels:
    """Assign each point to one of `clusters` centres by Lloyd's rounds from k-means++ centres.

    points: (n, d) with n >= clusters. Returns (n,) labels; a centre that lost its points moves to
    the point farthest from its own centre. Stops when no point changes centre.
    Raises ValueError for fewer points than clusters. Source: Lloyd 1982; Arthur and Vassilvitskii
    2007 for the first centres.
    """
    if not 1 <= clusters <= len(points):
        raise ValueError(f"{len(points)} points cannot fill {clusters} clusters")
    data = points.astype(np.float32)
    norms = np.einsum("nd,nd->n", data, data)
    random = np.random.Generator(np.random.PCG64(seed))
    centres = _first_centres(data, norms, clusters, random)
    labels = np.full(len(data), -1)
    for _ in range(MAX_ROUNDS):
        moved, distance = _nearest(data, norms, centres)
        if np.array_equal(moved, labels):
            break
        labels = moved
        centres = _means(data, labels, distance, clusters)
    return labels


def _first_centres(
    data: Singles, norms: Singles, clusters: int, random: np.random.Generator
) -> Singles:
    """k-means++: each next centre is drawn in proportion to the squared distance to the nearest."""
    chosen = [int(random.random() * len(data))]
    closest = _squared(data, norms, data[chosen[0]])
    for _ in range(clusters - 1):
        cumulative = np.cumsum(closest, dtype=np.float64)
        draw = random.random() * cumulative[-1]
        row = int(np.searchsorted(cumulative, draw, side="right"))
        chosen.append(min(row, len(data) - 1))
        closest = np.minimum(closest, _squared(data, norms, data[chosen[-1]]))
    return data[chosen]


def _squared(data: Singles, norms: Singles, centre: Singles) -> Singles:
    distance: Singles = np.maximum(norms - 2 * (data @ centre) + centre @ centre, np.float32(0))
    return distance


def _nearest(data: Singles, norms: Singles, centres: Singles) -> tuple[Labels, Singles]:
    """Number of the nearest centre of each point and the squared distance to it."""
    half = np.float32(0.5) * np.einsum("kd,kd->k", centres, centres)
    affinity = data @ centres.T - half
    labels = affinity.argmax(axis=1)
    best = affinity[np.arange(len(data)), labels]
    return labels, np.maximum(norms - 2 * best, np.float32(0))


def _means(data: Singles, labels: Labels, distance: Singles, clusters: int) -> Singles:
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels, minlength=clusters)
    filled = np.flatnonzero(sizes)
    starts = (np.cumsum(sizes) - sizes)[filled]
    centres = np.zeros((clusters, data.shape[1]), np.float32)
    centres[filled] = np.add.reduceat(data[order], starts, axis=0) / sizes[filled, None]
    empty = np.flatnonzero(sizes == 0)
    if empty.size:
        farthest = np.argsort(-distance, kind="stable")[: empty.size]
        centres[empty] = data[farthest]
    return centres
