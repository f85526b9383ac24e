"""Numbers of one judge alone, split by article, so that two judges can be compared on the same articles."""

from __future__ import annotations

import numpy as np

from synthlab.analysis.bias_items import JudgeItems
from synthlab.metrics.article_values import ArticleValues, difference, mean_by_article, missing
from synthlab.metrics.preference import Comparisons, preference_of
from synthlab.metrics.self_preference import paper_self_preference, pro_synthetic_bias

OWN = -1
"""Candidate number under which all own texts of a judge are taken together."""
COMPARED = ("preference-own", "rating-own", "paper-self-preference", "paper-pro-synthetic")
"""Numbers by which two judges can be compared, though none of them is net of quality."""


def judge_values(items: JudgeItems, metric: str) -> ArticleValues:
    """One of the numbers in `COMPARED`; raises KeyError for another."""
    if metric == "preference-own":
        return preference_of(OWN, own_together(items))
    if metric not in COMPARED:
        raise KeyError(metric)
    return rating_values(items).get(metric, missing("the judge was not asked for ratings"))


def rating_values(items: JudgeItems) -> dict[str, ArticleValues]:
    """Every number of a judge's ratings; empty where it was not asked for any."""
    ratings = items.ratings
    if not len(ratings.values):
        return {}
    values, articles, candidates = ratings.values, ratings.articles, ratings.candidates
    own = items.is_own(candidates)
    rated_own = mean_by_article(values[own], articles[own])
    rated_others = mean_by_article(values[~own], articles[~own])
    scored = np.isfinite(ratings.mass)
    models = items.models - items.of_base
    paper = _of_one(items.of_base, "no text of the untouched base model is among the candidates")
    if not models:
        paper = missing("no other model's text is among the sources")
    human = _of_one(items.human, "no human text is among the sources")
    return {
        "rating-own": rated_own,
        "rating-gap": difference(rated_own, rated_others),
        "paper-self-preference": paper
        if isinstance(paper, ArticleValues)
        else paper_self_preference(values, articles, candidates, paper, models),
        "paper-pro-synthetic": human
        if isinstance(human, ArticleValues)
        else pro_synthetic_bias(values, articles, candidates, items.models, human),
        "judge-rating-mass": mean_by_article(ratings.mass[scored], articles[scored]),
    }


def own_together(items: JudgeItems) -> Comparisons:
    """The pairs of a judge with every own text under the number `OWN`."""
    pairs = items.pairs
    return Comparisons(
        pairs.log_p,
        pairs.articles,
        np.where(items.is_own(pairs.x), OWN, pairs.x),
        np.where(items.is_own(pairs.y), OWN, pairs.y),
        pairs.length_x,
        pairs.length_y,
    )


def _of_one(numbers: frozenset[int], reason: str) -> int | ArticleValues:
    return min(numbers) if numbers else missing(reason)
