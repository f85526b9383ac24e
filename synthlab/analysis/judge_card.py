"""The card that stands before any number about a judge's bias: what it can and what it is swayed by."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthlab.analysis.bias_items import JudgeItems
from synthlab.analysis.statistics.clusters import Clusters
from synthlab.analysis.statistics.estimates import Estimate, undefined_estimate
from synthlab.analysis.statistics.intervals import mean_interval, rate_interval
from synthlab.metrics.article_values import ArticleValues
from synthlab.metrics.judge_health import (
    Doubt,
    JudgeHealth,
    Outcomes,
    anchor_hits,
    doubts,
    first_choices,
    identical_decisiveness,
    longer_wins,
    order_flips,
)

METHOD = "t on articles"


@dataclass(frozen=True)
class BiasFigure:
    """One number about a judge."""

    metric: str
    """Id in the metric catalog."""
    estimate: Estimate
    n_total: int
    """Rows that there were, scored or not."""
    subject: str = ""
    """Whose texts it is about, as a generator; empty if it is about the judge."""


@dataclass(frozen=True)
class JudgeCard:
    """A judge's health, and what speaks against believing it."""

    judge: str
    figures: tuple[BiasFigure, ...]
    doubts: tuple[Doubt, ...]

    @property
    def is_believed(self) -> bool:
        """Whether a bias of this judge may be shown as a finding."""
        return not self.doubts

    @property
    def reason(self) -> str:
        """The doubts in one line."""
        return "; ".join(doubt.value for doubt in self.doubts)

    def figure(self, metric: str) -> BiasFigure:
        """The figure of that metric; raises KeyError if the card has none."""
        for one in self.figures:
            if one.metric == metric:
                return one
        raise KeyError(metric)


def judge_card(items: JudgeItems) -> JudgeCard:
    """Measure one judge's health on its own items, intervals clustered by article."""
    pairs, anchors = items.pairs, items.anchors
    mass = items.label_mass
    scored = np.isfinite(mass)
    figures = (
        _figure("judge-anchor-accuracy", anchor_hits(anchors), len(anchors)),
        _figure("judge-order-flips", order_flips(pairs), len(pairs)),
        _figure("judge-first-share", first_choices(pairs), 2 * len(pairs)),
        _figure(
            "judge-identical-decisiveness",
            identical_decisiveness(items.identical_log_p, items.identical_articles),
            len(items.identical_log_p),
        ),
        _figure("judge-longer-wins", longer_wins(pairs), len(pairs)),
        _figure("judge-label-mass", Outcomes(mass[scored], pairs.articles[scored]), len(pairs)),
    )
    by_name = {one.metric: one.estimate for one in figures}
    health = JudgeHealth(
        by_name["judge-anchor-accuracy"].interval.low,
        by_name["judge-order-flips"].value,
        float(np.median(mass[scored])) if scored.any() else math.nan,
    )
    return JudgeCard(items.judge, figures, doubts(health))


def estimate_outcomes(outcomes: Outcomes) -> Estimate:
    """Mean over articles with an interval that is a rate's where the values are hits and misses."""
    values, clusters = outcomes.values, Clusters.of(outcomes.articles.tolist())
    if not len(values):
        return undefined_estimate("no scored rows", method=METHOD)
    if np.isin(values, (0.0, 1.0)).all():
        return rate_interval(values == 1.0, clusters)
    return mean_interval(values, clusters)


def estimate_articles(values: ArticleValues) -> Estimate:
    """A number with the t interval of its articles' contributions."""
    if values.reason:
        return undefined_estimate(values.reason, method=METHOD, n=values.n)
    clusters = Clusters.of(values.articles.tolist())
    found = mean_interval(values.contributions, clusters)
    return Estimate(
        values.value,
        found.interval,
        values.n,
        found.n_clusters,
        found.reason,
        found.standard_error,
    )


def _figure(metric: str, outcomes: Outcomes, total: int) -> BiasFigure:
    return BiasFigure(metric, estimate_outcomes(outcomes), total)
