"""Self-preference: what one judge prefers, and what all judges together say about each one's bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthlab.analysis.bias_items import JudgeItems, author_of
from synthlab.analysis.judge_card import (
    METHOD,
    BiasFigure,
    JudgeCard,
    estimate_articles,
    judge_card,
)
from synthlab.analysis.judge_values import OWN, own_together, rating_values
from synthlab.analysis.statistics.clusters import Clusters
from synthlab.analysis.statistics.estimates import Estimate, PairedResult, undefined_estimate
from synthlab.analysis.statistics.paired import paired_mean_difference
from synthlab.metrics.article_values import (
    ArticleValues,
    Floats,
    Integers,
    mean_by_article,
    missing,
)
from synthlab.metrics.length_control import length_controlled_preference
from synthlab.metrics.net_bias import NetBias, net_bias
from synthlab.metrics.preference import (
    hard_scores,
    log_odds,
    preference_of,
    soft_scores,
)
from synthlab.metrics.self_preference import (
    JudgedPairs,
    difference_in_differences,
    equal_opportunity_bias,
)


@dataclass(frozen=True, eq=False)
class BiasCell:
    """The bias of one judge as its panel shows it, behind the judge's card."""

    judge: str
    card: JudgeCard
    net: NetBias
    """Headline: net of quality, length and place."""
    plain: ArticleValues
    """The plain difference in differences."""
    opportunity: ArticleValues
    """Equal-opportunity form, with the unanimous panel as the reference."""

    @property
    def figures(self) -> tuple[BiasFigure, ...]:
        """The three numbers; a judge that is not believed has none, and the reason says why."""
        named = (
            ("bias-net", self.net.bias),
            ("bias-difference", self.plain),
            ("bias-equal-opportunity", self.opportunity),
        )
        return tuple(BiasFigure(name, self.shown(values), values.n) for name, values in named)

    def shown(self, values: ArticleValues) -> Estimate:
        """A number of this cell, void if its judge is not believed: lost skill is not lost bias."""
        if not self.card.is_believed:
            return undefined_estimate(self.card.reason, method=METHOD, n=values.n)
        return estimate_articles(values)


def judge_figures(items: JudgeItems) -> tuple[BiasFigure, ...]:
    """What can be said of one judge alone: its preferences and ratings, and the paper's biases.

    None of them is net of quality: they describe, the panel's numbers (`bias_cells`) find.
    """
    own, pairs = own_together(items), items.pairs
    about_own = int(np.count_nonzero((own.x == OWN) != (own.y == OWN)))
    figures = [
        BiasFigure("preference-own", estimate_articles(preference_of(OWN, own)), about_own),
        BiasFigure(
            "preference-own-hard",
            estimate_articles(preference_of(OWN, own, hard_scores)),
            about_own,
        ),
        BiasFigure(
            "preference-own-length-controlled",
            estimate_articles(length_controlled_preference(OWN, own)),
            len(pairs),
        ),
    ]
    for number in sorted(items.sources & items.generators.keys()):
        found = estimate_articles(preference_of(number, pairs))
        about = int(np.count_nonzero((pairs.x == number) | (pairs.y == number)))
        figures.append(BiasFigure("preference-source", found, about, subject(items, number)))
    return (*figures, *_rating_figures(items))


def subject(items: JudgeItems, candidate: int) -> str:
    """A candidate's generator, told apart from others of the same generator by its place."""
    generator = items.generators[candidate]
    alike = sorted(n for n in items.sources if items.generators.get(n) == generator)
    place = alike.index(candidate) + 1 if candidate in alike else 1
    return f"{generator} ({place})" if len(alike) > 1 else generator


def _rating_figures(items: JudgeItems) -> list[BiasFigure]:
    ratings = items.ratings
    total = len(ratings.values)
    values, articles, candidates = ratings.values, ratings.articles, ratings.candidates
    offered = {"rating-own": int(items.is_own(candidates).sum())}
    found = [
        BiasFigure(name, estimate_articles(one), offered.get(name, total))
        for name, one in rating_values(items).items()
    ]
    if not total:
        return found
    for number in sorted(items.sources & items.generators.keys()):
        rows = candidates == number
        rated = estimate_articles(mean_by_article(values[rows], articles[rows]))
        found.append(BiasFigure("rating-source", rated, int(rows.sum()), subject(items, number)))
    return found


def bias_cells(judges: Sequence[JudgeItems]) -> tuple[BiasCell, ...]:
    """The bias of every judge, each with the others as its panel.

    The judges must have seen the same texts (one seed's conditions and the base model); pairs that
    one of them lacks are left out for all. Raises ValueError for no judges or a judge given twice.
    """
    pairs = judged_pairs(judges)
    return tuple(
        BiasCell(
            one.judge,
            judge_card(one),
            net_bias(pairs, place),
            difference_in_differences(pairs, place),
            _opportunity(pairs, place),
        )
        for place, one in enumerate(judges)
    )


def judged_pairs(judges: Sequence[JudgeItems]) -> JudgedPairs:
    """The pairs that all judges were shown, in one order."""
    names = [one.judge for one in judges]
    if not judges or len(set(names)) != len(names):
        raise ValueError("give each judge once, and at least one")
    shared = sorted(set.intersection(*(set(one.pair_ids) for one in judges)))
    rows = [_rows_of(one, shared) for one in judges]
    first = judges[0]
    pairs = first.pairs.where(rows[0])
    prompts = {prompt: number for number, prompt in enumerate(sorted(set(first.prompts)))}
    numbers = {name: number for number, name in enumerate(sorted({*names, *_authors(judges)}))}
    return JudgedPairs(
        np.asarray([prompts[first.prompts[one]] for one in pairs.articles], np.int64),
        _author_numbers(first, pairs.x, numbers),
        _author_numbers(first, pairs.y, numbers),
        pairs.length_x,
        pairs.length_y,
        _stack([soft_scores(j.pairs.log_p[r]) for j, r in zip(judges, rows, strict=True)]),
        _stack([log_odds(j.pairs.log_p[r]) for j, r in zip(judges, rows, strict=True)]),
        np.asarray([numbers[name] for name in names], np.int64),
    )


def compare_biases(candidate: BiasCell, baseline: BiasCell, *, seed: int) -> PairedResult:
    """Difference of two judges' headline biases, paired on the articles that both judged."""
    first, second = candidate.net.bias, baseline.net.bias
    shared, a, b = np.intersect1d(first.articles, second.articles, return_indices=True)
    return paired_mean_difference(
        first.contributions[a], second.contributions[b], Clusters.of(shared.tolist()), seed=seed
    )


def _opportunity(pairs: JudgedPairs, judge: int) -> ArticleValues:
    """With the panel as the reference wherever all of it agrees on the better text."""
    panel = np.delete(pairs.without_authors(pairs.log_odds), judge, axis=0)
    sign = pairs.own_sign(judge)
    rows = np.flatnonzero(sign)
    if not len(panel):
        return missing("there is no other judge to be the reference")
    heard = np.isfinite(panel[:, rows])
    above = ((panel[:, rows] > 0) | ~heard).all(axis=0) & heard.any(axis=0)
    below = ((panel[:, rows] < 0) | ~heard).all(axis=0) & heard.any(axis=0)
    reference = (above.astype(np.int64) - below) * sign[rows]
    soft = pairs.soft[judge, rows]
    own = np.where(sign[rows] > 0, soft, 1.0 - soft)
    return equal_opportunity_bias(own, np.asarray(reference, np.int64), pairs.articles[rows])


def _rows_of(items: JudgeItems, ids: Sequence[str]) -> Integers:
    place = {one: row for row, one in enumerate(items.pair_ids)}
    return np.asarray([place[one] for one in ids], np.int64)


def _authors(judges: Sequence[JudgeItems]) -> set[str]:
    return {author_of(by) for one in judges for by in one.generators.values()}


def _author_numbers(items: JudgeItems, candidates: Integers, numbers: dict[str, int]) -> Integers:
    authors = [author_of(items.generators[int(one)]) for one in candidates]
    return np.asarray([numbers[one] for one in authors], np.int64)


def _stack(rows: list[Floats]) -> Floats:
    return np.asarray(np.stack(rows), np.float64)
