"""From a run directory into the catalog: each event lands exactly once, each file's facts replace the old.

Every function here runs inside a `write_transaction` of the caller.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from storage import durable
from storage.catalog.outputs import index_outputs
from storage.rundir import ID_ALPHABET, RunDir, RunId, RunSpec

MAX_CHUNK_BYTES = 4 << 20


def run_number(run_id: RunId) -> int:
    """The id read as a base-32 number: the compact name of a run in the metrics table."""
    number = 0
    for letter in run_id:
        number = number * len(ID_ALPHABET) + ID_ALPHABET.index(letter)
    return number


def metric_number(name: str) -> int:
    """A number for a metric's name that does not depend on the order in which names arrive."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big")


def index_run(connection: sqlite3.Connection, directory: RunDir) -> str:
    """Bring the rows of one run up to date with its small files and return its state."""
    spec = directory.read_spec()
    state = directory.state()
    ended = directory.read_exit()
    process = directory.read_optional(directory.proc)
    priority = directory.read_optional(directory.priority).get("priority", spec.priority)
    manifest = directory.read_manifest() if state == "succeeded" else None
    row = {
        "id": spec.run_id,
        "num": run_number(spec.run_id),
        "kind": spec.kind,
        "label": spec.label,
        "key": spec.key,
        "state": state,
        "reason": ended.reason if ended else "",
        "message": ended.message if ended else "",
        "hint": ended.hint if ended else "",
        "evidence": _json(ended.evidence) if ended else None,
        "priority": priority,
        "needs_model": int(spec.needs_model),
        "attempt": directory.attempts_ended + (0 if state == "queued" else 1),
        "params": _json(spec.params),
        "created_at": spec.created_at,
        "started_at": process.get("started_at"),
        "ended_at": ended.ended_at if ended else None,
        "process": _json(process) if process else None,
        "digest": manifest.digest if manifest else None,
        "info": _json(manifest.info) if manifest else None,
    }
    upsert(connection, "runs", ("id",), row)
    _index_inputs(connection, spec, directory)
    if manifest is not None:
        index_outputs(connection, spec, manifest)
    return state


def _index_inputs(connection: sqlite3.Connection, spec: RunSpec, directory: RunDir) -> None:
    launched = directory.read_optional(directory.inputs).get("inputs", {})
    for given in spec.inputs:
        digest = launched.get(given.role, {}).get("digest")
        row = {
            "run_id": spec.run_id,
            "role": given.role,
            "input_run_id": given.run_id,
            "digest": digest,
        }
        upsert(connection, "run_inputs", ("run_id", "role"), row)


def upsert(
    connection: sqlite3.Connection, table: str, key: tuple[str, ...], row: Mapping[str, Any]
) -> None:
    """Insert a row or replace the given columns of the one with the same key.

    Table and column names come from this package only, never from data.
    """
    columns = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    changes = ", ".join(f"{name}=excluded.{name}" for name in row if name not in key)
    connection.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({marks})"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}",
        dict(row),
    )


def ingest_events(connection: sqlite3.Connection, directory: RunDir) -> int:
    """Take over the events that were appended since the last call; returns how many lines.

    The new offset is stored in the same transaction, so a crash repeats nothing and skips nothing.
    """
    run_id = RunId(directory.root.name)
    row = connection.execute(
        "SELECT events_offset, events_bad FROM runs WHERE id = ?", (run_id,)
    ).fetchone()
    offset, bad = int(row["events_offset"]), int(row["events_bad"])
    taken = 0
    while chunk := read_whole_lines(directory.events, offset):
        lines = [durable.parse_line(0, raw) for raw in chunk.splitlines(keepends=True)]
        events = [line.record for line in lines if isinstance(line.record, dict)]
        apply_events(connection, run_id, events)
        bad += len(lines) - len(events)
        taken += len(lines)
        offset += len(chunk)
    if taken:
        connection.execute(
            "UPDATE runs SET events_offset = ?, events_bad = ? WHERE id = ?", (offset, bad, run_id)
        )
    return taken


def has_new_events(path: Path, offset: int) -> bool:
    """Whether the file has grown past `offset`; one stat call, cheap enough for every tick."""
    try:
        return path.stat().st_size > offset
    except FileNotFoundError:
        return False


def read_whole_lines(path: Path, offset: int) -> bytes:
    """Bytes from `offset` to the last line feed, at most a few MiB unless one line is longer."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        size = MAX_CHUNK_BYTES
        while True:
            chunk = os.pread(fd, size, offset)
            end = chunk.rfind(b"\n") + 1
            if end or len(chunk) < size:
                return chunk[:end]
            size *= 2
    finally:
        os.close(fd)


def apply_events(
    connection: sqlite3.Connection, run_id: RunId, events: Iterable[Mapping[str, Any]]
) -> None:
    """Write what the events say; of two points at one step the later one stands."""
    points: list[tuple[int, int, int, float | None, float]] = []
    progress: Mapping[str, Any] | None = None
    heard_at: float | None = None
    number = run_number(run_id)
    for event in events:
        kind, heard_at = event.get("type"), float(event.get("t", 0.0))
        if kind == "metric":
            for name, value in event["values"].items():
                points.append((number, metric_number(name), event["step"], value, heard_at))
                connection.execute(
                    "INSERT OR IGNORE INTO metric_names (id, name) VALUES (?, ?)",
                    (metric_number(name), name),
                )
        elif kind == "progress":
            progress = event
        elif kind == "result":
            _apply_result(connection, run_id, event)
        elif kind == "note":
            _apply_note(connection, run_id, event)
    connection.executemany(
        "INSERT OR REPLACE INTO metrics (run, name, step, value, time) VALUES (?, ?, ?, ?, ?)",
        points,
    )
    if progress is not None:
        connection.execute(
            "UPDATE runs SET progress_done = :done, progress_total = :total,"
            " progress_unit = :unit, progress_rate = :rate, progress_eta_s = :eta_s WHERE id = :id",
            {**progress, "id": run_id},
        )
    if heard_at is not None:
        connection.execute("UPDATE runs SET heard_at = ? WHERE id = ?", (heard_at, run_id))


def _apply_result(connection: sqlite3.Connection, run_id: RunId, event: Mapping[str, Any]) -> None:
    row = {
        "run_id": run_id,
        "name": event["name"],
        "value": event["value"],
        "unit": event["unit"],
        "n": event["n"],
        "n_total": event["n_total"],
        "low": event["low"],
        "high": event["high"],
        "reason": event["reason"],
        "key": _json(event["key"]),
        "detail": _json(event["detail"]),
    }
    upsert(connection, "results", ("run_id", "name"), row)


def _apply_note(connection: sqlite3.Connection, run_id: RunId, event: Mapping[str, Any]) -> None:
    connection.execute(
        "INSERT INTO run_notes (run_id, position, time, text) VALUES (?,"
        " (SELECT count(*) FROM run_notes WHERE run_id = ?), ?, ?)",
        (run_id, run_id, event["t"], event["text"]),
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
