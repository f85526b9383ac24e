"""How each metric of the collapse axis is computed on any subset of prompts, for paired inference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthlab.analysis.statistics.clusters import BoolArray, IntArray
from synthlab.metrics.diversity import distinct_n
from synthlab.metrics.self_bleu_table import SelfBleuTable
from synthlab.metrics.tokenize import join, tokenize

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ItemMetric:
    """A metric that is a mean of one score per answer."""

    id: str
    score: Callable[[Row], float | None]
    """The score of an item row, or None where it has none."""
    human_rows: bool = False
    """Whether it scores the human answers of the prompts instead of the condition's."""


@dataclass(frozen=True)
class CorpusMetric:
    """A metric of all answers together."""

    id: str
    view: Callable[[Sequence[str], Sequence[str]], PairView]
    """From the aligned texts of a candidate and a baseline to something that can be evaluated."""
    budget: int | None = None
    """Tokens that it is computed on; None where it reads everything."""


class PairView:
    """One corpus metric on the aligned texts of a candidate and a baseline."""

    def __init__(
        self, candidate: Sequence[str], baseline: Sequence[str], value: Callable[[IntArray], float]
    ) -> None:
        """value: the metric on rows of the joined texts, candidate first."""
        if len(candidate) != len(baseline):
            raise ValueError(f"{len(candidate)} and {len(baseline)} texts are not aligned")
        self._rows = np.arange(len(candidate), dtype=np.int64)
        self._value = value

    def candidate(self, rows: IntArray) -> float:
        """The metric on these rows of the candidate."""
        return self._value(rows)

    def baseline(self, rows: IntArray) -> float:
        """The metric on these rows of the baseline."""
        return self._value(rows + len(self._rows))

    def difference(self, swap: BoolArray) -> float:
        """Candidate minus baseline after the marked rows have changed sides."""
        other = self._rows + len(self._rows)
        ours, theirs = np.where(swap, other, self._rows), np.where(swap, self._rows, other)
        return self._value(ours) - self._value(theirs)


def self_bleu_metric(order: int) -> CorpusMetric:
    """Self-BLEU of the given highest order, by one gram table: a swap costs one masked pass."""

    def view(candidate: Sequence[str], baseline: Sequence[str]) -> PairView:
        corpus = join(tokenize(candidate), tokenize(baseline))
        table = SelfBleuTable(corpus, order)

        def value(rows: IntArray) -> float:
            chosen = np.zeros(len(corpus), dtype=np.bool_)
            chosen[rows] = True
            return float(table.mean(chosen))

        return PairView(candidate, baseline, value)

    return CorpusMetric(f"self-bleu-{order}", view)


def distinct_metric(order: int, budget: int) -> CorpusMetric:
    """distinct-n on a fixed number of tokens."""

    def view(candidate: Sequence[str], baseline: Sequence[str]) -> PairView:
        corpus = join(tokenize(candidate), tokenize(baseline))
        return PairView(
            candidate,
            baseline,
            lambda rows: distinct_n(corpus.select(rows), order, budget, seed=0).value,
        )

    return CorpusMetric(f"distinct-{order}", view, budget)


def fillable_budget(texts: Sequence[Sequence[str]]) -> int:
    """A number of tokens that any half of every condition's texts can be expected to fill.

    A third of the shortest condition, rounded down to tens: half-samples that could not fill the
    budget would leave the metric without an interval.
    """
    fewest = min(int(tokenize(one).lengths.sum()) for one in texts)
    return max(10, fewest // 30 * 10)


def _log_perplexity(part: str) -> Callable[[Row], float | None]:
    def score(row: Row) -> float | None:
        sums = row["ppl1"] if part == "ppl1" else (row["human"] or {}).get("ppl2")
        if not sums or not sums["tokens"] or sums["sum_log_p"] is None:
            return None
        return -float(sums["sum_log_p"]) / int(sums["tokens"])

    return score


def _own(metric: str) -> Callable[[Row], float | None]:
    def score(row: Row) -> float | None:
        value = row["metrics"].get(metric)
        return float(value) if value is not None and math.isfinite(value) else None

    return score


ITEM_METRICS = (
    ItemMetric("ppl1-log", _log_perplexity("ppl1")),
    ItemMetric("ppl2-log", _log_perplexity("ppl2"), human_rows=True),
    ItemMetric("mattr-50", _own("mattr-50")),
    ItemMetric("mtld", _own("mtld")),
    ItemMetric("self-repetition-4", _own("self-repetition-4")),
    ItemMetric("length-words-mean", _own("length-words-mean")),
)
