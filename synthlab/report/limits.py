"""What the numbers of an experiment do not say: every limit that its own data show to apply."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from synthlab.analysis.statistics.comparability import ComparabilityKey, differing_fields
from synthlab.report.contents import Contents

FEWEST_SEEDS = 3
"""Trainings of each condition below which nothing should be claimed of a way of training (§11)."""
_MANY_CUT = 0.05


def limits_of(contents: Contents) -> tuple[str, ...]:
    """One sentence for each limit, the most general first."""
    parts = (_seeds, _unfinished, _undecided, _unlike, _judges, _judge_family, _undefined, _cut,
             _left_out, _scored)  # fmt: skip
    return tuple(sentence for part in parts for sentence in part(contents))


def _seeds(contents: Contents) -> Iterator[str]:
    count = len(contents.seeds)
    if count == 1:
        yield (
            "One seed is one seed: nothing is known of how much another training of the same condition"
            " would differ. Every verdict is about these checkpoints."
        )
    elif count < FEWEST_SEEDS:
        yield (
            f"{count} seeds: too few for a claim about a way of training ({FEWEST_SEEDS} are the least)."
            " Intervals and tests are over prompts and speak of these checkpoints."
        )
    else:
        yield "Intervals and tests are over prompts and speak of these checkpoints; seeds stand beside them."
    for compared in contents.comparisons:
        if compared.left_out_seeds:
            seeds = ", ".join(map(str, compared.left_out_seeds))
            yield f"{compared.axis}: seeds that not every condition has are left out: {seeds}."


def _unfinished(contents: Contents) -> Iterator[str]:
    missing = [f"{s.label} ({s.row['state']})" for s in contents.steps if not s.is_finished]
    if missing:
        yield f"Not finished, so not in any number here: {', '.join(missing)}."
    for one in contents.not_compared:
        yield f"{one.axis} is not compared: {one.reason}."
    for note in dict.fromkeys(note for compared in contents.comparisons for note in compared.notes):
        yield f"{note[:1].upper()}{note[1:].rstrip('.')}."


def _undecided(contents: Contents) -> Iterator[str]:
    for compared in contents.comparisons:
        every = [contrast for metric in compared.metrics for contrast in metric.contrasts]
        tested = [one for one in every if math.isfinite(one.result.p)]
        undecided = [one for one in tested if one.verdict.outcome == "undecided"]
        if undecided:
            units = sorted({one.result.n_units for one in undecided})
            n = str(units[0]) if len(units) == 1 else f"{units[0]} to {units[-1]}"
            yield (
                f"{compared.axis}: {len(undecided)} of {len(every)} differences are undecided at"
                f" n = {n} prompts. Undecided is not equal: the tables say how large a difference"
                " could have been missed."
            )
        reasons = dict.fromkeys(one.result.reason for one in every if one not in tested)
        if reasons:
            count = len(every) - len(tested)
            yield f"{compared.axis}: {count} differences have no test: {'; '.join(reasons)}."
        if compared.family.size > 1:
            yield (
                f"{compared.axis}: p-values are corrected for {compared.family.size} tests (Holm), not"
                " for what else anybody looked at."
            )


def _unlike(contents: Contents) -> Iterator[str]:
    """Results of one metric whose comparability keys differ between cells."""
    fields: dict[str, dict[str, None]] = {}
    first: dict[str, ComparabilityKey] = {}
    for row in contents.results:
        if not {"metric", "metric_version"} <= json.loads(row["key"]).keys():
            continue
        key = ComparabilityKey.from_json(row["key"])
        reference = first.setdefault(row["name"], key)
        for one in differing_fields(reference, key):
            fields.setdefault(one.words, {})[row["name"]] = None
    for words, metrics in fields.items():
        yield (
            f"Measured unlike in {words}, so values of different cells must not be set against each"
            f" other as they stand (the comparisons use common rows): {', '.join(metrics)}."
        )


def _judges(contents: Contents) -> Iterator[str]:
    if contents.judges is None:
        return
    doubted: dict[str, list[str]] = {}
    for line in contents.judges.judges:
        if not line.is_believed:
            doubted.setdefault(line.doubts, []).append(f"{line.condition}.s{line.seed}")
    every = len(contents.judges.judges)
    for why, names in doubted.items():
        who = "every judge" if len(names) == every else ", ".join(names)
        yield f"Judge gates failed for {who}; biases are withheld: {why}."


def _judge_family(contents: Contents) -> Iterator[str]:
    told = (json.loads(row["detail"] or "{}").get("judge_warning", "") for row in contents.results)
    for warning in dict.fromkeys(told):
        if warning:
            yield f"Robustness: {warning}."
    masses = [
        mass["median"]
        for row in contents.results
        if (mass := json.loads(row["detail"] or "{}").get("label_mass")) and mass.get("median")
    ]
    if masses and min(masses) < 0.05:
        yield (
            f"The judge of the robustness axis puts little probability on the labels it was asked for"
            f" (median as low as {min(masses):.2g}): its states and grades are weak evidence."
        )


def _undefined(contents: Contents) -> Iterator[str]:
    reasons: dict[str, dict[str, None]] = {}
    for row in contents.results:
        if row["value"] is None:
            reasons.setdefault(row["reason"] or "no reason is recorded", {})[row["name"]] = None
    for reason, metrics in reasons.items():
        yield f"Undefined, {reason}: {', '.join(metrics)}."


def _cut(contents: Contents) -> Iterator[str]:
    steps = [
        (step.label, int(step.info.get("truncated") or 0), int(step.info.get("rows") or 0))
        for step in contents.of_kind("generate")
    ]
    cut, rows = sum(count for _, count, _ in steps), sum(count for *_, count in steps)
    if rows and cut / rows > _MANY_CUT:
        label, most, of = max(steps, key=lambda one: one[1] / max(1, one[2]))
        yield (
            f"{cut} of {rows} answers were cut at the largest number of new tokens (most of all {label},"
            f" {most} of {of}): lengths and what depends on them are bounded by it."
        )


def _left_out(contents: Contents) -> Iterator[str]:
    total = sum(o.rows for c in contents.comparisons for m in c.metrics for o in m.left_out)
    if total:
        yield "Rows that any condition has no score for leave the comparison in all: see the run card."


def _scored(contents: Contents) -> Iterator[str]:
    part = dict.fromkeys(
        row["name"]
        for row in contents.results
        if row["value"] is not None and row["n"] < row["n_total"]
    )
    if part:
        yield f"Computed on a part of the rows (a token budget, or rows without a score): {', '.join(part)}."
