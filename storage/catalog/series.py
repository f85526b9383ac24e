"""Reading metric series in bounded size: a run with a million points is shown by its extremes."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

MOST_POINTS = 1200


class SeriesKey(NamedTuple):
    """A series as the table of metrics names it."""

    run: int
    name: int


@dataclass(frozen=True)
class SeriesPoint:
    """One reported value."""

    step: int
    value: float | None
    time: float


def reported_by(connection: sqlite3.Connection, run_id: str) -> list[str]:
    """Names of what a run has reported, found by skipping from name to name in the key."""
    rows = connection.execute(
        "WITH RECURSIVE seen(run, name) AS ("
        " SELECT r.num, (SELECT min(m.name) FROM metrics m WHERE m.run = r.num)"
        " FROM runs r WHERE r.id = ?"
        " UNION ALL"
        " SELECT run, (SELECT min(m.name) FROM metrics m"
        " WHERE m.run = seen.run AND m.name > seen.name) FROM seen WHERE name IS NOT NULL)"
        " SELECT n.name FROM seen JOIN metric_names n ON n.id = seen.name ORDER BY n.name",
        (run_id,),
    )
    return [row[0] for row in rows]


def series_key(connection: sqlite3.Connection, run_id: str, name: str) -> SeriesKey | None:
    """Where the points of a metric of a run lie; None if nobody reported a metric of that name."""
    row = connection.execute(
        "SELECT r.num, n.id FROM runs r, metric_names n WHERE r.id = ? AND n.name = ?",
        (run_id, name),
    ).fetchone()
    return None if row is None else SeriesKey(row[0], row[1])


def step_bounds(connection: sqlite3.Connection, where: SeriesKey) -> tuple[int, int] | None:
    """First and last step of a series; None for one without a point.

    Asked for apart: SQLite finds one extreme by the key, and two together by reading every row.
    """
    asked = "SELECT {}(step) FROM metrics WHERE run = ? AND name = ?"
    first = connection.execute(asked.format("min"), where).fetchone()[0]
    if first is None:
        return None
    return int(first), int(connection.execute(asked.format("max"), where).fetchone()[0])


def is_longer_than(connection: sqlite3.Connection, where: SeriesKey, most: int) -> bool:
    """Whether a series has more points than that; stops counting there."""
    beyond = connection.execute(
        "SELECT 1 FROM metrics WHERE run = ? AND name = ? LIMIT 1 OFFSET ?", (*where, most)
    ).fetchone()
    return beyond is not None


def whole_series(connection: sqlite3.Connection, where: SeriesKey) -> tuple[SeriesPoint, ...]:
    """Every point, undefined ones too."""
    rows = connection.execute(
        "SELECT step, value, time FROM metrics WHERE run = ? AND name = ? ORDER BY step", where
    )
    return tuple(SeriesPoint(*row) for row in rows)


def extremes(
    connection: sqlite3.Connection, where: SeriesKey, begin: int, end: int
) -> set[SeriesPoint]:
    """The lowest and the highest point with begin <= step < end; empty where none is defined.

    A range of the key is four times as fast as grouping by an expression, which SQLite has to sort.
    """
    found = set()
    for extreme in ("min", "max"):
        # A bare column beside min() or max() comes from the row that has it (a documented rule).
        row = connection.execute(
            f"SELECT step, {extreme}(value), time FROM metrics"
            " WHERE run = ? AND name = ? AND step >= ? AND step < ? AND value IS NOT NULL",
            (*where, begin, end),
        ).fetchone()
        if row[0] is not None:
            found.add(SeriesPoint(*row))
    return found


def point_at(connection: sqlite3.Connection, where: SeriesKey, step: int) -> SeriesPoint:
    """The point of a step that was reported."""
    row = connection.execute(
        "SELECT step, value, time FROM metrics WHERE run = ? AND name = ? AND step = ?",
        (*where, step),
    ).fetchone()
    return SeriesPoint(*row)
