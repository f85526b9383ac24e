"""The catalog's tables: a documented schema that any SQLite client may read.

`python -P -m storage.catalog.schema HOME` brings a home's catalog up to date.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

from storage.catalog.connection import SCHEMA_VERSION, connect, write_transaction
from storage.home import LabHome


def create_tables(database: Database) -> None:
    """Schema 1: everything but `requests` can be made again from the run directories."""
    database.table("experiments").create(
        {
            "id": str,
            "name": str,
            "revision": int,
            "description": str,
            "file": str,
            "spec_sha256": str,
            "spec_text": str,
            "created_at": float,
        },
        pk="id",
        not_null={"name", "revision", "spec_sha256", "spec_text", "created_at"},
    )
    database.table("experiments").create_index(["name", "revision"], unique=True)
    _create_runs(database)
    database.table("experiment_steps").create(
        {
            "experiment_id": str,
            "label": str,
            "position": int,
            "run_id": str,
            "condition": str,
            "seed": int,
            "axis": str,
        },
        pk=("experiment_id", "label"),
        foreign_keys=[("experiment_id", "experiments", "id")],
    )
    database.table("experiment_steps").create_index(["run_id"])
    _create_outputs(database)
    _create_measurements(database)
    database.table("requests").create(
        {
            "id": int,
            "kind": str,
            "arguments": str,
            "asked_by": str,
            "created_at": float,
            "handled_at": float,
            "outcome": str,
        },
        pk="id",
        not_null={"kind", "arguments", "created_at"},
    )


def _create_runs(database: Database) -> None:
    database.table("runs").create(
        {
            "id": str,
            "num": int,  # the id as a number, for the metrics table
            "kind": str,
            "label": str,
            "key": str,
            "state": str,
            "reason": str,
            "message": str,
            "hint": str,
            "evidence": str,
            "priority": int,
            "needs_model": int,
            "attempt": int,
            "params": str,
            "created_at": float,
            "started_at": float,
            "ended_at": float,
            "process": str,  # proc.json: identities, host, GPU UUIDs
            "digest": str,
            "info": str,
            "progress_done": float,
            "progress_total": float,
            "progress_unit": str,
            "progress_rate": float,
            "progress_eta_s": float,
            "heard_at": float,  # time of the last event
            "events_offset": int,
            "events_bad": int,
        },
        pk="id",
        not_null={"num", "kind", "label", "key", "state", "created_at", "events_offset"},
        defaults={"events_offset": 0, "events_bad": 0, "attempt": 0, "reason": "", "priority": 0},
    )
    database.table("runs").create_index(["num"], unique=True)
    database.table("runs").create_index(["key"])
    database.table("runs").create_index(["state", "priority", "created_at"])
    database.table("runs").create_index(["created_at"])
    database.table("run_inputs").create(
        {"run_id": str, "role": str, "input_run_id": str, "digest": str},
        pk=("run_id", "role"),
        foreign_keys=[("run_id", "runs", "id")],
    )
    database.table("run_inputs").create_index(["input_run_id"])
    database.table("run_outputs").create(
        {"run_id": str, "path": str, "size": int, "sha256": str},
        pk=("run_id", "path"),
        foreign_keys=[("run_id", "runs", "id")],
    )
    database.table("run_notes").create(
        {"run_id": str, "position": int, "time": float, "text": str},
        pk=("run_id", "position"),
        foreign_keys=[("run_id", "runs", "id")],
    )


def _create_outputs(database: Database) -> None:
    of_run: list[tuple[str, str, str]] = [("run_id", "runs", "id")]
    database.table("prompt_sets").create(
        {"run_id": str, "name": str, "rows": int, "origin": str, "licence": str},
        pk=("run_id", "name"),
        foreign_keys=of_run,
    )
    database.table("sources").create(
        {
            "run_id": str,
            "generator": str,
            "kind": str,
            "prompts": str,
            "rows": int,
            "tokens": int,
            "info": str,
        },
        pk=("run_id", "generator", "prompts"),
        foreign_keys=of_run,
    )
    database.table("mixtures").create(
        {"run_id": str, "rows": int, "assign": str, "seed": int, "info": str},
        pk="run_id",
        foreign_keys=of_run,
    )
    database.table("mixture_parts").create(
        {"run_id": str, "generator": str, "rows": int, "share": float},
        pk=("run_id", "generator"),
        foreign_keys=of_run,
    )
    database.table("checkpoints").create(
        {
            "run_id": str,
            "base": str,
            "mixture_run_id": str,
            "seed": int,
            "steps": int,
            "eval_loss": float,
            "info": str,
        },
        pk="run_id",
        foreign_keys=of_run,
    )


def _create_measurements(database: Database) -> None:
    database.table("metric_names").create({"id": int, "name": str}, pk="id", not_null={"name"})
    # sqlite-utils cannot say WITHOUT ROWID, which makes a series one contiguous range of the file.
    database.execute(
        "CREATE TABLE metrics (run INTEGER NOT NULL, name INTEGER NOT NULL, step INTEGER NOT NULL,"
        " value REAL, time REAL NOT NULL, PRIMARY KEY (run, name, step)) WITHOUT ROWID"
    )
    database.table("results").create(
        {
            "run_id": str,
            "name": str,
            "value": float,
            "unit": str,
            "n": int,
            "n_total": int,
            "low": float,
            "high": float,
            "reason": str,
            "key": str,
            "detail": str,
        },
        pk=("run_id", "name"),
        foreign_keys=[("run_id", "runs", "id")],
    )


MIGRATIONS: tuple[Callable[[Database], None], ...] = (create_tables,)
"""Migration i leads from schema i to i + 1."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the catalog to SCHEMA_VERSION in one transaction; safe when several processes try."""
    with write_transaction(connection):
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for step in MIGRATIONS[version:SCHEMA_VERSION]:
            step(Database(connection))
        if version < SCHEMA_VERSION:
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


if __name__ == "__main__":
    catalog = LabHome(Path(sys.argv[1])).catalog
    catalog.touch(mode=0o600)
    migrate(connect(catalog))
