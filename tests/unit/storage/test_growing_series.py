"""A growing series: exact after enough looks, never read twice, joined as it grows."""

from __future__ import annotations

import math
import sqlite3
import time

import pytest

from storage.catalog.connection import open_catalog, write_transaction
from storage.catalog.growing_series import GrowingSeries
from storage.catalog.series import SeriesPoint, series_key, whole_series
from storage.home import LabHome

FAR = math.inf
MOST = 40


@pytest.fixture
def catalog(home: LabHome) -> sqlite3.Connection:
    connection = open_catalog(home)
    connection.execute(
        "INSERT INTO runs (id, num, kind, label, key, state, created_at, events_offset)"
        " VALUES ('run', 7, 'finetune', 'x', 'k', 'running', 1.0, 0)"
    )
    connection.execute("INSERT INTO metric_names (id, name) VALUES (3, 'loss')")
    return connection


def report(catalog: sqlite3.Connection, first: int, last: int) -> None:
    rows = [(7, 3, step, value(step), float(step)) for step in range(first, last + 1)]
    with write_transaction(catalog):
        catalog.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", rows)


def value(step: int) -> float | None:
    if step % 50 == 13:
        return None
    return 99.0 if step == 777 else math.sin(step / 10)


def is_true_to(points: tuple[SeriesPoint, ...], last: int) -> bool:
    """Whether the points are reported ones, in order, with the extremes of all."""
    steps = [point.step for point in points]
    whole = [v for step in range(1, last + 1) if (v := value(step)) is not None]
    values = [point.value for point in points if point.value is not None]
    return (
        steps == sorted(set(steps))
        and all(point.value == value(point.step) for point in points)
        and (min(values), max(values)) == (min(whole), max(whole))
    )


def test_a_short_series_is_given_whole_with_its_gaps(catalog: sqlite3.Connection) -> None:
    report(catalog, 1, MOST)
    view = GrowingSeries("run", "loss", MOST).look(catalog, FAR)
    assert view.exact
    where = series_key(catalog, "run", "loss")
    assert where is not None
    assert view.points == whole_series(catalog, where)
    assert len(view.points) == MOST
    assert view.points[12].value is None


def test_a_long_series_shows_its_extremes_as_it_grows(catalog: sqlite3.Connection) -> None:
    series = GrowingSeries("run", "loss", MOST)
    last = 0
    for upto in (30, 200, 201, 1500, 1501, 9000):
        report(catalog, last + 1, upto)
        last = upto
        view = series.look(catalog, FAR)
        assert view.exact
        assert is_true_to(view.points, last)
        assert len(view.points) <= 2 * MOST
        assert view.points[-1].step == last


def test_without_time_it_shows_samples_and_reads_on_at_the_next_look(
    catalog: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(catalog, 1, 5000)
    ticks = iter(range(100_000))
    monkeypatch.setattr("storage.catalog.growing_series.time.monotonic", lambda: next(ticks))
    series = GrowingSeries("run", "loss", MOST)
    views = [series.look(catalog, 25)]
    while not views[-1].exact:
        assert all(point.value == value(point.step) for point in views[-1].points)
        views.append(series.look(catalog, next(ticks) + 8))
    assert len(views) > 2
    assert is_true_to(views[-1].points, 5000)


def test_nothing_new_costs_no_scan(catalog: sqlite3.Connection) -> None:
    report(catalog, 1, 5000)
    series = GrowingSeries("run", "loss", MOST)
    view = series.look(catalog, FAR)
    asked: list[str] = []
    catalog.set_trace_callback(asked.append)
    assert series.look(catalog, FAR) is view
    catalog.set_trace_callback(None)
    assert len(asked) == 2  # first and last step


def test_a_series_that_nobody_reported_is_empty(catalog: sqlite3.Connection) -> None:
    view = GrowingSeries("run", "loss").look(catalog, time.monotonic() + 1)
    assert (view.points, view.exact) == ((), True)
    assert GrowingSeries("other", "none").look(catalog, FAR).points == ()
