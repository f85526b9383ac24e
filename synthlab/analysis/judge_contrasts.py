"""Two judges on one of their own numbers, paired on the articles that both have judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthlab.analysis.bias_runs import read_judge
from synthlab.analysis.judge_values import judge_values
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.statistics.clusters import Clusters
from synthlab.analysis.statistics.estimates import PairedResult, undefined_result
from synthlab.analysis.statistics.paired import paired_mean_difference

SEED = 0
"""Of the sign flips: the same judges give the same numbers."""


class SeedContrast(NamedTuple):
    """The difference between two judges of one seed."""

    seed: int
    result: PairedResult


def compare_judge_values(
    cells: Sequence[MeasuredCell], metric: str, candidate: str, baseline: str
) -> list[SeedContrast]:
    """Candidate minus baseline for each seed that has both judges.

    metric: one of `judge_values.COMPARED`; none of them is net of the quality of the texts.
    """
    by_seed = {(cell.condition, cell.seed): cell for cell in cells}
    shared = sorted(
        seed for name, seed in by_seed if name == candidate and (baseline, seed) in by_seed
    )
    found = []
    for seed in shared:
        ours, theirs = (
            judge_values(read_judge(by_seed[name, seed].directory), metric)
            for name in (candidate, baseline)
        )
        if reason := ours.reason or theirs.reason:
            none = undefined_result(reason, method="not compared", effect="d_z")
            found.append(SeedContrast(seed, none))
            continue
        both, a, b = np.intersect1d(ours.articles, theirs.articles, return_indices=True)
        result = paired_mean_difference(
            ours.contributions[a],
            theirs.contributions[b],
            Clusters.of(both.tolist()),
            seed=SEED,
        )
        found.append(SeedContrast(seed, result))
    return found
