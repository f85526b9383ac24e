"""What clients read from the catalog, in plain SQL so that a client starts at once."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from storage.filters import Filterable, compile_filter

Row = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """One list of the catalog: how its rows are found and what a filter may name."""

    name: str
    sql: str
    """SELECT without WHERE; every column has the name that `--json` shows."""
    filterable: Filterable
    order: str
    group: str = ""


RUN_FIELDS = {
    "id": "r.id",
    "kind": "r.kind",
    "label": "r.label",
    "state": "r.state",
    "status": "r.state",
    "reason": "r.reason",
    "attempt": "r.attempt",
    "experiment": "(SELECT group_concat(s.experiment_id) FROM experiment_steps s WHERE s.run_id = r.id)",
    "condition": "(SELECT group_concat(s.condition) FROM experiment_steps s WHERE s.run_id = r.id)",
    "seed": "(SELECT s.seed FROM experiment_steps s WHERE s.run_id = r.id LIMIT 1)",
}

RUNS = Listing(
    "runs",
    "SELECT r.id, r.kind, r.label, r.state, r.reason, r.attempt, r.created_at, r.started_at,"
    " r.ended_at, r.progress_done, r.progress_total, r.progress_unit, r.progress_rate,"
    " r.progress_eta_s, r.heard_at FROM runs r",
    Filterable(RUN_FIELDS, ("r.id", "r.label", "r.kind", "r.state"), "r.params"),
    # What was queued together: the last that began first, then what waits, as it will begin.
    "r.created_at DESC, r.started_at IS NULL, r.started_at DESC,"
    " (SELECT min(position) FROM experiment_steps s WHERE s.run_id = r.id)",
)

SOURCES = Listing(
    "sources",
    "SELECT s.generator, s.kind, s.prompts, s.rows, s.tokens, s.run_id, r.label, r.created_at"
    " FROM sources s JOIN runs r ON r.id = s.run_id",
    Filterable(
        {
            "generator": "s.generator",
            "kind": "s.kind",
            "prompts": "s.prompts",
            "rows": "s.rows",
            "label": "r.label",
            "run": "s.run_id",
        },
        ("s.generator", "r.label"),
        "r.params",
    ),
    "r.created_at DESC, r.label, s.prompts",
)

MIXTURES = Listing(
    "mixtures",
    "SELECT m.run_id, r.label, m.rows, m.assign, m.seed, r.digest, r.created_at,"
    " (SELECT json_group_array(json_object('generator', p.generator, 'rows', p.rows,"
    " 'share', p.share)) FROM mixture_parts p WHERE p.run_id = m.run_id) AS parts"
    " FROM mixtures m JOIN runs r ON r.id = m.run_id",
    Filterable(
        {
            "label": "r.label",
            "rows": "m.rows",
            "assign": "m.assign",
            "seed": "m.seed",
            "run": "m.run_id",
            "generator": "(SELECT group_concat(generator) FROM mixture_parts p"
            " WHERE p.run_id = m.run_id)",
        },
        ("r.label", "m.run_id"),
        "r.params",
    ),
    "r.created_at DESC, r.label",
)

CHECKPOINTS = Listing(
    "checkpoints",
    "SELECT c.run_id, r.label, c.base, c.seed, c.steps, c.eval_loss, c.mixture_run_id, r.digest,"
    " r.created_at FROM checkpoints c JOIN runs r ON r.id = c.run_id",
    Filterable(
        {
            "label": "r.label",
            "base": "c.base",
            "seed": "c.seed",
            "steps": "c.steps",
            "eval_loss": "c.eval_loss",
            "run": "c.run_id",
            "mixture": "c.mixture_run_id",
        },
        ("r.label", "c.base", "c.run_id"),
        "r.params",
    ),
    "r.created_at DESC, r.label",
)

EXPERIMENTS = Listing(
    "experiments",
    "SELECT e.id, e.name, e.revision, e.description, e.file, e.created_at, e.spec_sha256,"
    " count(DISTINCT r.id) AS runs,"
    " count(DISTINCT CASE WHEN r.state = 'succeeded' THEN r.id END) AS succeeded,"
    " count(DISTINCT CASE WHEN r.state IN ('failed', 'cancelled', 'interrupted', 'unknown')"
    " THEN r.id END) AS ended_badly,"
    " count(DISTINCT CASE WHEN r.state IN ('queued', 'starting', 'running') THEN r.id END)"
    " AS unfinished"
    " FROM experiments e LEFT JOIN experiment_steps s ON s.experiment_id = e.id"
    " LEFT JOIN runs r ON r.id = s.run_id",
    Filterable(
        {
            "id": "e.id",
            "name": "e.name",
            "revision": "e.revision",
            "description": "e.description",
            "file": "e.file",
        },
        ("e.id", "e.description"),
    ),
    "e.created_at DESC, e.id",
    "e.id",
)


def list_rows(connection: sqlite3.Connection, listing: Listing, filter_text: str = "") -> list[Row]:
    """Rows of a list that a filter lets pass, newest first; raises FilterError."""
    condition = compile_filter(filter_text, listing.filterable)
    group = f" GROUP BY {listing.group}" if listing.group else ""
    sql = f"{listing.sql} WHERE {condition.sql}{group} ORDER BY {listing.order}"
    return [dict(row) for row in connection.execute(sql, condition.values)]


def find_experiment(connection: sqlite3.Connection, name: str) -> Row | None:
    """The experiment of that id, or the newest revision of that name."""
    row = connection.execute(
        "SELECT * FROM experiments WHERE id = ? OR name = ?"
        " ORDER BY id = ? DESC, revision DESC LIMIT 1",
        (name, name, name),
    ).fetchone()
    return dict(row) if row else None


def newest_experiment(connection: sqlite3.Connection) -> Row | None:
    """The experiment that was asked for last."""
    row = connection.execute(
        "SELECT * FROM experiments ORDER BY created_at DESC, id LIMIT 1"
    ).fetchone()
    return dict(row) if row else None


def find_runs(connection: sqlite3.Connection, text: str) -> list[Row]:
    """Runs whose id begins with `text`, or that `EXPERIMENT:LABEL` or a plain label names.

    A label that several experiments use means the newest run of that label.
    """
    # Every letter of an id sorts before `{`: the range is the prefix, and the primary key finds it.
    rows = connection.execute(
        "SELECT * FROM runs WHERE id >= ? AND id < ? || '{'", (text, text)
    ).fetchall()
    if not rows:
        experiment, _, label = text.rpartition(":")
        chosen = find_experiment(connection, experiment) if experiment else None
        if experiment and chosen is None:
            return []
        rows = connection.execute(
            "SELECT r.* FROM runs r JOIN experiment_steps s ON s.run_id = r.id"
            " JOIN experiments e ON e.id = s.experiment_id"
            " WHERE s.label = ? AND (? IS NULL OR e.id = ?) ORDER BY e.created_at DESC LIMIT 1",
            (label, chosen and chosen["id"], chosen and chosen["id"]),
        ).fetchall()
    return [dict(row) for row in rows]


def experiment_steps(connection: sqlite3.Connection, experiment_id: str) -> list[Row]:
    """The steps of an experiment in plan order, each with the state of its run."""
    rows = connection.execute(
        "SELECT s.label, s.condition, s.seed, s.axis, r.* FROM experiment_steps s"
        " JOIN runs r ON r.id = s.run_id WHERE s.experiment_id = ? ORDER BY s.position",
        (experiment_id,),
    )
    return [dict(row) for row in rows]


def experiment_results(connection: sqlite3.Connection, experiment_id: str) -> list[Row]:
    """Every number of an experiment, by condition, seed and metric, in plan order."""
    rows = connection.execute(
        "SELECT s.condition, s.seed, s.axis, s.label, t.* FROM experiment_steps s"
        " JOIN results t ON t.run_id = s.run_id WHERE s.experiment_id = ?"
        " AND s.axis IS NOT NULL ORDER BY s.position, t.rowid",
        (experiment_id,),
    )
    return [dict(row) for row in rows]


def metric_series(connection: sqlite3.Connection, run_id: str, name: str) -> list[Row]:
    """What a run reported of one metric: step, value and time of each point, by step."""
    rows = connection.execute(
        "SELECT m.step, m.value, m.time FROM runs r JOIN metrics m ON m.run = r.num"
        " JOIN metric_names n ON n.id = m.name WHERE r.id = ? AND n.name = ? ORDER BY m.step",
        (run_id, name),
    )
    return [dict(row) for row in rows]


def metrics_reported(connection: sqlite3.Connection, experiment_id: str) -> list[str]:
    """Names of the metrics that runs of an experiment reported while they ran."""
    rows = connection.execute(
        "SELECT name FROM metric_names WHERE id IN (SELECT m.name FROM experiment_steps s"
        " JOIN runs r ON r.id = s.run_id JOIN metrics m ON m.run = r.num"
        " WHERE s.experiment_id = ?) ORDER BY name",
        (experiment_id,),
    )
    return [row["name"] for row in rows]


def run_details(connection: sqlite3.Connection, run_id: str) -> dict[str, list[Row]]:
    """What belongs to one run: inputs, outputs, notes, results, last metrics, experiments, readers."""
    queries = {
        "inputs": "SELECT i.role, i.input_run_id, i.digest, r.label, r.state FROM run_inputs i"
        " LEFT JOIN runs r ON r.id = i.input_run_id WHERE i.run_id = ? ORDER BY i.role",
        "read_by": "SELECT i.run_id, i.role, r.label, r.state FROM run_inputs i"
        " JOIN runs r ON r.id = i.run_id WHERE i.input_run_id = ? ORDER BY r.created_at, r.label",
        "outputs": "SELECT path, size, sha256 FROM run_outputs WHERE run_id = ? ORDER BY path",
        "notes": "SELECT time, text FROM run_notes WHERE run_id = ? ORDER BY position",
        "results": "SELECT name, value, unit, n, n_total, low, high, reason, key, detail"
        " FROM results WHERE run_id = ? ORDER BY rowid",
        "experiments": "SELECT experiment_id, label, condition, seed, axis FROM experiment_steps"
        " WHERE run_id = ? ORDER BY experiment_id",
        "metrics": "SELECT n.name, m.step, m.value, m.time FROM runs r"
        " JOIN metrics m ON m.run = r.num JOIN metric_names n ON n.id = m.name WHERE r.id = ?"
        " AND m.step = (SELECT max(step) FROM metrics l WHERE l.run = m.run AND l.name = m.name)"
        " ORDER BY n.name",
    }
    return {
        name: [dict(row) for row in connection.execute(sql, (run_id,))]
        for name, sql in queries.items()
    }
