"""Conditions side by side: the same rows in all of them, intervals, paired tests, verdicts in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev

import numpy as np

from synthlab.analysis.axis_metrics import (
    AxisMetrics,
    CorpusMetric,
    ItemMetric,
    ItemScore,
    PairView,
    Row,
)
from synthlab.analysis.collapse_metrics import answer_rows, collapse_metrics
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.robustness_metrics import robustness_metrics
from synthlab.analysis.statistics.align import Alignment, Exclusion, RunScores, ScoredItem, align
from synthlab.analysis.statistics.clusters import BoolArray, Clusters, FloatArray, IntArray
from synthlab.analysis.statistics.comparability import ComparabilityKey, compare_if_alike
from synthlab.analysis.statistics.corpus import (
    DEFAULT_SWAPS,
    approximate_randomisation,
    half_sample_pair,
)
from synthlab.analysis.statistics.estimates import Estimate, PairedResult
from synthlab.analysis.statistics.intervals import (
    draw_half_samples,
    half_sample_interval,
    mean_interval,
    rate_interval,
)
from synthlab.analysis.statistics.multiplicity import HolmFamily, NamedP, holm
from synthlab.analysis.statistics.paired import paired_mean_difference, paired_rate_difference
from synthlab.analysis.statistics.verdict import Verdict, verdict
from synthlab.metrics import catalog

SEED = 0
"""Of half-samples, swaps and sign flips: the same comparison gives the same numbers."""


@dataclass(frozen=True)
class ConditionValue:
    """A condition's value of one metric: the mean over its training seeds."""

    condition: str
    estimate: Estimate
    """Over prompts, of the mean over seeds."""
    by_seed: Mapping[int, float]

    @property
    def seed_sd(self) -> float:
        """Standard deviation over seeds; NaN for one seed, or where a seed has no value."""
        values = list(self.by_seed.values())
        known = len(values) > 1 and all(map(math.isfinite, values))
        return stdev(values) if known else math.nan


@dataclass(frozen=True)
class Contrast:
    """One condition against the baseline on one metric."""

    condition: str
    result: PairedResult
    adjusted_p: float
    """After Holm over every test of the comparison."""
    verdict: Verdict


@dataclass(frozen=True)
class MetricComparison:
    """One metric over all conditions, on the rows that all of them have."""

    id: str
    name: str
    direction: str
    unit: str
    budget: int | None
    n_rows: int
    n_candidates: int
    exclusions: tuple[Exclusion, ...]
    values: Mapping[str, ConditionValue]
    contrasts: tuple[Contrast, ...] = field(default=())


@dataclass(frozen=True)
class Comparison:
    """A finished comparison."""

    axis: str
    conditions: tuple[str, ...]
    """The baseline first."""
    seeds: tuple[int, ...]
    """Seeds that every condition has; others are left out."""
    left_out_seeds: tuple[int, ...]
    metrics: tuple[MetricComparison, ...]
    family: HolmFamily

    @property
    def baseline(self) -> str:
        """What the differences are taken from."""
        return self.conditions[0]


Cells = Mapping[str, Mapping[int, MeasuredCell]]
Read = Callable[[Row], ItemScore | None]

AXES: Mapping[str, Callable[[Sequence[MeasuredCell]], AxisMetrics]] = {
    "collapse": collapse_metrics,
    "robustness": robustness_metrics,
}
"""What each axis offers for comparison."""


def compare(
    axis: str,
    cells: Sequence[MeasuredCell],
    conditions: Sequence[str],
    *,
    swaps: int = DEFAULT_SWAPS,
) -> Comparison:
    """Compare conditions on an axis, the first of them being the baseline.

    cells: finished cells of at least these conditions. Values are the mean over the seeds that all
    conditions share; intervals and tests are over prompts, so they speak of these checkpoints; the
    spread over seeds stands beside them. Raises ValueError if the conditions share no seed.
    """
    chosen: dict[str, dict[int, MeasuredCell]] = {name: {} for name in conditions}
    for cell in cells:
        if cell.condition in chosen:
            chosen[cell.condition][cell.seed] = cell
    shared = sorted(set.intersection(*(set(by_seed) for by_seed in chosen.values())))
    if not shared:
        raise ValueError("the conditions have no seed in common")
    every = sorted({seed for by_seed in chosen.values() for seed in by_seed})
    kept = {name: {seed: chosen[name][seed] for seed in shared} for name in conditions}
    offered = AXES[axis]([cell for by_seed in kept.values() for cell in by_seed.values()])
    compared = [
        *(_compare_items(metric, kept) for metric in offered.items),
        *(_compare_corpus(metric, kept, swaps) for metric in offered.corpus),
    ]
    family = _family(compared)
    return Comparison(
        axis,
        tuple(conditions),
        tuple(shared),
        tuple(seed for seed in every if seed not in shared),
        tuple(_judge(metric, family, is_one_seed=len(shared) == 1) for metric in compared),
        family,
    )


def _aligned(cells: Cells, read: Read) -> Alignment:
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


def _compare_items(metric: ItemMetric, cells: Cells) -> MetricComparison:
    aligned = _aligned(cells, metric.read)
    seeds = list(next(iter(cells.values())))
    table = aligned.scores.reshape(len(cells), len(seeds), -1)
    baseline = next(iter(cells))
    values, contrasts = {}, []
    for place, condition in enumerate(cells):
        by_seed = {seed: _mean(table[place, at]) for at, seed in enumerate(seeds)}
        estimate = _estimate(metric, table[place], aligned.clusters)
        values[condition] = ConditionValue(condition, estimate, by_seed)
        if place:
            ours_key, base_key = (
                _key(metric.id, cells[name], aligned, None) for name in (condition, baseline)
            )

            def test(ours: FloatArray = table[place]) -> PairedResult:
                return _paired(metric, ours, table[0], aligned.clusters)

            contrasts.append(_unjudged(condition, compare_if_alike(ours_key, base_key, test)))
    return _comparison(metric.id, metric.metric, None, aligned, values, contrasts)


def _estimate(metric: ItemMetric, scores: FloatArray, clusters: Clusters) -> Estimate:
    """scores: (seeds, rows). A mean is taken over seeds first; a rate keeps each seed's outcome."""
    if metric.kind == "rate":
        return rate_interval(scores.reshape(-1) > 0, _of_seeds(clusters, len(scores)))
    return mean_interval(scores.mean(axis=0), clusters)


def _paired(
    metric: ItemMetric, ours: FloatArray, theirs: FloatArray, clusters: Clusters
) -> PairedResult:
    if metric.kind == "rate":
        stacked = _of_seeds(clusters, len(ours))
        return paired_rate_difference(
            ours.reshape(-1) > 0, theirs.reshape(-1) > 0, stacked, seed=SEED
        )
    return paired_mean_difference(ours.mean(axis=0), theirs.mean(axis=0), clusters, seed=SEED)


def _of_seeds(clusters: Clusters, seeds: int) -> Clusters:
    """The rows of every seed behind one another; a prompt's rows stay one cluster."""
    return Clusters(np.tile(clusters.codes, seeds), clusters.count)


def _mean(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _compare_corpus(metric: CorpusMetric, cells: Cells, swaps: int) -> MetricComparison:
    aligned = _aligned(cells, answer_rows)
    halves = draw_half_samples(aligned.clusters, seed=SEED)
    answers = {
        name: [cell.aligned(aligned.item_ids) for cell in by_seed.values()]
        for name, by_seed in cells.items()
    }
    everything = np.arange(aligned.clusters.n_rows, dtype=np.int64)
    baseline = next(iter(cells))
    values, contrasts = {}, []
    for condition, ours in answers.items():
        views = [metric.view(a, b) for a, b in zip(ours, answers[baseline], strict=True)]
        by_seed = {
            seed: _or_nan(view.candidate, everything)
            for seed, view in zip(cells[condition], views, strict=True)
        }
        averaged = _Averaged(views)
        estimate = half_sample_interval(averaged.candidate, halves)
        values[condition] = ConditionValue(condition, estimate, by_seed)
        if condition != baseline:
            ours_key, base_key = (
                _key(metric.id, cells[name], aligned, metric.budget)
                for name in (condition, baseline)
            )

            def test(averaged: _Averaged = averaged) -> PairedResult:
                pair = half_sample_pair(averaged.candidate, averaged.baseline, halves)
                return approximate_randomisation(
                    averaged.difference, pair, halves, seed=SEED, swaps=swaps
                )

            result = compare_if_alike(ours_key, base_key, test, effect="log ratio")
            contrasts.append(_unjudged(condition, result))
    return _comparison(metric.id, metric.id, metric.budget, aligned, values, contrasts)


class _Averaged:
    """A corpus metric as the mean over seeds, each seed's candidate paired with its baseline."""

    def __init__(self, views: Sequence[PairView]) -> None:
        self._views = views

    def candidate(self, rows: IntArray) -> float:
        return fmean(_or_nan(view.candidate, rows) for view in self._views)

    def baseline(self, rows: IntArray) -> float:
        return fmean(_or_nan(view.baseline, rows) for view in self._views)

    def difference(self, swap: BoolArray) -> float:
        return fmean(view.difference(swap) for view in self._views)


def _or_nan(value: Callable[[IntArray], float], rows: IntArray) -> float:
    return value(rows) if len(rows) else math.nan


def _key(
    metric: str, by_seed: Mapping[int, MeasuredCell], aligned: Alignment, budget: int | None
) -> ComparabilityKey:
    """The stored key with what the comparison itself decides: the rows, and the token budget."""
    stored = [cell.keys[metric] for cell in by_seed.values() if metric in cell.keys]
    if not stored:
        return ComparabilityKey.of({"metric": metric, "metric_version": 0})
    fields = {one.name: one.value for one in stored[0].fields}
    fields["n"] = aligned.clusters.n_rows
    if budget is not None:
        fields["token_budget"] = budget
    return ComparabilityKey.of(fields)


def _unjudged(condition: str, result: PairedResult) -> Contrast:
    return Contrast(condition, result, math.nan, Verdict("undecided", ""))


def _comparison(
    name: str,
    metric: str,
    budget: int | None,
    aligned: Alignment,
    values: Mapping[str, ConditionValue],
    contrasts: Sequence[Contrast],
) -> MetricComparison:
    described = catalog.metric(metric)
    return MetricComparison(
        name,
        described.name,
        described.direction.value,
        described.unit,
        budget,
        len(aligned.item_ids),
        aligned.n_candidates,
        aligned.exclusions,
        values,
        tuple(contrasts),
    )


def _family(metrics: Sequence[MetricComparison]) -> HolmFamily:
    tests = [
        NamedP(f"{metric.id} {contrast.condition}", contrast.result.p)
        for metric in metrics
        for contrast in metric.contrasts
    ]
    return holm("all tests of this comparison", tests)


def _judge(metric: MetricComparison, family: HolmFamily, *, is_one_seed: bool) -> MetricComparison:
    judged = []
    for contrast in metric.contrasts:
        name = f"{metric.id} {contrast.condition}"
        said = verdict(contrast.result, family=family, name=name, is_one_seed=is_one_seed)
        judged.append(replace(contrast, adjusted_p=family.of(name).adjusted, verdict=said))
    return replace(metric, contrasts=tuple(judged))
