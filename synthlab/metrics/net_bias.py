"""The headline: a judge's preference for its own texts beyond quality, length and place.

The plain difference in differences takes the panel's preference off as it stands. A judge that only
looks at length, or at the place, then seems biased wherever its own texts are better or longer than
others, because it does not share the panel's reasons. Here the judge's log-odds are explained by

    odds of x over y = sharpness * panel's odds + length taste * length term + bias * own

where own is 1 if only x is the judge's own text and -1 if only y is. Sharpness and length taste are
learnt mostly from texts of others; the plain form is the case of sharpness 1 and length taste 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthlab.metrics.article_values import (
    ArticleValues,
    Floats,
    Integers,
    from_leave_one_out,
    missing,
)
from synthlab.metrics.length_control import length_terms
from synthlab.metrics.self_preference import JudgedPairs

LEAST_AGREEMENT = 0.1
"""Partial correlation of a panel judge with the rest below which they share no sense of quality."""
LEAST_ARTICLES = 4
OWN = -1
"""Column of the own-text term."""


@dataclass(frozen=True, eq=False)
class NetBias:
    """A judge's bias net of quality and length, with what was netted."""

    bias: ArticleValues
    """J(self) - J(other) at equal quality and length, in (-1, 1): tanh of half the log-odds."""
    log_odds: float
    """The same as the log-odds that the judge adds to its own text."""
    sharpness: float
    """How far the judge's odds follow the panel's; NaN where the panel has no common opinion."""
    length_taste: float
    """Log-odds for a text that is longer by far; 0 where lengths do not differ."""
    panel: int
    """Judges on the panel."""


def net_bias(pairs: JudgedPairs, judge: int) -> NetBias:
    """Bias of one judge net of quality, with the other judges as the measure of quality.

    The panel's opinion carries noise, which would leave a part of the quality in the bias. So one
    panel judge at a time stands in for the rest as an instrument, and the results are averaged by
    how well the two agree; that also keeps a panel judge without skill from counting. With a panel
    of one there is no such correction. Judges do not count on texts of their own. Error: leave one
    article out. Sources: metrics (b) of the self-preference axis; two-stage least squares, Theil
    (1953); errors in variables, Fuller (1987).
    """
    views = np.delete(pairs.without_authors(pairs.log_odds), judge, axis=0)
    own = pairs.own_sign(judge)
    seen = np.isfinite(pairs.log_odds[judge])
    if not len(views):
        return _undefined("there is no other judge to stand for quality", 0)
    if not np.any(seen & (own != 0)):
        return _undefined("the judge has no own text in any scored pair", len(views))
    if not np.any(seen & (own == 0)):
        return _undefined(
            "there are no pairs between other texts to learn the judge's taste from", len(views)
        )
    covariates = np.stack([length_terms(pairs.length_x, pairs.length_y), own.astype(np.float64)], 1)
    splits = [
        one
        for chosen in range(len(views))
        if (one := _split(pairs, judge, covariates, views, chosen, seen)) is not None
    ]
    agreeing = [one for one in splits if one.weight >= LEAST_AGREEMENT]
    if not agreeing:
        alone = _without_panel(pairs, judge, covariates, seen)
        return _combine([alone], len(views), shares_quality=False)
    return _combine(agreeing, len(views), shares_quality=True)


@dataclass(frozen=True, eq=False)
class _Split:
    """The normal equations of one way to divide the panel, article by article."""

    articles: Integers
    cross: Floats
    """(articles, columns, columns) instruments' products with the regressors."""
    target: Floats
    """(articles, columns) instruments' products with the judge's log-odds."""
    weight: float
    rows: int

    def solve(self) -> tuple[Floats, Floats]:
        """Coefficients on all articles, (columns,), and without each in turn, (articles, columns)."""
        cross, target = self.cross.sum(axis=0), self.target.sum(axis=0)
        full = _solve(cross[None], target[None])[0]
        return full, _solve(cross - self.cross, target - self.target)


def _solve(cross: Floats, target: Floats) -> Floats:
    """Coefficients of each system; NaN where the articles do not determine them."""
    scale = np.sqrt(np.abs(np.einsum("gii->gi", cross)))
    used = scale > 0
    scaled = np.where(used, scale, 1.0)
    regular = cross / (scaled[:, :, None] * scaled[:, None, :])
    # A column of zeros (no length differs) gets coefficient 0.
    regular = regular + np.where(used, 0.0, 1.0)[:, :, None] * np.eye(cross.shape[1])
    determined = np.abs(np.linalg.det(regular)) > 1e-8
    safe = np.where(determined[:, None, None], regular, np.eye(cross.shape[1]))
    found = np.linalg.solve(safe, (target / scaled)[:, :, None])[:, :, 0] / scaled
    return np.where(determined[:, None], found, np.nan)


def _split(
    pairs: JudgedPairs, judge: int, covariates: Floats, views: Floats, chosen: int, seen: Floats
) -> _Split | None:
    """One panel judge as the instrument for the mean of the rest; None if they share too little."""
    instrument = views[chosen]
    rest = views if len(views) == 1 else np.delete(views, chosen, axis=0)
    heard = np.isfinite(rest).sum(axis=0)
    mean = np.divide(
        np.nansum(rest, axis=0), heard, out=np.full(len(heard), np.nan), where=heard > 0
    )
    rows = np.flatnonzero(seen.astype(bool) & np.isfinite(instrument) & np.isfinite(mean))
    if not np.any(covariates[rows, OWN]):
        return None
    regressors = np.column_stack([mean[rows], covariates[rows]])
    instruments = np.column_stack([instrument[rows], covariates[rows]])
    weight = _partial_correlation(instrument[rows], mean[rows], covariates[rows])
    return _equations(pairs, judge, rows, regressors, instruments, weight)


def _without_panel(pairs: JudgedPairs, judge: int, covariates: Floats, seen: Floats) -> _Split:
    rows = np.flatnonzero(seen)
    return _equations(pairs, judge, rows, covariates[rows], covariates[rows], 1.0)


def _equations(
    pairs: JudgedPairs,
    judge: int,
    rows: Integers,
    regressors: Floats,
    instruments: Floats,
    weight: float,
) -> _Split:
    articles, codes = np.unique(pairs.articles[rows], return_inverse=True)
    columns = regressors.shape[1]
    cross = np.zeros((len(articles), columns, columns))
    target = np.zeros((len(articles), columns))
    np.add.at(cross, codes, instruments[:, :, None] * regressors[:, None, :])
    np.add.at(target, codes, instruments * pairs.log_odds[judge, rows, None])
    return _Split(articles, cross, target, weight, len(rows))


def _partial_correlation(a: Floats, b: Floats, given: Floats) -> float:
    """Correlation around 0 of what the given columns do not explain; 0 if nothing is left."""
    residuals = []
    for one in (a, b):
        fitted, *_ = np.linalg.lstsq(given, one, rcond=None)
        residuals.append(one - given @ fitted)
    norms = [float(np.linalg.norm(one)) for one in residuals]
    if min(norms) <= 1e-12 * max(float(np.linalg.norm(a)), 1e-300):
        return 0.0
    return float(residuals[0] @ residuals[1]) / (norms[0] * norms[1])


def _combine(splits: list[_Split], panel: int, *, shares_quality: bool) -> NetBias:
    everywhere = splits[0].articles
    for one in splits[1:]:
        everywhere = np.union1d(everywhere, one.articles)
    if len(everywhere) < LEAST_ARTICLES:
        return _undefined(f"{len(everywhere)} articles are too few, {LEAST_ARTICLES} needed", panel)
    total = sum(one.weight for one in splits)
    columns = splits[0].target.shape[1]
    full, left_out = np.zeros(columns), np.zeros((len(everywhere), columns))
    for one in splits:
        coefficients, without = one.solve()
        full += one.weight / total * coefficients
        spread = np.tile(coefficients, (len(everywhere), 1))
        spread[np.searchsorted(everywhere, one.articles)] = without
        left_out += one.weight / total * spread
    bias = from_leave_one_out(
        math.tanh(0.5 * full[OWN]),
        np.tanh(0.5 * left_out[:, OWN]),
        everywhere,
        max(one.rows for one in splits),
    )
    sharpness = float(full[0]) if shares_quality else math.nan
    return NetBias(bias, float(full[OWN]), sharpness, float(full[-2]), panel)


def _undefined(reason: str, panel: int) -> NetBias:
    return NetBias(missing(reason), math.nan, math.nan, math.nan, panel)
