"""How fast the vocabulary grows with the text: Heaps' law, with its curve and the error of its fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthlab.metrics.ngrams import sort_by_key
from synthlab.metrics.result import MetricValue, defined, undefined
from synthlab.metrics.tokenize import TokenizedCorpus, seeded_order

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SHUFFLES = 20
POINTS_PER_DECADE = 10
FIRST_POINT = 100


@dataclass(frozen=True, eq=False)
class HeapsFit:
    """The law V(t) = K t^beta as fitted, beside the curve it was fitted to."""

    beta: MetricValue
    k: MetricValue
    vocabulary: MetricValue
    """Mean number of different words at the last grid point: the twin that needs no fit."""
    grid: Integers
    """(points,) text lengths t in words."""
    curve: Floats
    """(points,) mean over shuffles of the different words among the first t; empty if undefined."""
    curve_sd: Floats
    """(points,) standard deviation over shuffles."""
    beta_sd: float
    """Standard deviation over shuffles of the slope fitted to each alone; NaN if undefined."""
    fit_error: float
    """Root mean square of the residuals of log V, so about the relative error; NaN if undefined."""
    curvature: float
    """Quadratic term of log V in log t: 0 where the law holds; NaN if undefined."""


def heaps_grid(limit: int) -> Integers:
    """Log-spaced text lengths up to `limit` words, the same points for every corpus.

    Take the smallest corpus of a comparison as the limit and use the one grid for all: beta depends
    on it. Ten points per factor of ten from 100 words; empty below that.
    """
    if limit < FIRST_POINT:
        return np.zeros(0, np.int64)
    last = int(np.floor(POINTS_PER_DECADE * np.log10(limit / FIRST_POINT) + 1e-9))
    points = FIRST_POINT * 10.0 ** (np.arange(last + 1) / POINTS_PER_DECADE)
    return np.floor(points + 0.5).astype(np.int64)


def heaps(
    corpus: TokenizedCorpus,
    grid: npt.NDArray[np.int64] | Sequence[int],
    *,
    seed: int = 0,
    shuffles: int = SHUFFLES,
) -> HeapsFit:
    """Fit Heaps' law by least squares on log-log to the mean curve over shuffled document orders.

    grid: (points,) rising text lengths in words, from `heaps_grid`. Higher beta = the vocabulary
    keeps growing. Undefined with fewer than 3 grid points, or when the corpus is shorter than the
    last of them. Shuffle s uses the order of seed `seed + s`.
    Raises ValueError for a grid that does not rise from 1 or for no shuffles.
    Source: Heaps 1978; curve averaged over orders so that topic order does not bend it.
    """
    points = np.asarray(grid, dtype=np.int64)
    if points.size and (points[0] < 1 or np.any(np.diff(points) <= 0)):
        raise ValueError("the grid of text lengths must rise and start at 1 or more")
    if shuffles < 1:
        raise ValueError(f"at least one shuffle is needed, got {shuffles}")
    if points.size < 3:
        return _undefined_fit(corpus, points, f"a fit needs 3 grid points, there are {points.size}")
    if corpus.ids.size < points[-1]:
        reason = f"the corpus has {corpus.ids.size} words, the grid ends at {points[-1]}"
        return _undefined_fit(corpus, points, reason)
    curves = _curves(corpus, points, seed, shuffles)
    mean = curves.mean(axis=0)
    log_t, log_v = np.log(points), np.log(mean)
    slope, intercept = np.polyfit(log_t, log_v, 1)
    residuals = log_v - (intercept + slope * log_t)
    slopes = np.polyfit(log_t, np.log(curves).T, 1)[0]
    n, instrument = len(corpus), f"{corpus.tokenizer}, t = {points[0]} to {points[-1]}"
    at_end = f"{corpus.tokenizer}, t = {points[-1]}"
    return HeapsFit(
        defined("heaps-beta", float(slope), n=n, instrument=instrument),
        defined("heaps-k", float(np.exp(intercept)), n=n, instrument=instrument),
        defined("vocabulary-at", float(mean[-1]), n=n, instrument=at_end),
        points,
        mean,
        curves.std(axis=0, ddof=1) if shuffles > 1 else np.zeros(points.size),
        float(slopes.std(ddof=1)) if shuffles > 1 else 0.0,
        float(np.sqrt(np.mean(residuals**2))),
        float(np.polyfit(log_t, log_v, 2)[0]),
    )


def _curves(corpus: TokenizedCorpus, grid: Integers, seed: int, shuffles: int) -> Floats:
    """(shuffles, points) different words among the first t words of each shuffled order.

    Of each word only its first place in each document can be its first place in a shuffle, so a
    shuffle is one minimum per word over those places.
    """
    position = np.arange(corpus.ids.size)
    document_of = corpus.documents
    ordered, word = sort_by_key(corpus.ids.astype(np.int64), position)
    document = document_of[ordered]
    first = np.ones(word.size, dtype=np.bool_)
    first[1:] = (word[1:] != word[:-1]) | (document[1:] != document[:-1])
    place, word, document = ordered[first], word[first], document[first]
    inside = place - corpus.offsets[:-1][document]
    word_starts = np.flatnonzero(np.concatenate([[True], word[1:] != word[:-1]]))
    curves = np.empty((shuffles, grid.size))
    for shuffle in range(shuffles):
        order = seeded_order(len(corpus), seed + shuffle)
        start = np.empty(len(corpus), np.int64)
        start[order] = np.concatenate([[0], np.cumsum(corpus.lengths[order])[:-1]])
        first_seen = np.sort(np.minimum.reduceat(start[document] + inside, word_starts))
        curves[shuffle] = np.searchsorted(first_seen, grid, side="left")
    return curves


def _undefined_fit(corpus: TokenizedCorpus, grid: Integers, reason: str) -> HeapsFit:
    def nothing(identifier: str) -> MetricValue:
        return undefined(identifier, reason, offered=len(corpus), instrument=corpus.tokenizer)

    empty = np.zeros(0)
    nan = float("nan")
    return HeapsFit(
        nothing("heaps-beta"),
        nothing("heaps-k"),
        nothing("vocabulary-at"),
        grid,
        empty,
        empty,
        nan,
        nan,
        nan,
    )
