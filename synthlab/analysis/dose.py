"""How a metric moves with an amount, such as the number of sources: one slope, seeds as replicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from synthlab.analysis.axis_metrics import CorpusMetric, ItemMetric
from synthlab.analysis.collapse_metrics import answer_rows
from synthlab.analysis.compare import AXES
from synthlab.analysis.corpora import align_cells
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.statistics.clusters import FloatArray
from synthlab.analysis.statistics.comparability import ComparabilityKey, differing_fields
from synthlab.analysis.statistics.estimates import Estimate
from synthlab.analysis.statistics.intervals import (
    draw_half_samples,
    half_sample_estimate,
    has_enough_clusters,
    mean_interval,
)
from synthlab.analysis.statistics.seeds import SeedSummary, SeedValue, summarise_seeds

SEED = 0
"""Of the half-samples: the same cells give the same interval."""


@dataclass(frozen=True)
class DoseValue:
    """A condition at its amount."""

    condition: str
    amount: float
    value: float
    """Mean over the shared seeds."""


@dataclass(frozen=True)
class DoseEffect:
    """The slope of one metric over the amounts of its conditions."""

    metric: str
    at: tuple[DoseValue, ...]
    by_seed: tuple[SeedValue, ...]
    """Slope of each seed with its interval over prompts."""
    slope: SeedSummary
    """Change of the metric per unit of the amount; `combined_interval` is for new trainings and new
    prompts, with these very conditions."""
    n_rows: int


def dose_effect(
    axis: str, metric: str, cells: Sequence[MeasuredCell], doses: Mapping[str, float]
) -> DoseEffect:
    """Least-squares slope of a metric over the amounts, one slope for each seed.

    cells: of at least the conditions in `doses`; each condition counts once, so that several controls
    of one amount share its weight with their number. A mean of rows has one slope per row, clustered
    by prompt; a corpus metric one per half-sample of prompts. Seeds are then the replicates.
    Raises ValueError if the conditions share no seed, are not comparable, or lack the metric.
    """
    chosen = {name: {c.seed: c for c in cells if c.condition == name} for name in doses}
    seeds = sorted(set.intersection(*(set(one) for one in chosen.values())))
    if not seeds:
        raise ValueError("the conditions have no seed in common")
    kept = {name: {seed: one[seed] for seed in seeds} for name, one in chosen.items()}
    _refuse_unlike(metric, kept)
    offered = AXES[axis]([cell for one in kept.values() for cell in one.values()])
    weights = slope_weights(list(doses.values()))
    if (item := next((m for m in offered.items if m.id == metric), None)) is not None:
        slopes, values, rows = _item_slopes(item, kept, weights)
    elif (corpus := next((m for m in offered.corpus if m.id == metric), None)) is not None:
        slopes, values, rows = _corpus_slopes(corpus, kept, weights)
    else:
        raise ValueError(f"{metric} is not tested on the axis {axis}")
    by_seed = tuple(SeedValue(seed, one) for seed, one in zip(seeds, slopes, strict=True))
    at = tuple(
        DoseValue(name, amount, fmean(values[place]))
        for place, (name, amount) in enumerate(doses.items())
    )
    return DoseEffect(metric, at, by_seed, summarise_seeds(by_seed), rows)


def slope_weights(amounts: Sequence[float]) -> FloatArray:
    """Weights whose sum with the values is the least-squares slope over the amounts.

    Raises ValueError if all amounts are equal.
    """
    centred = np.asarray(amounts, np.float64) - fmean(amounts)
    total = float(centred @ centred)
    if total == 0:
        raise ValueError("a slope needs at least two different amounts")
    weights: FloatArray = centred / total
    return weights


Kept = Mapping[str, Mapping[int, MeasuredCell]]


def _item_slopes(
    metric: ItemMetric, kept: Kept, weights: FloatArray
) -> tuple[list[Estimate], FloatArray, int]:
    aligned = align_cells(kept, metric.read)
    seeds = len(next(iter(kept.values())))
    table = aligned.scores.reshape(len(kept), seeds, -1)
    slopes = [mean_interval(weights @ table[:, at], aligned.clusters) for at in range(seeds)]
    return slopes, table.mean(axis=2), len(aligned.item_ids)


def _corpus_slopes(
    metric: CorpusMetric, kept: Kept, weights: FloatArray
) -> tuple[list[Estimate], FloatArray, int]:
    aligned = align_cells(kept, answer_rows)
    halves = draw_half_samples(aligned.clusters, seed=SEED)
    rows = [np.arange(aligned.clusters.n_rows, dtype=np.int64)]
    if has_enough_clusters(halves):
        rows += [aligned.clusters.rows_of(chosen) for chosen in halves.chosen]
    found = np.stack(
        [
            [metric.prepare([cell.aligned(aligned.item_ids)])(rows) for cell in one.values()]
            for one in kept.values()
        ]
    )
    slopes = np.tensordot(weights, found, axes=1)
    estimates = [half_sample_estimate(float(one[0]), one[1:], halves) for one in slopes]
    return estimates, found[:, :, 0], len(aligned.item_ids)


def _refuse_unlike(metric: str, kept: Kept) -> None:
    keys: list[tuple[str, ComparabilityKey]] = [
        (cell.name, cell.keys[metric])
        for one in kept.values()
        for cell in one.values()
        if metric in cell.keys
    ]
    for name, key in keys[1:]:
        # How many rows could be scored is decided anew by the alignment.
        unlike = [one for one in differing_fields(key, keys[0][1]) if one.name not in ALIGNED]
        if unlike:
            raise ValueError(f"{name} and {keys[0][0]} differ in {unlike[0].words}")


ALIGNED = ("n", "token_budget", "scored_rows")
"""Fields of a key that a comparison settles itself."""
