"""What a judge prefers, from the probabilities of two answer labels with each pair shown both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthlab.metrics.article_values import (
    ArticleValues,
    Floats,
    Integers,
    mean_by_article,
)


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Pairs of texts x and y that one judge compared, each in both orders."""

    log_p: Floats
    """(pairs, order, position): natural log-probability of the label of the text at that position,
    from logits before temperature and top-p. In order 0 x stands first, in order 1 y does. NaN
    where the judge was not or could not be asked."""
    articles: Integers
    """(pairs,) number of the article or prompt that the texts answer."""
    x: Integers
    """(pairs,) number of the candidate that gave x."""
    y: Integers
    length_x: Floats
    """(pairs,) characters."""
    length_y: Floats

    def __post_init__(self) -> None:
        pairs = len(self.log_p)
        if self.log_p.shape != (pairs, 2, 2):
            raise ValueError(f"log_p has shape {self.log_p.shape}, not (pairs, 2, 2)")
        sides = (self.articles, self.x, self.y, self.length_x, self.length_y)
        if any(side.shape != (pairs,) for side in sides):
            raise ValueError("every field needs one value for each pair")
        if np.any(self.log_p > 1e-3):
            raise ValueError("a log-probability is at most 0")

    def __len__(self) -> int:
        return len(self.log_p)

    def where(
        self, rows: Floats | Integers | np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> Comparisons:
        """The chosen pairs."""
        chosen = np.asarray(rows)
        return Comparisons(
            self.log_p[chosen],
            self.articles[chosen],
            self.x[chosen],
            self.y[chosen],
            self.length_x[chosen],
            self.length_y[chosen],
        )


def label_mass(log_p: Floats) -> Floats:
    """(pairs,) probability on either label, the smaller of the two orders; NaN if not asked.

    Little mass means that the judge wanted to say something else, and the two labels' ratio is then
    a ratio of leftovers.
    """
    return np.asarray(np.exp(log_p).sum(axis=2).min(axis=1), np.float64)


def drop_low_mass(comparisons: Comparisons, least: float) -> Comparisons:
    """The same pairs, those with a label mass below `least` marked as not scored (NaN)."""
    kept = label_mass(comparisons.log_p) >= least
    log_p = np.where(kept[:, None, None], comparisons.log_p, np.nan)
    return Comparisons(
        log_p,
        comparisons.articles,
        comparisons.x,
        comparisons.y,
        comparisons.length_x,
        comparisons.length_y,
    )


def order_log_odds(log_p: Floats) -> Floats:
    """(pairs, order) log-odds of x over y as the judge gave them in each order."""
    first = log_p[:, 0, 0] - log_p[:, 0, 1]
    second = log_p[:, 1, 1] - log_p[:, 1, 0]
    return np.stack([first, second], axis=1)


def log_odds(log_p: Floats) -> Floats:
    """(pairs,) log-odds of x over y, averaged over the orders: a constant pull of the first place
    adds to one order what it takes from the other and is gone."""
    return np.asarray(order_log_odds(log_p).mean(axis=1), np.float64)


def soft_scores(log_p: Floats) -> Floats:
    """(pairs,) preference for x in [0, 1]: p(x) / (p(x) + p(y)), averaged over both orders.

    Source: Panickssery et al. 2024 (arXiv 2404.13076).
    """
    return np.asarray(_sigmoid(order_log_odds(log_p)).mean(axis=1), np.float64)


def hard_scores(log_p: Floats) -> Floats:
    """(pairs,) 1 where x wins in both orders, 0 where y does, else 1/2; NaN where not scored.

    A win that the order of showing decides is a tie. Source: Zheng et al. 2023 (arXiv 2306.05685).
    """
    odds = order_log_odds(log_p)
    wins = np.where((odds > 0).all(axis=1), 1.0, np.where((odds < 0).all(axis=1), 0.0, 0.5))
    return np.where(np.isfinite(odds).all(axis=1), wins, np.nan)


Scores = Callable[[Floats], Floats]
"""`soft_scores` or `hard_scores`."""


def preference_of(
    candidate: int, comparisons: Comparisons, scores: Scores = soft_scores
) -> ArticleValues:
    """Mean preference for the texts of one candidate over all pairs that they are in.

    Value in [0, 1], 1/2 where nothing speaks for or against them. It mixes quality, length and
    taste: it is a description, not a bias. Pairs of two texts of the candidate do not count.
    """
    sign = (comparisons.x == candidate).astype(int) - (comparisons.y == candidate).astype(int)
    rows = np.flatnonzero(sign)
    given = scores(comparisons.log_p[rows])
    return mean_by_article(np.where(sign[rows] > 0, given, 1.0 - given), comparisons.articles[rows])


def _sigmoid(odds: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * odds)), np.float64)
