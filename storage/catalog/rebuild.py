"""Make the whole catalog again from the run and experiment directories: it is only their index."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from storage.catalog.connection import open_catalog, write_transaction
from storage.catalog.experiments import EXPERIMENT_FILE, index_experiment, read_experiment
from storage.catalog.ingest import index_run, ingest_events
from storage.errors import CatalogError, StorageError
from storage.home import LabHome
from storage.rundir import RunDir

RUN_TABLES = (
    "results",
    "checkpoints",
    "mixture_parts",
    "mixtures",
    "sources",
    "prompt_sets",
    "run_notes",
    "run_outputs",
    "run_inputs",
)
"""Tables whose rows belong to one run, by `run_id`."""

DERIVED_TABLES = (
    *RUN_TABLES,
    "metrics",
    "metric_names",
    "experiment_steps",
    "experiments",
    "runs",
)
"""Every table but `requests`, children before their parents."""


@dataclass
class Rebuilt:
    """What was found on disk; `problems` names each directory that could not be read, and why."""

    runs: int = 0
    experiments: int = 0
    problems: list[str] = field(default_factory=list)


def rebuild_catalog(home: LabHome, now: float) -> Rebuilt:
    """Replace every derived row in one transaction. Only the holder of the supervisor's lock calls it.

    A catalog that SQLite cannot read at all is moved aside first, never deleted.
    """
    try:
        connection = open_catalog(home)
        connection.execute("SELECT count(*) FROM runs").fetchone()
    except (CatalogError, sqlite3.DatabaseError):
        _move_aside(home, now)
        connection = open_catalog(home)
    rebuilt = Rebuilt()
    with write_transaction(connection):
        for table in DERIVED_TABLES:
            connection.execute(f"DELETE FROM {table}")
        for path in sorted(home.runs.iterdir()):
            if (path / "spec.json").exists():
                _take_run(connection, RunDir(path), rebuilt)
        for path in sorted(home.experiments.iterdir()):
            if (path / EXPERIMENT_FILE).exists():
                _take_experiment(connection, path, rebuilt)
    connection.close()
    return rebuilt


def _take_experiment(connection: sqlite3.Connection, path: Path, rebuilt: Rebuilt) -> None:
    connection.execute("SAVEPOINT one_experiment")
    try:
        index_experiment(connection, read_experiment(path))
        rebuilt.experiments += 1
    except (StorageError, KeyError, TypeError, ValueError, OSError, sqlite3.Error) as error:
        connection.execute("ROLLBACK TO one_experiment")
        rebuilt.problems.append(f"{path.name}: {error}")
    connection.execute("RELEASE one_experiment")


def _take_run(connection: sqlite3.Connection, directory: RunDir, rebuilt: Rebuilt) -> None:
    connection.execute("SAVEPOINT one_run")
    try:
        index_run(connection, directory)
        ingest_events(connection, directory)
        rebuilt.runs += 1
    except (StorageError, KeyError, TypeError, ValueError, OSError) as error:
        connection.execute("ROLLBACK TO one_run")
        rebuilt.problems.append(f"{directory.root}: {type(error).__name__}: {error}")
    connection.execute("RELEASE one_run")


def _move_aside(home: LabHome, now: float) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path = home.catalog.with_name(home.catalog.name + suffix)
        if path.exists():
            path.rename(path.with_name(f"damaged-{int(now)}-{path.name}"))
