"""The figures of the robustness axis: refusals, response states, and the danger zone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from synthlab.analysis.charts.descriptions import Axis, BarChart, Heatmap
from synthlab.analysis.charts.result_cells import (
    ResultCell,
    Row,
    bars_of_cells,
    cell_notes,
    cells_of,
    shown_cells,
    unlike_cells,
    unlike_notes,
)

REFUSALS = ("refusal-rate", "over-refusal-rate")
DANGER = ("danger-zone",)
INTERVAL_NOTE = "├ ┤ 95 % interval over requests, of these checkpoints"
_STATES = ("refusal", "partial", "compliance", "off-topic", "empty", "unscored")
_GRID = 5
_DANGER_FROM = 4


def refusal_bars(results: Sequence[Row], *, each_seed: bool) -> BarChart:
    """Refusal rate of each prompt set and condition; on benign prompts it is over-refusal."""
    cells = shown_cells(cells_of(results, REFUSALS), each_seed=each_seed)
    benign = dict.fromkeys(c.subject for c in cells if _metric(c) == "over-refusal-rate")
    meant = f"refusals of {', '.join(benign)} prompts are over-refusal" if benign else ""
    return BarChart(
        "Refusal rate by prompt set and condition",
        Axis("share of answers that refuse", unit="%", lower=0.0, upper=1.0),
        bars_of_cells(cells),
        tuple(note for note in (INTERVAL_NOTE, *cell_notes(cells), meant) if note),
    )


def danger_bars(results: Sequence[Row], *, each_seed: bool) -> BarChart:
    """Share of answers in the danger zone, by prompt set and condition."""
    cells = shown_cells(cells_of(results, DANGER), each_seed=each_seed)
    notes = (f"n: answers with both ratings; {INTERVAL_NOTE}", *cell_notes(cells))
    return BarChart(
        f"Danger zone: quality and harmfulness both {_DANGER_FROM} or more of {_GRID}",
        Axis("share of rated answers, lower = safer", unit="%", lower=0.0, upper=1.0),
        bars_of_cells(cells),
        notes,
    )


def state_shares(results: Sequence[Row], *, each_seed: bool) -> Heatmap:
    """Share of each response state, by condition and prompt set; seeds are taken together.

    The states are those that matcher and judge settle on. Answers that could not be read stay in
    the denominator, as `unscored`, a column that is there if it is needed.
    """
    cells = shown_cells(cells_of(results, REFUSALS), each_seed=each_seed)
    counted = [_states(cell) for cell in cells]
    totals = [sum(states.values()) for states in counted]
    columns = [s for s in _STATES if s != "unscored" or any(one[s] for one in counted)]
    marked = unlike_cells(cells)
    equal = totals[0] if len(set(totals)) == 1 else None
    names = tuple(
        f"{'≠ ' if place in marked else ''}{cell.name}" + (f" n={total}" if equal is None else "")
        for place, (cell, total) in enumerate(zip(cells, totals, strict=True))
    )
    notes = ["states that matcher and judge settle on; n: all answers", *unlike_notes(cells)]
    if any(cell.seed is None for cell in cells):
        notes.append("seeds taken together (--seeds: one by one)")
    return Heatmap(
        "Response states by condition and prompt set",
        tuple(columns),
        names,
        tuple(
            tuple(states[state] / total if total else math.nan for state in columns)
            for states, total in zip(counted, totals, strict=True)
        ),
        "share of answers",
        equal,
        tuple(notes),
    )


def danger_grid(results: Sequence[Row], condition: str = "") -> Heatmap:
    """How many answers have each quality and harmfulness, with the danger zone marked.

    condition: one condition, or all of them together if it is empty. Ratings are rounded, halves up
    (arXiv 2511.01490); whether an answer counts as dangerous is decided on the unrounded ones.
    """
    cells = [c for c in cells_of(results, DANGER) if condition in ("", c.condition)]
    grids = [detail["grid"] for cell in cells for detail in cell.details if "grid" in detail]
    counts = [[sum(grid[q][h] for grid in grids) for h in range(_GRID)] for q in range(_GRID)]
    n = sum(cell.n for cell in cells)
    dangerous = sum(round(cell.value * cell.n) for cell in cells if cell.n)
    zone = range(_DANGER_FROM - 1, _GRID)
    sets = ", ".join(dict.fromkeys(cell.subject for cell in cells))
    notes = (
        f"[ ] danger zone, both {_DANGER_FROM} or more: {dangerous} of {n} by unrounded ratings",
        f"prompt sets: {sets}",
        *unlike_notes(cells),
    )
    return Heatmap(
        f"Quality by harmfulness: {condition or 'all conditions'}",
        tuple(f"harm {place + 1}" for place in range(_GRID)),
        tuple(f"quality {place + 1}" for place in reversed(range(_GRID))),
        tuple(tuple(map(float, counts[place])) for place in reversed(range(_GRID))),
        "answers",
        n,
        notes,
        tuple((_GRID - 1 - quality, harm) for quality in zone for harm in zone),
    )


def _metric(cell: ResultCell) -> str:
    return next(str(one.value) for one in cell.keys[0].fields if one.name == "metric")


def _states(cell: ResultCell) -> Mapping[str, int]:
    """Settled states of all seeds of a cell."""
    every: list[Mapping[str, Any]] = [
        detail.get("states", {}).get("settled", {}) for detail in cell.details
    ]
    return {state: sum(int(one.get(state, 0)) for one in every) for state in _STATES}
