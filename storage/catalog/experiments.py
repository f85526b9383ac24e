"""experiment.json, the truth about one revision of an experiment, and its rows in the catalog."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storage import durable
from storage.catalog.ingest import upsert
from storage.home import LabHome
from storage.rundir import RunId

EXPERIMENT_FILE = "experiment.json"


@dataclass(frozen=True)
class ExperimentStep:
    """Which run does a step of the experiment, and which cell of the comparison it belongs to."""

    label: str
    run_id: RunId
    condition: str | None
    seed: int | None
    axis: str | None


@dataclass(frozen=True)
class Experiment:
    """One revision: the file as it was, and the runs that it planned."""

    id: str
    name: str
    revision: int
    description: str
    file: str
    spec_sha256: str
    spec_text: str
    created_at: float
    steps: tuple[ExperimentStep, ...]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Experiment:
        """Read experiment.json."""
        steps = tuple(ExperimentStep(**step) for step in value["steps"])
        return cls(**{**value, "steps": steps})


def write_experiment(home: LabHome, experiment: Experiment) -> None:
    """Make or replace the experiment's directory entry."""
    directory = durable.make_directory(home.experiment(experiment.id))
    durable.write_json(directory / EXPERIMENT_FILE, asdict(experiment))


def read_experiment(directory: Path) -> Experiment:
    """Read it back; raises FileNotFoundError or RecordError."""
    return Experiment.from_json(durable.read_json(directory / EXPERIMENT_FILE))


def index_experiment(connection: sqlite3.Connection, experiment: Experiment) -> None:
    """Replace the rows of this revision; runs inside a write transaction of the caller."""
    row = {name: value for name, value in asdict(experiment).items() if name != "steps"}
    upsert(connection, "experiments", ("id",), row)
    connection.execute("DELETE FROM experiment_steps WHERE experiment_id = ?", (experiment.id,))
    for position, step in enumerate(experiment.steps):
        connection.execute(
            "INSERT INTO experiment_steps"
            " (experiment_id, label, position, run_id, condition, seed, axis)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                experiment.id,
                step.label,
                position,
                step.run_id,
                step.condition,
                step.seed,
                step.axis,
            ),
        )
