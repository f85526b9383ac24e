"""Whether a judge can be believed at all: looked at before any number about its bias."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from synthlab.metrics.article_values import Floats, Integers
from synthlab.metrics.preference import Comparisons, hard_scores, log_odds, order_log_odds

POSITION_BAND = (0.45, 0.55)
"""First-position shares that call for no warning."""
MOST_FLIPS = 0.5
"""Share of order flips above which a judge's preferences are not shown as a bias."""
LEAST_MASS = 0.05
"""Median probability on the labels below which the judge is not answering the question."""
CHANCE = 0.5


class Outcomes(NamedTuple):
    """One value per row with the article of each row; the mean over articles is the rate."""

    values: Floats
    articles: Integers


def order_flips(comparisons: Comparisons) -> Outcomes:
    """1 where the other order gives another winner, for the pairs that are scored.

    An order without a winner, exactly even odds, counts as a flip: it is no verdict either.
    """
    hard = hard_scores(comparisons.log_p)
    scored = np.isfinite(hard)
    return Outcomes((hard[scored] == 0.5).astype(np.float64), comparisons.articles[scored])


def first_choices(comparisons: Comparisons) -> Outcomes:
    """1 where the text shown first wins, 1/2 at even odds; a row for each pair and order.

    Over both orders of every pair a judge without a liking for a place has a mean of 1/2.
    """
    scored = np.isfinite(comparisons.log_p).all(axis=(1, 2))
    odds = order_log_odds(comparisons.log_p[scored]) * np.asarray([1.0, -1.0])
    values = 0.5 * (1.0 + np.sign(odds))
    return Outcomes(values.reshape(-1), np.repeat(comparisons.articles[scored], 2))


def identical_decisiveness(log_p: Floats, articles: Integers) -> Outcomes:
    """|p(first) - p(second)| / (p(first) + p(second)) on pairs of one text with itself: 0 is right.

    log_p: (pairs, 2) log-probabilities of the labels of the two places.
    """
    scored = np.isfinite(log_p).all(axis=1)
    odds = log_p[scored, 0] - log_p[scored, 1]
    return Outcomes(np.abs(np.tanh(0.5 * odds)), articles[scored])


def longer_wins(comparisons: Comparisons) -> Outcomes:
    """1 where the longer text is preferred, place evened out, for the pairs of unlike lengths.

    Even odds have no winner and are left out.
    """
    odds = log_odds(comparisons.log_p)
    apart = comparisons.length_x - comparisons.length_y
    decided = np.isfinite(odds) & (odds != 0) & (apart != 0)
    longer = (odds[decided] > 0) == (apart[decided] > 0)
    return Outcomes(longer.astype(np.float64), comparisons.articles[decided])


def anchor_hits(anchors: Comparisons) -> Outcomes:
    """1 where the text known to be better (x) is preferred, place evened out; even odds count as 0.

    Taken from the order-averaged odds and not from the winner in each order, so that a judge with a
    strong liking for one place may still prove that it reads the texts.
    """
    odds = log_odds(anchors.log_p)
    scored = np.isfinite(odds)
    return Outcomes((odds[scored] > 0).astype(np.float64), anchors.articles[scored])


class Doubt(Enum):
    """Why a judge's bias is not shown as a finding; the value is what a person reads."""

    NO_ANCHORS = "no anchor pairs: it is unknown whether the judge can tell good from bad"
    CHANCE = "at chance on pairs with a known better text: lost skill is not lost bias"
    FLIPS = "the order of showing decides too many of its verdicts"
    MASS = "hardly any probability on the labels: it is not answering the question"


@dataclass(frozen=True)
class JudgeHealth:
    """The figures that decide whether a judge is believed; NaN where one was not measured."""

    anchor_accuracy_low: float
    """Lower limit of the interval of the accuracy on anchor pairs."""
    flip_rate: float
    label_mass: float
    """Median over the pairs."""


def doubts(
    health: JudgeHealth, *, most_flips: float = MOST_FLIPS, least_mass: float = LEAST_MASS
) -> tuple[Doubt, ...]:
    """Everything that speaks against the judge; empty if it can be believed.

    Skill counts as shown only if the whole interval of the anchor accuracy lies above chance.
    """
    found = []
    if np.isnan(health.anchor_accuracy_low):
        found.append(Doubt.NO_ANCHORS)
    elif health.anchor_accuracy_low <= CHANCE:
        found.append(Doubt.CHANCE)
    if health.flip_rate > most_flips:
        found.append(Doubt.FLIPS)
    if health.label_mass < least_mass:
        found.append(Doubt.MASS)
    return tuple(found)
