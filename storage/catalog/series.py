"""Reading metric series in bounded size: a run with a million points is shown by its extremes."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

MOST_POINTS = 1200


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


def bounded_series(
    connection: sqlite3.Connection, run_id: str, name: str, most: int = MOST_POINTS
) -> tuple[SeriesPoint, ...]:
    """A series in at most about `most` points, by step.

    A longer one is cut into equal stretches of steps; each gives its lowest and its highest point, and
    the first and last point are kept, so that no spike is lost. Undefined values are kept where the
    series is short enough to be given whole.
    """
    key = connection.execute(
        "SELECT r.num AS run, n.id AS name FROM runs r, metric_names n WHERE r.id = ? AND n.name = ?",
        (run_id, name),
    ).fetchone()
    if key is None:
        return ()
    where = (key["run"], key["name"])
    first, last = connection.execute(
        "SELECT min(step), max(step) FROM metrics WHERE run = ? AND name = ?", where
    ).fetchone()
    if first is None:
        return ()
    beyond = connection.execute(
        "SELECT 1 FROM metrics WHERE run = ? AND name = ? LIMIT 1 OFFSET ?", (*where, most)
    ).fetchone()
    if beyond is None:
        rows = connection.execute(
            "SELECT step, value, time FROM metrics WHERE run = ? AND name = ? ORDER BY step", where
        )
        return tuple(SeriesPoint(*row) for row in rows)
    stretch = max(1, -(-(last - first + 1) // max(1, most // 2)))
    bucket = f"(step - {int(first)}) / {stretch}"
    # A bare column beside min() or max() comes from the row that has it (SQLite's documented rule).
    points: set[SeriesPoint] = set()
    for extreme in ("min", "max"):
        rows = connection.execute(
            f"SELECT step, {extreme}(value), time FROM metrics"
            f" WHERE run = ? AND name = ? AND value IS NOT NULL GROUP BY {bucket}",
            where,
        )
        points.update(SeriesPoint(*row) for row in rows)
    for step in (first, last):
        row = connection.execute(
            "SELECT step, value, time FROM metrics WHERE run = ? AND name = ? AND step = ?",
            (*where, step),
        ).fetchone()
        points.add(SeriesPoint(*row))
    return tuple(sorted(points, key=lambda point: point.step))
