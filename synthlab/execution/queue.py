"""The queue as the catalog shows it: what can start, what waits, what can never start."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from storage.rundir import RunId


@dataclass(frozen=True)
class QueuedRun:
    """A run that waits for its turn."""

    id: RunId
    label: str
    needs_model: bool
    blocked_by: str = ""
    """Label of an input that ended without success."""


@dataclass(frozen=True)
class Queue:
    """Queued runs in the order in which they should start."""

    ready: tuple[QueuedRun, ...]
    waiting: tuple[QueuedRun, ...]
    blocked: tuple[QueuedRun, ...]


def read_queue(connection: sqlite3.Connection) -> Queue:
    """Sort the queued runs by what their inputs allow; higher priority first, then older, then plan order."""
    rows = connection.execute(
        """
        SELECT r.id, r.label, r.needs_model,
               min(CASE WHEN i.state IN ('failed', 'cancelled', 'interrupted')
                        THEN i.label END) AS blocked_by,
               sum(i.state IS NOT NULL AND i.state != 'succeeded') AS unfinished,
               (SELECT min(position) FROM experiment_steps s WHERE s.run_id = r.id) AS position
        FROM runs r
        LEFT JOIN run_inputs ri ON ri.run_id = r.id
        LEFT JOIN runs i ON i.id = ri.input_run_id
        WHERE r.state = 'queued'
        GROUP BY r.id
        ORDER BY r.priority DESC, r.created_at, position, r.id
        """
    ).fetchall()
    ready, waiting, blocked = [], [], []
    for row in rows:
        run = QueuedRun(
            RunId(row["id"]), row["label"], bool(row["needs_model"]), row["blocked_by"] or ""
        )
        if run.blocked_by:
            blocked.append(run)
        elif row["unfinished"]:
            waiting.append(run)
        else:
            ready.append(run)
    return Queue(tuple(ready), tuple(waiting), tuple(blocked))


def run_inputs(connection: sqlite3.Connection, run_id: RunId) -> dict[str, dict[str, Any]]:
    """By role: which run is read, and the digest of its published content."""
    rows = connection.execute(
        "SELECT ri.role, ri.input_run_id, i.digest FROM run_inputs ri"
        " JOIN runs i ON i.id = ri.input_run_id WHERE ri.run_id = ?",
        (run_id,),
    )
    return {r["role"]: {"run_id": r["input_run_id"], "digest": r["digest"]} for r in rows}
