"""What the list of runs shows: one page of rows, counted and ordered in SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from screens.live import Reading
from screens.snapshots.run_about import RunAbout, progress_of, read_about, silence_of
from storage.catalog.queries import RUNS
from storage.filters import Condition, compile_filter

WINDOW = 300
"""Rows that are in the table at a time."""
STEP = 100
"""How far the window moves when the cursor comes near its end."""

Order = Literal["newest", "state", "label", "kind", "number"]
ORDERS: dict[Order, str] = {
    "newest": RUNS.order,
    "state": "CASE r.state WHEN 'running' THEN 0 WHEN 'starting' THEN 1 WHEN 'queued' THEN 2"
    " WHEN 'failed' THEN 3 WHEN 'interrupted' THEN 4 WHEN 'unknown' THEN 5"
    " WHEN 'cancelled' THEN 6 ELSE 7 END, r.priority DESC,"
    # What waits stands as it will start.
    " CASE WHEN r.state = 'queued' THEN r.created_at END, " + RUNS.order,
    "label": "r.label, r.created_at DESC",
    "kind": "r.kind, " + RUNS.order,
    "number": "number IS NULL, typeof(number) = 'text', number DESC, " + RUNS.order,
}
UNDEFINED = "undefined"
MOST_BY_NUMBER = 2000
"""Ordering by a number looks it up for every run that passes the filter."""


@dataclass(frozen=True)
class NumberColumn:
    """Which number of each run stands in the list."""

    name: str
    is_result: bool
    """A result, or else the last value of something reported while the run went on."""


@dataclass(frozen=True)
class RunRow:
    """One line of the list."""

    run_id: str
    label: str
    kind: str
    state: str
    reason: str
    priority: int
    share: float | None
    detail: str
    silent_s: float | None
    created_at: float
    took_s: float | None
    number: float | str | None
    """None where the run has none of that name; a text where it is undefined."""


@dataclass(frozen=True)
class RunsPage:
    """The window of the list, and what is known of the run under the cursor."""

    rows: tuple[RunRow, ...]
    offset: int
    total: int
    """Runs that pass the filter."""
    counts: tuple[tuple[str, int], ...]
    """State → how many of them."""
    order: Order
    """Newest first where there are too many runs to order them by a number."""
    has_any: bool
    """Whether the lab has any run at all."""
    about: RunAbout | None
    now: float
    """To the minute, for times of day."""


@dataclass(frozen=True)
class RunsWanted:
    """What the screen asks for."""

    filter_text: str = ""
    order: Order = "newest"
    number: NumberColumn | None = None
    offset: int = 0
    chosen: str | None = None
    experiment: str | None = None
    """Only runs of this one; None for all."""
    pinned: str | None = None


def read_runs(reading: Reading, wanted: RunsWanted) -> RunsPage:
    """Read a window; raises FilterError for a filter that cannot be understood."""
    catalog = reading.catalog
    where = _condition(wanted)
    counts = catalog.execute(
        f"SELECT r.state, count(*) FROM runs r WHERE {where.sql} GROUP BY r.state", where.values
    ).fetchall()
    total = sum(row[1] for row in counts)
    offset = max(0, min(wanted.offset, (total - 1) // STEP * STEP))
    not_by_number = wanted.order == "number" and (wanted.number is None or total > MOST_BY_NUMBER)
    order: Order = "newest" if not_by_number else wanted.order
    expression, values = _number(wanted.number)
    rows = catalog.execute(
        f"SELECT r.*, {expression} AS number FROM runs r WHERE {where.sql}"
        f" ORDER BY {ORDERS[order]} LIMIT ? OFFSET ?",
        (*values, *where.values, WINDOW, offset),
    ).fetchall()
    shown = tuple(_row(row, reading.now) for row in rows)
    return RunsPage(
        shown,
        offset,
        total,
        tuple((row[0], row[1]) for row in counts),
        order,
        total > 0 or catalog.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None,
        _about(reading, wanted.chosen, shown),
        reading.now // 60 * 60,
    )


def number_columns(reading: Reading) -> tuple[NumberColumn, ...]:
    """Every number that some run has: what was reported live first, then results."""
    catalog = reading.catalog
    live = catalog.execute("SELECT name FROM metric_names ORDER BY name")
    results = catalog.execute("SELECT DISTINCT name FROM results ORDER BY name")
    return (
        *(NumberColumn(row[0], False) for row in live),
        *(NumberColumn(row[0], True) for row in results),
    )


def _about(reading: Reading, chosen: str | None, rows: Sequence[RunRow]) -> RunAbout | None:
    if chosen is None and rows:
        chosen = rows[0].run_id
    return read_about(reading, chosen) if chosen else None


def _condition(wanted: RunsWanted) -> Condition:
    passed = compile_filter(wanted.filter_text, RUNS.filterable)
    if wanted.experiment is None:
        return passed
    mine = "EXISTS (SELECT 1 FROM experiment_steps s WHERE s.run_id = r.id AND s.experiment_id = ?)"
    return Condition(f"({passed.sql}) AND {mine}", (*passed.values, wanted.experiment))


def _number(column: NumberColumn | None) -> tuple[str, tuple[str, ...]]:
    if column is None:
        return "NULL", ()
    if column.is_result:
        return (
            f"(SELECT coalesce(t.value, '{UNDEFINED}') FROM results t"
            " WHERE t.run_id = r.id AND t.name = ?)",
            (column.name,),
        )
    return (
        f"(SELECT coalesce(m.value, '{UNDEFINED}') FROM metrics m WHERE m.run = r.num"
        " AND m.name = (SELECT id FROM metric_names WHERE name = ?) ORDER BY m.step DESC LIMIT 1)",
        (column.name,),
    )


def _row(row: sqlite3.Row, now: float) -> RunRow:
    run: dict[str, Any] = dict(row)
    share, detail = progress_of(run)
    took = None
    if run["started_at"] and run["ended_at"]:
        took = run["ended_at"] - run["started_at"]
    return RunRow(
        run["id"],
        run["label"],
        run["kind"],
        run["state"],
        run["reason"] or "",
        run["priority"] or 0,
        share,
        detail,
        silence_of(run, now),
        run["created_at"],
        took,
        run["number"],
    )
