"""Preferences at equal length: what is left of a judge's liking once longer texts gain nothing."""

from __future__ import annotations

import numpy as np

from synthlab.metrics.article_values import (
    ArticleValues,
    Floats,
    Integers,
    from_leave_one_out,
    missing,
)
from synthlab.metrics.preference import Comparisons, soft_scores

RIDGE = 1e-3
"""Pull of the strengths to 0, in pairs: keeps a candidate that always wins at a finite strength."""
NEWTON_STEPS = 30
TOLERANCE = 1e-9


def length_terms(length_x: Floats, length_y: Floats) -> Floats:
    """(pairs,) tanh of the length difference in units of its standard deviation, x minus y.

    tanh, because beyond some point more length makes no more difference. Zeros if no pair differs.
    Source: Dubois et al. 2024 (arXiv 2404.04475), the length term.
    """
    apart = length_x - length_y
    # Around 0, not around the mean: which text of a pair is called x is arbitrary.
    sigma = float(np.sqrt(np.mean(apart**2))) if len(apart) else 0.0
    return np.asarray(np.tanh(apart / sigma), np.float64) if sigma else np.zeros(len(apart))


def length_controlled_preference(candidate: int, comparisons: Comparisons) -> ArticleValues:
    """Preference for a candidate against its opponents if all texts were of the same length.

    Fits P(x over y) = sigmoid(strength of x - strength of y + slope * length term) to the soft
    scores and returns the mean over the opponents of sigmoid(strength - opponent's strength), the
    length term set to 0. Value in [0, 1]. Error: leave one article out. Source: Dubois et al. 2024
    with Bradley and Terry (1952) strengths in place of their per-model fit.
    """
    soft = soft_scores(comparisons.log_p)
    rows = np.flatnonzero(np.isfinite(soft) & (comparisons.x != comparisons.y))
    scored = comparisons.where(rows)
    names = np.unique(np.concatenate([scored.x, scored.y]))
    articles = np.unique(scored.articles)
    opponents = _opponents(candidate, scored)
    if not len(opponents):
        return missing("the candidate is in no scored pair")
    if len(articles) < 2:
        return missing("one article is too few to hold the length fixed", len(scored))
    design = _design(scored, names)
    own = int(np.searchsorted(names, candidate))
    others = np.searchsorted(names, opponents)
    start = np.zeros(design.shape[1])

    def preference(kept: Integers, begin: Floats) -> tuple[float, Floats]:
        strengths = fit_logistic(design[kept], soft[rows][kept], begin)
        odds = strengths[own] - strengths[others]
        return float(np.mean(0.5 * (1 + np.tanh(0.5 * odds)))), strengths

    everything = np.arange(len(scored))
    value, start = preference(everything, start)
    left_out = np.asarray(
        [preference(everything[scored.articles != one], start)[0] for one in articles]
    )
    return from_leave_one_out(value, left_out, articles, len(scored))


def fit_logistic(design: Floats, targets: Floats, start: Floats) -> Floats:
    """(columns,) logistic coefficients for targets in [0, 1] by Newton's method, slightly ridged.

    design: (rows, columns); start: where to begin. Soft targets weigh as shares of a pair.
    """
    weights = start.copy()
    identity = RIDGE * np.eye(design.shape[1])
    for _ in range(NEWTON_STEPS):
        fitted = 0.5 * (1 + np.tanh(0.5 * (design @ weights)))
        gradient = design.T @ (targets - fitted) - RIDGE * weights
        curvature = (design * (fitted * (1 - fitted))[:, None]).T @ design + identity
        step = np.linalg.solve(curvature, gradient)
        # A full step may overshoot where nearly every pair is decided.
        weights = weights + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < TOLERANCE:
            break
    return weights


def _design(scored: Comparisons, names: Integers) -> Floats:
    design = np.zeros((len(scored), len(names) + 1))
    rows = np.arange(len(scored))
    design[rows, np.searchsorted(names, scored.x)] += 1.0
    design[rows, np.searchsorted(names, scored.y)] -= 1.0
    design[:, -1] = length_terms(scored.length_x, scored.length_y)
    return design


def _opponents(candidate: int, scored: Comparisons) -> Integers:
    beside = np.concatenate([scored.y[scored.x == candidate], scored.x[scored.y == candidate]])
    return np.unique(beside)
