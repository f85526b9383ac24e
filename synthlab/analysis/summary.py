"""The numbers of an experiment as one table: a line for each metric, a cell for each condition."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any


@dataclass(frozen=True)
class SeedValue:
    """One result: what one training (or, for vanilla, sampling) seed gave."""

    seed: int
    value: float | None
    low: float | None
    high: float | None
    n: int
    n_total: int
    reason: str
    run_id: str
    key: Mapping[str, Any]


@dataclass(frozen=True)
class CellSummary:
    """All seeds of one condition on one metric."""

    condition: str
    seeds: tuple[SeedValue, ...]

    @property
    def mean(self) -> float | None:
        """Mean over the seeds that have a value; None if none has."""
        values = [s.value for s in self.seeds if s.value is not None]
        return fmean(values) if values else None

    def of_seed(self, seed: int) -> SeedValue | None:
        """The result of one seed, or None if it was not measured."""
        return next((value for value in self.seeds if value.seed == seed), None)

    @property
    def reasons(self) -> str:
        """Why seeds have no value, each reason once."""
        return "; ".join(dict.fromkeys(s.reason for s in self.seeds if s.reason))

    @property
    def scored(self) -> str:
        """`40 of 40`, by seed where the seeds differ."""
        parts = dict.fromkeys(f"{s.n} of {s.n_total}" for s in self.seeds)
        return ", ".join(parts)


@dataclass(frozen=True)
class MetricLine:
    """One metric over all conditions."""

    axis: str
    name: str
    unit: str
    cells: Mapping[str, CellSummary]


@dataclass(frozen=True)
class ResultTable:
    """Everything measured in an experiment, conditions and metrics in plan order."""

    conditions: tuple[str, ...]
    lines: tuple[MetricLine, ...]


def summarise(rows: Sequence[Mapping[str, Any]]) -> ResultTable:
    """Group result rows of the catalog (condition, seed, axis, name, value, …) into a table."""
    conditions = tuple(dict.fromkeys(row["condition"] for row in rows))
    metrics = dict.fromkeys((row["axis"], row["name"], row["unit"]) for row in rows)
    lines = []
    for axis, name, unit in metrics:
        cells = {
            condition: CellSummary(
                condition,
                tuple(
                    _seed_value(row)
                    for row in sorted(rows, key=lambda row: row["seed"])
                    if (row["axis"], row["name"], row["condition"]) == (axis, name, condition)
                ),
            )
            for condition in conditions
        }
        lines.append(MetricLine(axis, name, unit, cells))
    return ResultTable(conditions, tuple(lines))


def _seed_value(row: Mapping[str, Any]) -> SeedValue:
    return SeedValue(
        row["seed"],
        row["value"],
        row["low"],
        row["high"],
        row["n"],
        row["n_total"],
        row["reason"],
        row["run_id"],
        json.loads(row["key"]),
    )
