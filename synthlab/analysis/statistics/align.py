"""The same rows in every condition, with a reason for each row that is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthlab.analysis.statistics.clusters import Clusters, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """One row of one run: an answer (or pair, or document) and its score."""

    item_id: str
    """Stable over runs: the same prompt and sample index have the same id in every condition."""
    prompt_id: str
    score: float
    reason: str = ""
    """Why the score is NaN."""


@dataclass(frozen=True, slots=True)
class RunScores:
    """The rows of one run under the name by which exclusions mention it."""

    name: str
    items: tuple[ScoredItem, ...]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A row that no condition uses, and why."""

    item_id: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Rows that every run has scored, in one order, and the account of the others."""

    item_ids: tuple[str, ...]
    """(n,) ascending, so that the order of the runs does not matter."""
    clusters: Clusters
    """Of the n rows, by prompt."""
    scores: FloatArray
    """(runs, n)."""
    rows: IntArray
    """(runs, n) position of each aligned row in its run's own items, for texts and embeddings."""
    exclusions: tuple[Exclusion, ...]

    @property
    def n_candidates(self) -> int:
        """N of "scored M of N": rows that at least one run has."""
        return len(self.item_ids) + len(self.exclusions)


def align(runs: Sequence[RunScores]) -> Alignment:
    """Keep the rows that all runs have scored; exclude the others from every run, with a reason.

    A row is excluded if a run lacks it, left it unscored (its own reason is quoted), or has it
    under another prompt. No common row gives an empty alignment, on which every statistic is
    undefined with a reason. Raises ValueError without runs or for an id twice in one run.
    """
    if not runs:
        raise ValueError("nothing to align: no runs given")
    places = [_places(run) for run in runs]
    usable = _usable(runs, places)
    kept = sorted(usable)
    exclusions = [
        Exclusion(item_id, _exclusion_reason(item_id, runs, places))
        for item_id in sorted(set().union(*places) - usable)
    ]
    rows = np.array([[place[one] for one in kept] for place in places], dtype=np.int64)
    rows = rows.reshape(len(runs), len(kept))
    scores = np.empty(rows.shape)
    for of_run, run, line in zip(scores, runs, rows, strict=True):
        of_run[:] = np.array([item.score for item in run.items], dtype=np.float64)[line]
    prompts = [runs[0].items[row].prompt_id for row in rows[0]]
    return Alignment(tuple(kept), Clusters.of(prompts), scores, rows, tuple(exclusions))


def _usable(runs: Sequence[RunScores], places: Sequence[dict[str, int]]) -> set[str]:
    """Ids that every run has scored under one prompt: a few passes, since almost all are."""
    usable = set(places[0]).intersection(*places[1:])
    prompts = {item.item_id: item.prompt_id for item in runs[0].items}
    for run in runs:
        usable -= {
            item.item_id
            for item in run.items
            if not math.isfinite(item.score)
            or prompts.get(item.item_id, item.prompt_id) != item.prompt_id
        }
    return usable


def _places(run: RunScores) -> dict[str, int]:
    places: dict[str, int] = {}
    for row, item in enumerate(run.items):
        if item.item_id in places:
            raise ValueError(f"the item {item.item_id!r} occurs twice in {run.name!r}")
        places[item.item_id] = row
    return places


def _exclusion_reason(
    item_id: str, runs: Sequence[RunScores], places: Sequence[dict[str, int]]
) -> str:
    prompts: set[str] = set()
    for run, place in zip(runs, places, strict=True):
        if item_id not in place:
            return f"missing in {run.name}"
        item = run.items[place[item_id]]
        if not math.isfinite(item.score):
            return f"unscored in {run.name}: {item.reason or 'no reason recorded'}"
        prompts.add(item.prompt_id)
    return "" if len(prompts) == 1 else "belongs to different prompts in different runs"
