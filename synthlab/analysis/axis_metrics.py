"""What a metric must offer to be compared between conditions, whichever axis it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from synthlab.analysis.measured import AlignedAnswers
from synthlab.analysis.statistics.clusters import BoolArray, FloatArray, IntArray

Row = Mapping[str, Any]

SubsetValues: TypeAlias = Callable[[Sequence[IntArray]], FloatArray]
"""Numbers of the answers in each subset, in the order of the prompts → (subsets,) the metric of each.

NaN where it is undefined. Many subsets at once, because a thousand swaps of a few texts cost more in
calls than in arithmetic."""


SwapEstimates: TypeAlias = Callable[[BoolArray], FloatArray]
"""(swaps, prompts' rows) which rows change sides → (swaps,) about in proportion to the metric of the
candidate's side minus that of the baseline's."""


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
    prepare: Callable[[Sequence[AlignedAnswers]], SubsetValues]
    """From answers of one or two conditions, behind one another, to something that scores subsets."""
    budget: int | None = None
    """Tokens that it is computed on; None where it reads everything."""
    estimate: Callable[[AlignedAnswers, AlignedAnswers], SwapEstimates] | None = None
    """From the answers of candidate and baseline to cheap estimates after swaps, if there are any."""


@dataclass(frozen=True)
class AxisMetrics:
    """Everything that a comparison on one axis shows."""

    items: tuple[ItemMetric, ...]
    corpus: tuple[CorpusMetric, ...] = ()


def swapped_sides(swaps: BoolArray) -> tuple[IntArray, IntArray]:
    """Rows of the joined answers on either side after the marked prompts have changed sides.

    swaps: (swaps, rows). Returns two (swaps, rows): candidate's side first, in the order of the rows.
    """
    own = np.arange(swaps.shape[1], dtype=np.int64)
    other = own + swaps.shape[1]
    return np.where(swaps, other, own), np.where(swaps, own, other)


def marks(subsets: Sequence[IntArray], size: int) -> BoolArray:
    """(subsets, size) which of so many rows each subset of row numbers has."""
    found = np.zeros((len(subsets), size), dtype=np.bool_)
    for number, rows in enumerate(subsets):
        found[number, rows] = True
    return found
