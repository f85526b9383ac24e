"""What one measured cell left on disk: its items and, where a metric needs them, their texts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from storage import durable
from storage.home import LabHome
from storage.rundir import RunDir, RunId
from synthlab.analysis.statistics.comparability import ComparabilityKey

Key = Mapping[str, Any]


@dataclass(frozen=True)
class MeasuredCell:
    """One condition and seed on one axis."""

    experiment: str
    condition: str
    seed: int
    axis: str
    run_id: RunId
    digest: str
    directory: RunDir
    answers: RunDir
    keys: Mapping[str, ComparabilityKey]
    """Comparability key of each result, by metric."""

    @property
    def name(self) -> str:
        """`condition.s0`, as in step labels."""
        return f"{self.condition}.s{self.seed}"

    @cached_property
    def items(self) -> Sequence[Mapping[str, Any]]:
        """Rows of items.jsonl, in canonical order."""
        return durable.read_records(self.directory.out / "items.jsonl")

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """Answer text by response id."""
        records = durable.read_records(self.answers.out / "responses.jsonl")
        return {record["id"]: record["text"] for record in records}


def read_cells(
    connection: sqlite3.Connection, home: LabHome, experiment_id: str, axis: str
) -> list[MeasuredCell]:
    """Every finished cell of an experiment on an axis, in plan order."""
    rows = connection.execute(
        "SELECT s.condition, s.seed, s.axis, r.id, r.digest, i.input_run_id AS answers"
        " FROM experiment_steps s JOIN runs r ON r.id = s.run_id"
        " LEFT JOIN run_inputs i ON i.run_id = r.id AND i.role = 'answers'"
        " WHERE s.experiment_id = ? AND s.axis = ? AND r.state = 'succeeded' ORDER BY s.position",
        (experiment_id, axis),
    ).fetchall()
    return [
        MeasuredCell(
            experiment_id,
            row["condition"],
            row["seed"],
            row["axis"],
            RunId(row["id"]),
            row["digest"],
            RunDir(home.run(row["id"])),
            RunDir(home.run(row["answers"] or row["id"])),
            _keys(connection, row["id"]),
        )
        for row in rows
    ]


def _keys(connection: sqlite3.Connection, run_id: str) -> dict[str, ComparabilityKey]:
    rows = connection.execute("SELECT name, key FROM results WHERE run_id = ?", (run_id,))
    return {
        row["name"]: ComparabilityKey.from_json(row["key"])
        for row in rows
        if {"metric", "metric_version"} <= json.loads(row["key"]).keys()
    }
