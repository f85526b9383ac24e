"""The one way in: what clients ask of the supervisor, kept until it has answered."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.catalog.connection import write_transaction

KEEP_ANSWERED = 1000


@dataclass(frozen=True)
class Request:
    """One request that nobody has handled yet."""

    id: int
    kind: str
    arguments: Mapping[str, Any]
    asked_by: str


def add_request(
    connection: sqlite3.Connection,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    asked_by: str,
    now: float,
) -> int:
    """Put a request in the queue and return its number, by which the answer is found."""
    with write_transaction(connection):
        cursor = connection.execute(
            "INSERT INTO requests (kind, arguments, asked_by, created_at) VALUES (?, ?, ?, ?)",
            (kind, json.dumps(arguments), asked_by, now),
        )
    number = cursor.lastrowid
    assert number is not None  # an INSERT into a rowid table always sets it
    return number


def pending_requests(connection: sqlite3.Connection) -> list[Request]:
    """Unanswered requests, oldest first."""
    rows = connection.execute(
        "SELECT id, kind, arguments, asked_by FROM requests WHERE handled_at IS NULL ORDER BY id"
    )
    return [Request(r["id"], r["kind"], json.loads(r["arguments"]), r["asked_by"]) for r in rows]


def answer_request(
    connection: sqlite3.Connection, number: int, outcome: Mapping[str, Any], now: float
) -> None:
    """Store the answer; runs inside a write transaction of the caller, with the request's effects."""
    connection.execute(
        "UPDATE requests SET handled_at = ?, outcome = ? WHERE id = ?",
        (now, json.dumps(outcome), number),
    )
    connection.execute(
        "DELETE FROM requests WHERE handled_at IS NOT NULL AND id <= ?", (number - KEEP_ANSWERED,)
    )


def read_answer(connection: sqlite3.Connection, number: int) -> dict[str, Any] | None:
    """The answer to a request, or None while there is none."""
    row = connection.execute("SELECT outcome FROM requests WHERE id = ?", (number,)).fetchone()
    return None if row is None or row["outcome"] is None else dict(json.loads(row["outcome"]))
