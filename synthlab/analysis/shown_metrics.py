"""Numbers that a comparison shows without a test, each with the reason why there is none."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from synthlab.analysis.comparison import ShownMetric
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.statistics.comparability import differing_fields
from synthlab.metrics import catalog

_BUDGETS = ("token_budget", "byte_budget")
_STORED_ONLY = "only its value is stored, not what each answer gave to it"
_CLUSTERED = "its clusters are made of all answers at once: every swap would need new ones"
_READ_IN_ORDER = (
    "it hangs on the order in which all answers are read: every swap would need new runs"
)
_WHY: Mapping[str, str] = {
    "mauve": _CLUSTERED,
    "frontier": _CLUSTERED,
    "knn": "its neighbourhoods are made of all answers at once: every swap would need new ones",
    "ppl1": "another mean of what ppl1-log is tested on",
    "ppl2": "another mean of what ppl2-log is tested on",
    "token-entropy": "a mean over tokens; their share in each answer is stored, not tested",
    "branching-factor": "the exponential of token-entropy",
    "length": "length-words-mean is tested for it",
    "self-bleu-within": "a mean over the sentences of a response, which are not stored one by one",
    "self-bleu-sentences": "its unit is the sentence, and sentences have no partner to be swapped with",
    "self-bleu": "self-bleu-4 is tested for it",
    "distinct": "distinct-2 is tested for it",
    "ngram-diversity": "distinct-2 is tested for it",
    "vendi": "vendi-1 is tested for it",
    "compression": _READ_IN_ORDER,
    "heaps": _READ_IN_ORDER,
    "vocabulary": _READ_IN_ORDER,
    "attack-success-rate": "1 - refusal-rate, which is tested",
    "refusal-rate-corrected": "a function of the refusal rate, which is tested",
    "strongreject": "made of the state and two ratings of each answer, which are tested",
    "danger-zone": "made of quality and harmfulness of each answer, which are tested",
    "broken-rate": "the states that are compared are tested by themselves",
    "hit-at-k": "a function of how many samples of a request comply",
    "detector-kappa": "it speaks of the detectors, not of the condition",
}
"""By the beginning of a metric's id, the longest that fits."""


class _Stored(NamedTuple):
    value: float
    scored: str


def shown_metrics(
    connection: sqlite3.Connection, cells: Sequence[MeasuredCell], tested: Collection[str]
) -> tuple[ShownMetric, ...]:
    """Every stored number of these cells that no test covers, in the order in which it was reported.

    The first cell's condition is the baseline that comparability is measured against.
    """
    stored = {cell.run_id: _results(connection, cell.run_id) for cell in cells}
    names = dict.fromkeys(name for one in stored.values() for name in one)
    return tuple(
        _shown(name, cells, {cell.name: stored[cell.run_id].get(name) for cell in cells})
        for name in names
        if name not in tested
    )


def why_untested(name: str) -> str:
    """Why a metric of this name has no test in a comparison."""
    fitting = [stem for stem in _WHY if name.startswith(stem)]
    return _WHY[max(fitting, key=len)] if fitting else _STORED_ONLY


def _results(connection: sqlite3.Connection, run_id: str) -> dict[str, _Stored]:
    rows = connection.execute(
        "SELECT name, value, n, n_total FROM results WHERE run_id = ? ORDER BY rowid", (run_id,)
    )
    return {
        row["name"]: _Stored(
            math.nan if row["value"] is None else row["value"], f"{row['n']} of {row['n_total']}"
        )
        for row in rows
    }


def _shown(
    name: str, cells: Sequence[MeasuredCell], stored: Mapping[str, _Stored | None]
) -> ShownMetric:
    by_seed: dict[str, dict[int, float]] = {}
    scored: dict[str, str] = {}
    for condition in dict.fromkeys(cell.condition for cell in cells):
        own = [cell for cell in cells if cell.condition == condition]
        found = {cell.seed: stored[cell.name] for cell in own}
        by_seed[condition] = {seed: one.value for seed, one in found.items() if one is not None}
        parts = dict.fromkeys(one.scored for one in found.values() if one is not None)
        scored[condition] = ", ".join(parts)
    title, direction, unit = _described(name)
    return ShownMetric(
        name,
        title,
        direction,
        unit,
        {condition: _mean(values.values()) for condition, values in by_seed.items()},
        by_seed,
        scored,
        why_untested(name),
        _unlike(name, cells),
    )


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return fmean(known) if known else math.nan


def _unlike(name: str, cells: Sequence[MeasuredCell]) -> tuple[str, ...]:
    keys = [cell.keys[name] for cell in cells if name in cell.keys]
    fields = [field.name for key in keys[1:] for field in differing_fields(keys[0], key)]
    if any(field.name in _BUDGETS for key in keys for field in key.fields):
        # So many answers filled the budget; that it was the same is what makes values alike.
        fields = [field for field in fields if field != "n"]
    return tuple(dict.fromkeys(fields))


def _described(name: str) -> tuple[str, str, str]:
    stem, sign, subject = name.partition("/" if "/" in name else ": ")
    try:
        metric = catalog.metric(stem)
    except KeyError:
        return name, "", ""
    return f"{metric.name}{sign}{subject}", metric.direction.value, metric.unit
