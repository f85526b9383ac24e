"""Synthetic judges whose likings are known, and the texts they judge."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synthlab.metrics.article_values import Floats, Integers
from synthlab.metrics.preference import Comparisons, log_odds, soft_scores
from synthlab.metrics.self_preference import JudgedPairs


@dataclass(frozen=True)
class Judge:
    """What moves a judge, in log-odds."""

    quality: float = 1.0
    """For one unit of quality."""
    length: float = 0.0
    """For a text that is much longer."""
    place: float = 0.0
    """For the text shown first."""
    own: float = 0.0
    """For a text of its own."""
    noise: float = 0.5
    """Its taste for one text over another, the same in both orders."""
    shake: float = 0.3
    """What differs between the orders."""
    mass: float = 0.9
    """Probability that it puts on the two labels."""


@dataclass(frozen=True, eq=False)
class Texts:
    """One text of each candidate for each article."""

    quality: Floats
    """(articles, candidates)"""
    length: Floats
    """(articles, candidates) characters."""

    @classmethod
    def draw(
        cls,
        generator: np.random.Generator,
        articles: int,
        mean_quality: list[float],
        mean_length: list[float],
    ) -> Texts:
        """Texts whose candidates differ in quality and in length."""
        shape = (articles, len(mean_quality))
        quality = np.asarray(mean_quality) + generator.normal(size=shape)
        length = np.asarray(mean_length) * np.exp(0.3 * generator.normal(size=shape))
        return cls(quality, np.round(length))

    def pairs(self) -> tuple[Integers, Integers, Integers]:
        """Article, candidate x and candidate y of all pairs."""
        articles, candidates = self.quality.shape
        both = list(combinations(range(candidates), 2))
        rows = [(a, x, y) for a in range(articles) for x, y in both]
        article, x, y = (np.asarray(column, np.int64) for column in zip(*rows, strict=True))
        return article, x, y


def compare(
    generator: np.random.Generator, judge: Judge, texts: Texts, own: int | None
) -> Comparisons:
    """What the judge says about all pairs; `own` is the candidate that is itself."""
    article, x, y = texts.pairs()
    length_x, length_y = texts.length[article, x], texts.length[article, y]
    sigma = np.sqrt(np.mean((length_x - length_y) ** 2))
    drawn = judge.quality * (texts.quality[article, x] - texts.quality[article, y])
    drawn += judge.length * np.tanh((length_x - length_y) / sigma)
    if own is not None:
        drawn += judge.own * ((x == own).astype(float) - (y == own))
    drawn += judge.noise * generator.normal(size=len(x))
    log_p = np.stack(
        [
            _labels(drawn + judge.place + judge.shake * generator.normal(size=len(x)), judge),
            _labels(-drawn + judge.place + judge.shake * generator.normal(size=len(x)), judge),
        ],
        axis=1,
    )
    return Comparisons(log_p, article, x, y, length_x, length_y)


def _labels(first_over_second: Floats, judge: Judge) -> Floats:
    """(pairs, 2) log-probabilities of the labels of the first and the second place."""
    first = -np.logaddexp(0.0, -first_over_second)
    second = -np.logaddexp(0.0, first_over_second)
    return np.asarray(np.stack([first, second], axis=1) + np.log(judge.mass), np.float64)


def bench(
    generator: np.random.Generator, judges: list[Judge], texts: Texts, owns: list[int]
) -> JudgedPairs:
    """All judges on the same texts; judge i is candidate owns[i]."""
    heard = [compare(generator, j, texts, own) for j, own in zip(judges, owns, strict=True)]
    one = heard[0]
    return JudgedPairs(
        one.articles,
        one.x,
        one.y,
        one.length_x,
        one.length_y,
        np.stack([soft_scores(h.log_p) for h in heard]),
        np.stack([log_odds(h.log_p) for h in heard]),
        np.asarray(owns),
    )
