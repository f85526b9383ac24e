"""What the screen of one run shows, read at once and frozen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from screens.live import Reading
from screens.snapshots.run_about import RunAbout, read_about
from screens.snapshots.run_curves import CurveReader, CurveRun, Curves, CurvesWanted

MOST_LINKS = 500


@dataclass(frozen=True)
class NumberRow:
    """One number of the run: a result, or the last value of something reported live."""

    name: str
    value: float | None
    unit: str
    is_result: bool
    low: float | None = None
    high: float | None = None
    n: int | None = None
    n_total: int | None = None
    reason: str = ""
    step: int | None = None


@dataclass(frozen=True)
class Link:
    """Another run that this one reads, or that reads this one."""

    run_id: str
    reads: bool
    """Whether it is an input of this one."""
    role: str
    label: str
    state: str
    digest: str


@dataclass(frozen=True)
class RunView:
    """Everything on the screen but the log, which has a reader of its own."""

    about: RunAbout
    config: str
    """The resolved parameters, as JSON with one leaf a line."""
    curves: Curves
    numbers: tuple[NumberRow, ...]
    links: tuple[Link, ...]
    notes: tuple[tuple[float, str], ...]
    overlaid: tuple[str, ...]
    """Labels of the other runs in the charts."""


@dataclass(frozen=True)
class RunWanted:
    """What the screen asks for."""

    run_id: str
    others: tuple[str, ...]
    curves: CurvesWanted


def read_run(reading: Reading, wanted: RunWanted, curves: CurveReader) -> RunView | None:
    """Read it; None for a run that is not there any more."""
    about = read_about(reading, wanted.run_id)
    if about is None:
        return None
    catalog = reading.catalog
    runs = _curve_runs(catalog, (wanted.run_id, *wanted.others))
    names = _labels(runs)
    return RunView(
        about,
        _config(catalog, wanted.run_id),
        curves.read(catalog, names, wanted.curves),
        tuple(_numbers(catalog, wanted.run_id)),
        tuple(_links(catalog, wanted.run_id)),
        tuple(
            (row[0], row[1])
            for row in catalog.execute(
                "SELECT time, text FROM run_notes WHERE run_id = ? ORDER BY position DESC LIMIT 50",
                (wanted.run_id,),
            )
        ),
        tuple(run.label for run in names[1:]),
    )


def _curve_runs(catalog: sqlite3.Connection, run_ids: Sequence[str]) -> list[CurveRun]:
    found = []
    for run_id in run_ids:
        row = catalog.execute(
            "SELECT label, attempt, state, started_at FROM runs WHERE id = ?", (run_id,)
        ).fetchone()
        if row is not None:
            found.append(CurveRun(run_id, row[0], row[1] or 0, row[2], row[3]))
    return found


def _labels(runs: Sequence[CurveRun]) -> list[CurveRun]:
    """Runs of one label are told apart by their ids."""
    labels = [run.label for run in runs]
    return [
        CurveRun(
            run.run_id,
            run.label if labels.count(run.label) == 1 else f"{run.label} {run.run_id}",
            run.attempt,
            run.state,
            run.started_at,
        )
        for run in runs
    ]


def _config(catalog: sqlite3.Connection, run_id: str) -> str:
    text = catalog.execute("SELECT params FROM runs WHERE id = ?", (run_id,)).fetchone()[0]
    try:
        return json.dumps(json.loads(text or "{}"), indent=1, ensure_ascii=False)
    except ValueError:
        return str(text)


def _numbers(catalog: sqlite3.Connection, run_id: str) -> list[NumberRow]:
    results = catalog.execute(
        "SELECT name, value, unit, low, high, n, n_total, reason FROM results WHERE run_id = ?"
        " ORDER BY rowid",
        (run_id,),
    )
    rows = [
        NumberRow(
            row["name"],
            row["value"],
            row["unit"] or "",
            True,
            row["low"],
            row["high"],
            row["n"],
            row["n_total"],
            row["reason"] or "",
        )
        for row in results
    ]
    return [*rows, *_last_values(catalog, run_id)]


def _last_values(catalog: sqlite3.Connection, run_id: str) -> list[NumberRow]:
    # From name to name by the key: a run with millions of points is as fast as one with ten.
    rows = catalog.execute(
        "WITH RECURSIVE seen(run, name) AS ("
        " SELECT r.num, (SELECT min(m.name) FROM metrics m WHERE m.run = r.num)"
        " FROM runs r WHERE r.id = ?"
        " UNION ALL SELECT run, (SELECT min(m.name) FROM metrics m"
        " WHERE m.run = seen.run AND m.name > seen.name) FROM seen WHERE name IS NOT NULL)"
        " SELECT n.name, m.step, m.value FROM seen JOIN metric_names n ON n.id = seen.name"
        " JOIN metrics m ON m.run = seen.run AND m.name = seen.name AND m.step ="
        " (SELECT max(l.step) FROM metrics l WHERE l.run = seen.run AND l.name = seen.name)"
        " ORDER BY n.name",
        (run_id,),
    )
    return [NumberRow(row[0], row[2], "", False, step=row[1]) for row in rows]


def _links(catalog: sqlite3.Connection, run_id: str) -> list[Link]:
    inputs = catalog.execute(
        "SELECT i.role, i.input_run_id, i.digest, r.label, r.state FROM run_inputs i"
        " LEFT JOIN runs r ON r.id = i.input_run_id WHERE i.run_id = ? ORDER BY i.role LIMIT ?",
        (run_id, MOST_LINKS),
    )
    readers = catalog.execute(
        "SELECT i.role, i.run_id AS input_run_id, i.digest, r.label, r.state FROM run_inputs i"
        " JOIN runs r ON r.id = i.run_id WHERE i.input_run_id = ?"
        " ORDER BY r.created_at, r.label LIMIT ?",
        (run_id, MOST_LINKS),
    )
    return [_link(dict(row), True) for row in inputs] + [_link(dict(row), False) for row in readers]


def _link(row: dict[str, Any], reads: bool) -> Link:
    return Link(
        row["input_run_id"],
        reads,
        row["role"],
        row["label"] or "not in this lab",
        row["state"] or "",
        row["digest"] or "",
    )
