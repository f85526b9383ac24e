"""Biases towards one's own texts: as the paper has them, and as a difference in differences."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthlab.metrics.article_values import (
    ArticleValues,
    Floats,
    Integers,
    difference,
    from_leave_one_out,
    mean_by_article,
    missing,
)


@dataclass(frozen=True, eq=False)
class JudgedPairs:
    """The same pairs of texts before several judges."""

    articles: Integers
    """(pairs,) number of the article that the texts answer."""
    author_x: Integers
    """(pairs,) number of the generator that wrote x; one number for one model and adapter."""
    author_y: Integers
    length_x: Floats
    """(pairs,) characters."""
    length_y: Floats
    soft: Floats
    """(judges, pairs) preference for x in [0, 1], NaN where not scored."""
    log_odds: Floats
    """(judges, pairs) log-odds of x over y, averaged over the orders."""
    judges: Integers
    """(judges,) each judge's own number as an author."""

    def __post_init__(self) -> None:
        shape = (len(self.judges), len(self.articles))
        if self.soft.shape != shape or self.log_odds.shape != shape:
            raise ValueError(f"scores need shape (judges, pairs) = {shape}")

    def own_sign(self, judge: int) -> Integers:
        """(pairs,) 1 where only x is the judge's own text, -1 where only y is, else 0."""
        own = int(self.judges[judge])
        signs = (self.author_x == own).astype(np.int64) - (self.author_y == own)
        return np.asarray(signs, np.int64)

    def without_authors(self, values: Floats) -> Floats:
        """The scores with NaN where a judge wrote one of the two texts: nobody sits on a panel
        about himself."""
        party = (self.author_x == self.judges[:, None]) | (self.author_y == self.judges[:, None])
        return np.where(party, np.nan, values)


def paper_self_preference(
    ratings: Floats, articles: Integers, candidates: Integers, own: int, others: Collection[int]
) -> ArticleValues:
    """Mean rating of the texts called own minus mean rating of the other models' texts.

    ratings: (texts,) expected ratings by one judge; candidates: (texts,) who gave each. `own` is the
    base model's text in the paper, also for a fine-tuned judge. Takes a better text for a favoured
    one. Source: arXiv 2511.01490, section on absolute ratings.
    """
    return difference(
        _mean_of({own}, ratings, articles, candidates),
        _mean_of(others, ratings, articles, candidates),
    )


def pro_synthetic_bias(
    ratings: Floats, articles: Integers, candidates: Integers, models: Collection[int], human: int
) -> ArticleValues:
    """Mean rating of the models' texts minus mean rating of the human text of the same article.

    Each model counts once, whatever its number of texts. Source: arXiv 2511.01490.
    """
    return difference(
        _mean_of(models, ratings, articles, candidates),
        _mean_of({human}, ratings, articles, candidates),
    )


def difference_in_differences(pairs: JudgedPairs, judge: int) -> ArticleValues:
    """[J(self) - J(other)] - [panel(self) - panel(other)] over the judge's pairs with an own text.

    J(self) is the soft preference for the judge's own text, J(other) the rest of it; the panel is
    the mean of the other judges, none of whom judges a text of his own. Value in [-2, 2]. It takes
    out quality as the panel sees it, but a judge that reads less sharply than the panel, or that
    likes length more, still differs from it: see `net_bias`, which allows for both.
    """
    sign = pairs.own_sign(judge)
    panel = np.delete(pairs.without_authors(pairs.soft), judge, axis=0)
    if not len(panel):
        return missing("there is no other judge to stand for quality")
    rows = np.flatnonzero(sign)
    if not len(rows):
        return missing("the judge has no own text in any pair")
    heard = np.isfinite(panel[:, rows]).sum(axis=0)
    total = np.nansum(panel[:, rows], axis=0)
    mean = np.divide(total, heard, out=np.full(len(rows), np.nan), where=heard > 0)
    apart = 2.0 * sign[rows] * (pairs.soft[judge, rows] - mean)
    return mean_by_article(apart, pairs.articles[rows])


def own_preference(pairs: JudgedPairs, judge: int) -> ArticleValues:
    """Mean soft preference of a judge for its own texts over texts of others: the raw rate."""
    sign = pairs.own_sign(judge)
    rows = np.flatnonzero(sign)
    soft = pairs.soft[judge, rows]
    return mean_by_article(np.where(sign[rows] > 0, soft, 1.0 - soft), pairs.articles[rows])


def equal_opportunity_bias(
    own_scores: Floats, reference: Integers, articles: Integers
) -> ArticleValues:
    """P(J picks self | self is better) - P(J picks other | other is better), by a reference.

    own_scores: (pairs,) preference in [0, 1] for the judge's own text; reference: (pairs,) 1 where
    the own text is better, -1 where the other is, 0 where the reference does not say. 0 for a judge
    that errs equally in both cases. Error: leave one article out. Source: Wataoka et al. 2024
    (arXiv 2410.21819), equal opportunity.
    """
    known = np.flatnonzero(np.isfinite(own_scores) & (reference != 0))
    better, worse = reference[known] > 0, reference[known] < 0
    if not better.any() or not worse.any():
        return missing("the reference never finds the own text better, or never finds it worse")
    present, codes = np.unique(articles[known], return_inverse=True)
    scores = own_scores[known]

    def by_article(weights: npt.ArrayLike) -> Floats:
        return np.bincount(codes, weights=weights, minlength=len(present)).astype(np.float64)

    hits, chances = by_article(better * scores), by_article(better)
    others, worse_chances = by_article(worse * (1.0 - scores)), by_article(worse)

    def bias(*sums: Floats) -> Floats:
        picked, offered, refused, offered_worse = sums
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(picked / offered - refused / offered_worse, np.float64)

    totals = [np.asarray(one.sum()) for one in (hits, chances, others, worse_chances)]
    value = float(bias(*totals))
    parts = (hits, chances, others, worse_chances)
    left_out = bias(*(total - part for total, part in zip(totals, parts, strict=True)))
    return from_leave_one_out(value, left_out, present, len(known))


def _mean_of(
    wanted: Collection[int], ratings: Floats, articles: Integers, candidates: Integers
) -> ArticleValues:
    """Mean over the wanted candidates of their mean ratings, article by article."""
    if not wanted:
        return missing("nobody to take the mean of")
    each = [mean_by_article(ratings[candidates == o], articles[candidates == o]) for o in wanted]
    broken = next((one for one in each if one.reason), None)
    if broken is not None:
        return broken
    shared = each[0].articles
    for one in each[1:]:
        shared = np.intersect1d(shared, one.articles)
    if not len(shared):
        return missing("no article has a rated text of everybody")
    rows = [one.contributions[np.isin(one.articles, shared)] for one in each]
    mean = np.mean(rows, axis=0)
    return ArticleValues(float(mean.mean()), mean, shared, sum(one.n for one in each))
