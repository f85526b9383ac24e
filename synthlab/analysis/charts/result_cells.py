"""From rows of the results table to the cells of a figure: one value a condition, seed and subject."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from synthlab.analysis.charts.descriptions import Axis, Bar, BarChart
from synthlab.analysis.statistics.comparability import ComparabilityKey, differing_fields

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ResultCell:
    """One reported value; after averaging, the mean of its seeds."""

    condition: str
    seed: int | None
    """None for a mean over seeds."""
    subject: str
    """What it was measured on, such as a prompt set; empty if there is only one thing."""
    value: float
    low: float
    high: float
    n: int
    """Scored rows; of the seed that has fewest, for a mean."""
    reason: str
    keys: tuple[ComparabilityKey, ...]
    details: tuple[Mapping[str, Any], ...]
    """What the result carries beside its value, by seed."""

    @property
    def judge(self) -> str:
        """`human`, or `human s0`."""
        return self.condition if self.seed is None else f"{self.condition} s{self.seed}"

    @property
    def name(self) -> str:
        """`human harmful s0`: the condition first, which decides the colour."""
        words = (self.condition, self.subject, "" if self.seed is None else f"s{self.seed}")
        return " ".join(word for word in words if word)


def cells_of(results: Sequence[Row], metrics: Iterable[str]) -> list[ResultCell]:
    """Every value of these metrics (without what a result's name adds), grouped by subject.

    Rows whose key does not say what they measure are left out.
    """
    wanted = set(metrics)
    found = []
    for row in results:
        fields = json.loads(row["key"])
        metric = fields.get("metric")
        if metric in wanted and "metric_version" in fields:
            found.append(_cell(row, row["name"].removeprefix(metric).lstrip("/: ")))
    return _by_subject(found)


def result_bars(name: str, results: Sequence[Row], *, each_seed: bool) -> BarChart:
    """Any result of any axis, with the interval that it carries."""
    cells = shown_cells(cells_named(results, name), each_seed=each_seed)
    unit = next((str(row["unit"]) for row in results if row["name"] == name and row["unit"]), "")
    has = any(math.isfinite(cell.low) for cell in cells)
    note = "├ ┤ 95 % interval, of these checkpoints" if has else "no interval is stored"
    return BarChart(name, Axis(unit or name), bars_of_cells(cells), (note, *cell_notes(cells)))


def cells_named(results: Sequence[Row], name: str) -> list[ResultCell]:
    """Every value of one result, by its whole name."""
    return [
        _cell(row, "")
        for row in results
        if row["name"] == name and {"metric", "metric_version"} <= json.loads(row["key"]).keys()
    ]


def average_seeds(cells: Sequence[ResultCell]) -> list[ResultCell]:
    """One cell for each condition and subject: the mean of its seeds, and of their limits.

    Values of one set of prompts are correlated across seeds, so half the width of the mean's
    interval is at most the mean of the halves: these limits err on the wide side. A seed without a
    value leaves the mean without one.
    """
    seeds: dict[tuple[str, str], list[ResultCell]] = {}
    for cell in cells:
        seeds.setdefault((cell.subject, cell.condition), []).append(cell)
    return [_mean(same) for same in seeds.values()]


def shown_cells(cells: Sequence[ResultCell], *, each_seed: bool) -> list[ResultCell]:
    """The cells as they are to be drawn: seeds one by one, or as their mean."""
    return list(cells) if each_seed else average_seeds(cells)


def bars_of_cells(cells: Sequence[ResultCell]) -> tuple[Bar, ...]:
    """A bar for each cell, marked where it was measured unlike the first of its subject."""
    marked = unlike_cells(cells)
    return tuple(
        Bar(cell.name, cell.value, cell.low, cell.high, cell.n, cell.reason, place in marked)
        for place, cell in enumerate(cells)
    )


def unlike_cells(cells: Sequence[ResultCell]) -> dict[int, tuple[str, ...]]:
    """By place, the fields in which a cell's measurement differs from the first of its subject."""
    first: dict[str, ComparabilityKey] = {}
    found: dict[int, tuple[str, ...]] = {}
    for place, cell in enumerate(cells):
        reference = first.setdefault(cell.subject, cell.keys[0])
        differing = (one.words for key in cell.keys for one in differing_fields(reference, key))
        words = tuple(dict.fromkeys(differing))
        if words:
            found[place] = words
    return found


def cell_notes(cells: Sequence[ResultCell]) -> tuple[str, ...]:
    """How far the cells may be compared, and whether seeds were averaged."""
    if not any(cell.seed is None for cell in cells):
        return unlike_notes(cells)
    averaged = "n of each seed; means over seeds, and of their limits (--seeds: one by one)"
    return (*unlike_notes(cells), averaged)


def unlike_notes(cells: Sequence[ResultCell]) -> tuple[str, ...]:
    """In what the marked cells were measured unlike the others: they must not be compared."""
    words = dict.fromkeys(word for fields in unlike_cells(cells).values() for word in fields)
    if not words:
        return ()
    return (f"≠ not comparable with the first of its kind: unlike {', '.join(words)}",)


def _cell(row: Row, subject: str) -> ResultCell:
    value, low, high = (
        math.nan if row[part] is None else float(row[part]) for part in ("value", "low", "high")
    )
    return ResultCell(
        row["condition"],
        row["seed"],
        subject,
        value,
        low,
        high,
        int(row["n"]),
        row["reason"] or "",
        (ComparabilityKey.from_json(row["key"]),),
        (json.loads(row["detail"] or "{}"),),
    )


def _by_subject(cells: Sequence[ResultCell]) -> list[ResultCell]:
    subjects = dict.fromkeys(cell.subject for cell in cells)
    return [cell for subject in subjects for cell in cells if cell.subject == subject]


def _mean(cells: Sequence[ResultCell]) -> ResultCell:
    if len(cells) == 1:
        return cells[0]
    # fmean of a NaN is a NaN, which is what a missing seed or limit has to give.
    value, low, high = (
        fmean(getattr(cell, part) for cell in cells) for part in ("value", "low", "high")
    )
    without = [cell for cell in cells if not math.isfinite(cell.value)]
    reason = f"s{without[0].seed}: {without[0].reason or 'undefined'}" if without else ""
    return ResultCell(
        cells[0].condition,
        None,
        cells[0].subject,
        value,
        low,
        high,
        min(cell.n for cell in cells),
        reason,
        tuple(key for cell in cells for key in cell.keys),
        tuple(detail for cell in cells for detail in cell.details),
    )
