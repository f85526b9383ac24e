"""What the catalog knows of where things come from: runs upstream and downstream, and what names them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Literal, TypeAlias

from storage.catalog.queries import Row

Direction: TypeAlias = Literal["up", "down"]

WALKS: dict[Direction, str] = {
    "up": "SELECT i.input_run_id FROM run_inputs i JOIN walk ON i.run_id = walk.id",
    "down": "SELECT i.run_id FROM run_inputs i JOIN walk ON i.input_run_id = walk.id",
}


def walk_runs(
    connection: sqlite3.Connection, roots: Iterable[str], direction: Direction
) -> list[Row]:
    """The roots with every run upstream or downstream of them, oldest first.

    A run that is named as an input and is not in this lab has no row here. Downwards a walk can meet
    most of the lab, so what a run was to do and said of itself is left out there (NULL).
    """
    texts = ("params", "info", "process")
    columns = ", ".join(f"r.{t}" if direction == "up" else f"NULL AS {t}" for t in texts)
    rows = connection.execute(
        f"WITH RECURSIVE walk(id) AS (SELECT value FROM json_each(?) UNION {WALKS[direction]})"
        f" SELECT r.id, r.kind, r.label, r.key, r.state, r.digest, {columns},"
        " r.started_at, r.ended_at FROM walk JOIN runs r ON r.id = walk.id"
        " ORDER BY r.created_at, r.id",
        (json.dumps(list(roots)),),
    )
    return [dict(row) for row in rows]


def inputs_of(connection: sqlite3.Connection, run_ids: Iterable[str]) -> list[Row]:
    """Who reads what: role, run and the content that it had then, for each of the named runs."""
    rows = connection.execute(
        "SELECT i.run_id, i.role, i.input_run_id, i.digest FROM json_each(?) named"
        " JOIN run_inputs i ON i.run_id = named.value ORDER BY i.run_id, i.role",
        (json.dumps(list(run_ids)),),
    )
    return [dict(row) for row in rows]


def results_of(connection: sqlite3.Connection, run_ids: Iterable[str]) -> list[Row]:
    """Every result of the named runs, without keys and details."""
    rows = connection.execute(
        "SELECT t.run_id, t.name, t.value, t.unit, t.n, t.n_total, t.reason"
        " FROM json_each(?) named JOIN results t ON t.run_id = named.value ORDER BY t.rowid",
        (json.dumps(list(run_ids)),),
    )
    return [dict(row) for row in rows]


def count_results(connection: sqlite3.Connection, run_ids: Iterable[str]) -> int:
    """How many results the named runs reported."""
    row = connection.execute(
        "SELECT count(*) FROM json_each(?) named JOIN results t ON t.run_id = named.value",
        (json.dumps(list(run_ids)),),
    ).fetchone()
    return int(row[0])


def experiments_of(connection: sqlite3.Connection, run_ids: Iterable[str]) -> list[str]:
    """Ids of the experiments that show any of the named runs."""
    rows = connection.execute(
        "SELECT DISTINCT s.experiment_id FROM json_each(?) named"
        " JOIN experiment_steps s ON s.run_id = named.value ORDER BY s.experiment_id",
        (json.dumps(list(run_ids)),),
    )
    return [row["experiment_id"] for row in rows]


def cells_of(connection: sqlite3.Connection, run_ids: Iterable[str]) -> list[Row]:
    """The experiments, with label, condition, seed and axis, that show the named runs."""
    rows = connection.execute(
        "SELECT s.run_id, s.experiment_id, s.label, s.condition, s.seed, s.axis"
        " FROM json_each(?) named JOIN experiment_steps s ON s.run_id = named.value"
        " ORDER BY s.experiment_id, s.position",
        (json.dumps(list(run_ids)),),
    )
    return [dict(row) for row in rows]


def runs_of_generator(connection: sqlite3.Connection, name: str) -> list[str]:
    """Runs that hold the responses of a generator, named by its id or the beginning of one.

    A beginning must reach into what pins the model: the model's name alone means the model.
    """
    rows = connection.execute(
        "SELECT DISTINCT run_id FROM sources WHERE generator = :name"
        " OR (instr(:name, '@') AND substr(generator, 1, length(:name)) = :name)",
        {"name": name},
    )
    return [row["run_id"] for row in rows]


def runs_with_params(connection: sqlite3.Connection, ending: str) -> list[Row]:
    """Runs with a string in their parameters that ends so; a first sieve, the caller looks closer."""
    rows = connection.execute(
        "SELECT id, json_extract(params, '$.model') AS model,"
        " json_extract(params, '$.dataset') AS dataset FROM runs WHERE instr(params, ?)",
        (json.dumps(ending, ensure_ascii=False)[1:],),
    )
    return [dict(row) for row in rows]


def results_named(
    connection: sqlite3.Connection, run_id: str, metric: str | None = None
) -> list[Row]:
    """The results of one run with keys and details: one metric's, or all."""
    rows = connection.execute(
        "SELECT * FROM results WHERE run_id = ? AND (? IS NULL OR name = ?) ORDER BY rowid",
        (run_id, metric, metric),
    )
    return [dict(row) for row in rows]


def spec_texts(connection: sqlite3.Connection, run_ids: Iterable[str]) -> list[Row]:
    """The experiment files that planned any of the named runs, each once."""
    rows = connection.execute(
        "SELECT DISTINCT e.id, e.spec_text FROM json_each(?) named"
        " JOIN experiment_steps s ON s.run_id = named.value"
        " JOIN experiments e ON e.id = s.experiment_id ORDER BY e.id",
        (json.dumps(list(run_ids)),),
    )
    return [dict(row) for row in rows]
