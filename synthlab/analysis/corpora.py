"""The answers of all cells on the same rows, and what a metric of all answers together says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthlab.analysis.axis_metrics import (
    CorpusMetric,
    ItemScore,
    Row,
    SubsetValues,
    SwapEstimates,
    swapped_sides,
)
from synthlab.analysis.collapse_metrics import answer_rows
from synthlab.analysis.measured import AlignedAnswers, MeasuredCell
from synthlab.analysis.statistics.align import Alignment, RunScores, ScoredItem, align
from synthlab.analysis.statistics.clusters import BoolArray, FloatArray
from synthlab.analysis.statistics.corpus import pair_of_halves, randomisation_test
from synthlab.analysis.statistics.estimates import PairedResult
from synthlab.analysis.statistics.intervals import (
    HalfSamples,
    draw_half_samples,
    has_enough_clusters,
)

SEED = 0
"""Of half-samples, swaps and sign flips: the same comparison gives the same numbers."""

Cells = Mapping[str, Mapping[int, MeasuredCell]]
Read = Callable[[Row], ItemScore | None]


def align_cells(cells: Cells, read: Read) -> Alignment:
    """Rows that every cell has scored, cell by cell in the order of conditions and seeds."""
    return align([_scores(cell, read) for by_seed in cells.values() for cell in by_seed.values()])


def _scores(cell: MeasuredCell, read: Read) -> RunScores:
    found = [score for score in map(read, cell.items) if score is not None]
    return RunScores(
        cell.name,
        tuple(
            ScoredItem(
                one.item_id,
                one.cluster_id,
                math.nan if one.score is None else one.score,
                one.reason,
            )
            for one in found
        ),
    )


class Corpora:
    """The answers that all cells have, and the halves of them, for every corpus metric alike."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells

    @cached_property
    def aligned(self) -> Alignment:
        """Rows of answers that can be read in every cell."""
        return align_cells(self.cells, answer_rows)

    @cached_property
    def halves(self) -> HalfSamples:
        """Of the prompts of these rows."""
        return draw_half_samples(self.aligned.clusters, seed=SEED)

    @cached_property
    def answers(self) -> Mapping[str, Sequence[AlignedAnswers]]:
        """By condition, in the order of the seeds."""
        items = self.aligned.item_ids
        return {
            name: [cell.aligned(items) for cell in by_seed.values()]
            for name, by_seed in self.cells.items()
        }


@dataclass(frozen=True, eq=False)
class Spread:
    """A corpus metric of one condition: on all rows and on the half-samples, mean over seeds."""

    by_seed: FloatArray
    """(seeds,)"""
    on_halves: FloatArray
    """(replicates,), or none where there are too few prompts."""

    @property
    def full(self) -> float:
        """On all rows."""
        return float(self.by_seed.mean())


def spread_of(
    metric: CorpusMetric, by_seed: Sequence[AlignedAnswers], halves: HalfSamples
) -> Spread:
    clusters = halves.clusters
    if not clusters.n_rows:
        return Spread(np.full(len(by_seed), math.nan), np.empty(0))
    rows = [np.arange(clusters.n_rows, dtype=np.int64)]
    if has_enough_clusters(halves):
        rows += [clusters.rows_of(chosen) for chosen in halves.chosen]
    found = np.stack([metric.prepare([answers])(rows) for answers in by_seed])
    return Spread(found[:, 0], found[:, 1:].mean(axis=0))


class _SwapDifferences:
    """Candidate minus baseline after swaps, mean over seeds; each seed's pair is swapped alike."""

    def __init__(self, joined: Sequence[SubsetValues]) -> None:
        self._joined = joined

    def __call__(self, swaps: BoolArray) -> FloatArray:
        subsets = [side for sides in swapped_sides(swaps) for side in sides]
        found = [values(subsets) for values in self._joined]
        apart = [value[: len(swaps)] - value[len(swaps) :] for value in found]
        mean: FloatArray = np.mean(apart, axis=0)
        return mean


def _mean_estimate(of_seeds: Sequence[SwapEstimates]) -> SwapEstimates:
    """Mean over the seeds, as the differences are."""
    return lambda swaps: np.mean([one(swaps) for one in of_seeds], axis=0)


def corpus_test(
    metric: CorpusMetric,
    corpora: Corpora,
    spread: Mapping[str, Spread],
    sides: tuple[str, str],
    swaps: int,
) -> PairedResult:
    """Paired test of two conditions, candidate and baseline; spread: as `spread_of` found it."""
    halves = corpora.halves
    both = [spread[name] for name in sides]
    pair = pair_of_halves(
        np.array([side.full for side in both]), np.stack([side.on_halves for side in both]), halves
    )
    pairs = list(zip(*(corpora.answers[name] for name in sides), strict=True))
    differences = _SwapDifferences([metric.prepare(one) for one in pairs])
    estimate = metric.estimate and _mean_estimate([metric.estimate(*one) for one in pairs])
    return randomisation_test(differences, pair, halves, seed=SEED, swaps=swaps, estimate=estimate)
