"""Conditions side by side: the same rows in all of them, intervals, paired tests, verdicts in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from synthlab.analysis.axis_metrics import AxisMetrics, CorpusMetric, ItemMetric
from synthlab.analysis.collapse_metrics import collapse_metrics
from synthlab.analysis.comparison import (
    Comparison,
    ConditionValue,
    Contrast,
    LeftOut,
    MetricComparison,
)
from synthlab.analysis.corpora import SEED, Cells, Corpora, align_cells, corpus_test, spread_of
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.robustness_metrics import robustness_metrics
from synthlab.analysis.statistics.align import Alignment
from synthlab.analysis.statistics.clusters import Clusters, FloatArray
from synthlab.analysis.statistics.comparability import ComparabilityKey, compare_if_alike
from synthlab.analysis.statistics.corpus import DEFAULT_SWAPS
from synthlab.analysis.statistics.estimates import (
    Estimate,
    PairedResult,
    undefined_estimate,
    undefined_result,
)
from synthlab.analysis.statistics.intervals import (
    half_sample_estimate,
    mean_interval,
    rate_interval,
)
from synthlab.analysis.statistics.multiplicity import HolmFamily, NamedP, holm
from synthlab.analysis.statistics.paired import paired_mean_difference, paired_rate_difference
from synthlab.analysis.statistics.seeds import SeedValue, compare_seeds
from synthlab.analysis.statistics.verdict import Verdict, verdict
from synthlab.metrics import catalog

EXAMPLES = 5
"""Item ids that stand for all rows that were left out for one reason."""

Progress = Callable[[int, int, str], None]
"""Called with how many metrics are done, of how many, and the one at work, also in between: then with
a colon and the conditions behind it."""

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
    progress: Progress | None = None,
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
    compared: list[MetricComparison] = []
    corpora = Corpora(kept)
    every_metric: list[ItemMetric | CorpusMetric] = [*offered.items, *offered.corpus]

    def tell(what: str) -> None:
        if progress:
            progress(len(compared), len(every_metric), what)

    for metric in every_metric:
        tell(metric.id)
        if isinstance(metric, ItemMetric):
            compared.append(_compare_items(metric, kept))
        else:
            compared.append(_compare_corpus(metric, corpora, swaps, tell))
    tell("")
    family = _family(compared)
    return Comparison(
        axis,
        tuple(conditions),
        tuple(shared),
        tuple(seed for seed in every if seed not in shared),
        tuple(_judge(metric, family, is_one_seed=len(shared) == 1) for metric in compared),
        family,
        experiments=tuple(
            dict.fromkeys(c.experiment for one in kept.values() for c in one.values())
        ),
        swaps=swaps,
    )


def _compare_items(metric: ItemMetric, cells: Cells) -> MetricComparison:
    aligned = align_cells(cells, metric.read)
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

            result = compare_if_alike(ours_key, base_key, test)
            contrasts.append(_unjudged(values[condition], values[baseline], result))
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


def _compare_corpus(
    metric: CorpusMetric, corpora: Corpora, swaps: int, tell: Callable[[str], None]
) -> MetricComparison:
    cells, aligned, halves = corpora.cells, corpora.aligned, corpora.halves
    baseline = next(iter(cells))
    spread = {}
    for name, answers in corpora.answers.items():
        tell(f"{metric.id}: {name}")
        spread[name] = spread_of(metric, answers, halves)
    values, contrasts = {}, []
    for condition, found in spread.items():
        by_seed = dict(zip(cells[condition], found.by_seed.tolist(), strict=True))
        estimate = half_sample_estimate(found.full, found.on_halves, halves)
        values[condition] = ConditionValue(condition, estimate, by_seed)
    for condition in list(cells)[1:]:
        ours_key, base_key = (
            _key(metric.id, cells[name], aligned, metric.budget) for name in (condition, baseline)
        )

        def test(condition: str = condition) -> PairedResult:
            return corpus_test(metric, corpora, spread, (condition, baseline), swaps)

        tell(f"{metric.id}: {condition} against {baseline}")
        result = compare_if_alike(ours_key, base_key, test, effect="log ratio")
        contrasts.append(_unjudged(values[condition], values[baseline], result))
    return _comparison(metric.id, metric.id, metric.budget, aligned, values, contrasts)


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


def _unjudged(ours: ConditionValue, theirs: ConditionValue, result: PairedResult) -> Contrast:
    return Contrast(
        ours.condition,
        result,
        math.nan,
        Verdict("undecided", ""),
        over_seeds=_over_seeds(ours, theirs, result),
    )


def _over_seeds(ours: ConditionValue, theirs: ConditionValue, result: PairedResult) -> PairedResult:
    """Seeds as the unit, paired: a seed fixes the order of the data besides the adapter."""
    if result.unlike:
        return undefined_result(
            result.reason, method="not compared", effect="d_z", unit="seeds", unlike=result.unlike
        )
    sides = [
        [
            SeedValue(seed, undefined_estimate("", method="of one seed", value=value))
            for seed, value in side.by_seed.items()
        ]
        for side in (ours, theirs)
    ]
    return compare_seeds(*sides, pairing="paired")


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
        tuple(_left_out(aligned)),
        values,
        tuple(contrasts),
    )


def _left_out(aligned: Alignment) -> Iterator[LeftOut]:
    counts = Counter(exclusion.reason for exclusion in aligned.exclusions)
    for reason, rows in counts.items():
        items = [one.item_id for one in aligned.exclusions if one.reason == reason]
        yield LeftOut(reason, rows, tuple(items[:EXAMPLES]))


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
