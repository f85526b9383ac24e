"""Which prompt sets of packages a lab has imported, so that later plans need the packages no more."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from storage.catalog.connection import open_reader
from storage.home import LabHome
from storage.rundir import RunDir


def imported_sets(home: LabHome) -> dict[str, Path]:
    """The prompt file of the newest finished import of each packaged set, by the set's name."""
    if not home.catalog.is_file():
        return {}
    connection = open_reader(home)
    try:
        return {
            name: RunDir(home.run(run_id)).published(f"{written}.prompts.jsonl")
            for run_id, name, written in _packaged_imports(connection)
        }
    finally:
        connection.close()


def _packaged_imports(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    rows = connection.execute(
        "SELECT id, params FROM runs WHERE kind = 'import' AND state = 'succeeded'"
        " ORDER BY created_at, id"
    ).fetchall()
    found = []
    for row in rows:
        params = json.loads(row["params"])
        dataset = params.get("dataset") or {}
        whole = params.get("rows") is None and not params.get("holdouts")
        if dataset.get("origin") == "package" and whole:
            found.append((row["id"], dataset["name"], params["set"]))
    return found


def list_prompt_sets(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every prompt set in the lab with its rows, origin, licence, run and content digest."""
    rows = connection.execute(
        "SELECT p.name, p.rows, p.origin, p.licence, p.run_id, r.digest"
        " FROM prompt_sets p JOIN runs r ON r.id = p.run_id ORDER BY p.name, r.created_at"
    ).fetchall()
    return [dict(row) for row in rows]
