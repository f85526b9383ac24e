"""Numbers split by article, so that their error can be taken over articles and not over pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ArticleValues:
    """One number with the contribution of each article.

    Their mean is the number and their spread over the root of their count its standard error, so a
    t interval and a paired test on them are those of the number itself.
    """

    value: float
    contributions: Floats
    """(articles that count,)"""
    articles: Integers
    """(articles that count,) ascending numbers of those articles."""
    n: int
    """Scored rows behind the value."""
    reason: str = ""
    """Why the value is NaN; empty when it is a number."""


def missing(reason: str, n: int = 0) -> ArticleValues:
    """A number that could not be computed, with its reason."""
    return ArticleValues(math.nan, np.empty(0), np.empty(0, np.int64), n, reason)


def mean_by_article(values: Floats, articles: Integers) -> ArticleValues:
    """Mean of the articles' means, each article counting once; rows that are NaN are left out.

    values, articles: (rows,) scores and the number of the article of each.
    """
    scored = np.isfinite(values)
    if not scored.any():
        return missing(f"none of {len(values)} rows is scored" if len(values) else "no rows")
    present, codes = np.unique(articles[scored], return_inverse=True)
    means = np.bincount(codes, weights=values[scored]) / np.bincount(codes)
    return ArticleValues(float(means.mean()), means, present, int(scored.sum()))


def from_leave_one_out(value: float, left_out: Floats, articles: Integers, n: int) -> ArticleValues:
    """Contributions of the articles to any number, from its values without each of them in turn.

    left_out: (articles,) the number recomputed without that article. Contribution = value plus
    (articles - 1) times how far the number falls without the article, centred; the variance of
    their mean is the jackknife's. Source: Tukey (1958); Efron and Stein (1981).
    """
    if not math.isfinite(value):
        return missing("the computation gave no finite number", n)
    if not np.isfinite(left_out).all():
        return missing("the number hangs on a single article", n)
    pulls = (len(left_out) - 1) * (left_out.mean() - left_out)
    return ArticleValues(value, value + pulls, articles, n)


def difference(first: ArticleValues, second: ArticleValues) -> ArticleValues:
    """first - second, paired on the articles that both have.

    With articles that only one side has, both sides are recomputed on the shared ones.
    """
    if first.reason or second.reason:
        return missing(first.reason or second.reason)
    shared, a, b = np.intersect1d(first.articles, second.articles, return_indices=True)
    if not len(shared):
        return missing("the two sides share no article")
    apart = first.contributions[a] - second.contributions[b]
    return ArticleValues(float(apart.mean()), apart, shared, min(first.n, second.n))
