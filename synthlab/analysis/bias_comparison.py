"""The self-preference axis side by side: every judge's health, its biases, and what differs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from synthlab.analysis.bias import BiasCell, compare_biases
from synthlab.analysis.bias_runs import JudgeRun, cells_by_seed, read_judge
from synthlab.analysis.comparison import (
    Comparison,
    ConditionValue,
    Contrast,
    JudgeLine,
    MetricComparison,
)
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.statistics.estimates import (
    Estimate,
    PairedResult,
    undefined_estimate,
    undefined_result,
)
from synthlab.analysis.statistics.multiplicity import NamedP, holm
from synthlab.analysis.statistics.verdict import Verdict, verdict
from synthlab.metrics import catalog

SEED = 0
HEADLINE = "bias-net"
"""The bias that contrasts are about."""
FAMILY = "bias of these judges"


@dataclass(frozen=True)
class BiasContrast:
    """The headline bias of one judge against the baseline's of the same seed."""

    condition: str
    seed: int
    result: PairedResult
    adjusted_p: float
    verdict: Verdict


@dataclass(frozen=True)
class BiasComparison:
    """A finished comparison of judges."""

    axis: str
    conditions: tuple[str, ...]
    judges: tuple[JudgeLine, ...]
    contrasts: tuple[BiasContrast, ...]

    @property
    def baseline(self) -> str:
        """What the differences are taken from."""
        return self.conditions[0]


def compare_judges(panel: Sequence[MeasuredCell], conditions: Sequence[str]) -> BiasComparison:
    """Compare the biases of some conditions, each judged against all judges of its seed.

    panel: every finished bias cell of one experiment, so that naming fewer conditions does not
    change any number. A judge that is not believed has no contrast with a p-value.
    """
    runs = [JudgeRun(cell.condition, cell.seed, read_judge(cell.directory)) for cell in panel]
    cells = cells_by_seed(runs)
    shown = [(name, seed) for name in conditions for (one, seed) in cells if one == name]
    lines = [_line(name, seed, cells[name, seed]) for name, seed in shown]
    contrasts = [
        (name, seed, _contrast(cells[name, seed], cells[conditions[0], seed]))
        for name, seed in shown
        if name != conditions[0] and (conditions[0], seed) in cells
    ]
    names = {f"{name}.s{seed}": result.p for name, seed, result in contrasts}
    family = holm(FAMILY, [NamedP(name, p) for name, p in names.items()])
    judged = []
    for name, seed, result in contrasts:
        test = f"{name}.s{seed}"
        said = verdict(result, family=family, name=test, is_one_seed=True)
        judged.append(BiasContrast(name, seed, result, family.of(test).adjusted, said))
    return BiasComparison("bias", tuple(conditions), tuple(lines), tuple(judged))


def _line(condition: str, seed: int, cell: BiasCell) -> JudgeLine:
    return JudgeLine(
        condition,
        seed,
        cell.card.is_believed,
        cell.card.reason,
        {one.metric: one.estimate for one in cell.card.figures},
        {one.metric: one.estimate for one in cell.figures},
    )


def _contrast(candidate: BiasCell, baseline: BiasCell) -> PairedResult:
    for cell in (candidate, baseline):
        if not cell.card.is_believed:
            return undefined_result("not believed", method="not compared", effect="d_z")
        if math.isnan(cell.net.bias.value):
            return undefined_result(cell.net.bias.reason, method="not compared", effect="d_z")
    return compare_biases(candidate, baseline, seed=SEED)


def comparison_of_judges(found: BiasComparison, experiments: Sequence[str]) -> Comparison:
    """The judges as a comparison like that of any axis: metric rows, contrasts, one family of tests.

    A condition's value is the mean over its judges, one of each seed; with several there is no
    common interval, because each was judged by a panel of its own.
    """
    names = list(dict.fromkeys(name for one in found.judges for name in (*one.health, *one.biases)))
    contrasts = tuple(
        Contrast(one.condition, one.result, one.adjusted_p, one.verdict, None, one.seed)
        for one in found.contrasts
    )
    metrics = tuple(
        _metric_of_judges(name, found, contrasts if name == HEADLINE else ()) for name in names
    )
    family = holm(FAMILY, [NamedP(f"{HEADLINE} {one.name}", one.result.p) for one in contrasts])
    seeds = tuple(sorted({one.seed for one in found.judges}))
    return Comparison(
        found.axis,
        found.conditions,
        seeds,
        (),
        metrics,
        family,
        experiments=tuple(experiments),
        judges=found.judges,
    )


def _metric_of_judges(
    name: str, found: BiasComparison, contrasts: tuple[Contrast, ...]
) -> MetricComparison:
    described = catalog.metric(name)
    values = {}
    for condition in found.conditions:
        of_seed = {
            one.seed: {**one.health, **one.biases}[name]
            for one in found.judges
            if one.condition == condition and name in {**one.health, **one.biases}
        }
        estimate = _mean_of_judges(list(of_seed.values()))
        numbers = {seed: one.value for seed, one in of_seed.items()}
        values[condition] = ConditionValue(condition, estimate, numbers)
    rows = min((value.estimate.n for value in values.values()), default=0)
    return MetricComparison(
        name,
        described.name,
        described.direction.value,
        described.unit,
        None,
        rows,
        max((value.estimate.n for value in values.values()), default=0),
        (),
        values,
        contrasts,
    )


def _mean_of_judges(estimates: Sequence[Estimate]) -> Estimate:
    if len(estimates) == 1:
        return estimates[0]
    values = [one.value for one in estimates]
    reasons = dict.fromkeys(one.reason for one in estimates if math.isnan(one.value))
    reason = "; ".join(reasons) or "the judges of several seeds have an interval each"
    return undefined_estimate(
        reason,
        method="mean over judges",
        n=sum(one.n for one in estimates),
        n_clusters=min((one.n_clusters for one in estimates), default=0),
        value=fmean(values) if values else math.nan,
    )
