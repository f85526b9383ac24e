"""What a metric must offer to be compared between conditions, whichever axis it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from synthlab.analysis.measured import AlignedAnswers
from synthlab.analysis.statistics.clusters import BoolArray, IntArray

Row = Mapping[str, Any]


class ItemScore(NamedTuple):
    """What one row of items.jsonl says to one metric."""

    item_id: str
    """The same in every condition, so that scores can be paired."""
    cluster_id: str
    """Rows of one cluster are not independent: samples of a prompt, wrappers of a request."""
    score: float | None
    reason: str
    """Why there is no score."""


@dataclass(frozen=True)
class ItemMetric:
    """A metric that is a mean of one score per row."""

    id: str
    """Name of the result whose comparability key applies."""
    metric: str
    """Its entry in the metric catalog."""
    kind: Literal["mean", "rate"]
    """A rate's scores are 0 or 1, and its tests are those of rates."""
    read: Callable[[Row], ItemScore | None]
    """None for a row that is not the metric's business."""


@dataclass(frozen=True)
class CorpusMetric:
    """A metric of all answers together."""

    id: str
    view: Callable[[AlignedAnswers, AlignedAnswers], PairView]
    """From the aligned answers of a candidate and a baseline to something that can be evaluated."""
    budget: int | None = None
    """Tokens that it is computed on; None where it reads everything."""


@dataclass(frozen=True)
class AxisMetrics:
    """Everything that a comparison on one axis shows."""

    items: tuple[ItemMetric, ...]
    corpus: tuple[CorpusMetric, ...] = ()


class PairView:
    """One corpus metric on the aligned answers of a candidate and a baseline."""

    def __init__(
        self, candidate: Sized, baseline: Sized, value: Callable[[IntArray], float]
    ) -> None:
        """value: the metric on rows of the joined answers, candidate first."""
        if len(candidate) != len(baseline):
            raise ValueError(f"{len(candidate)} and {len(baseline)} answers are not aligned")
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
