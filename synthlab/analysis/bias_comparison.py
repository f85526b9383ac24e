"""The self-preference axis side by side: every judge's health, its biases, and what differs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthlab.analysis.bias import BiasCell, compare_biases
from synthlab.analysis.bias_runs import JudgeRun, cells_by_seed, read_judge
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.statistics.estimates import Estimate, PairedResult, undefined_result
from synthlab.analysis.statistics.multiplicity import NamedP, holm
from synthlab.analysis.statistics.verdict import Verdict, verdict

SEED = 0


@dataclass(frozen=True)
class JudgeLine:
    """One judge: a condition with one training seed."""

    condition: str
    seed: int
    is_believed: bool
    doubts: str
    """Why its biases are withheld; empty if they are not."""
    health: Mapping[str, Estimate]
    biases: Mapping[str, Estimate]


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
    family = holm("bias of these judges", [NamedP(name, p) for name, p in names.items()])
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
