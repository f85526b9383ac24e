"""Keys work whatever the reader does, leaving included; what is hidden is not drawn."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from textual.pilot import Pilot

import screens.overview
from screens.app import LabApp
from screens.help import Help
from screens.live import Reader, Reading
from screens.preferences import Preferences
from screens.snapshots.curve_memory import MOST_CONDITIONS, CurveMemory
from screens.snapshots.overview import Overview, Wanted, read_overview
from screens.widgets.chart_view import ChartView
from storage.catalog.connection import open_catalog, open_reader, write_transaction
from storage.home import LabHome
from tests.console.console_pilot import drive, frame, settle
from tests.console.seeded import EXPERIMENT, NOW

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


def test_keys_work_and_the_frame_stands_while_the_first_query_is_held_up(
    seeded_home: LabHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def held_up(
        reading: Reading, wanted: Wanted, memory: CurveMemory | None = None
    ) -> Overview | None:
        assert gate.wait(60)
        return read_overview(reading, wanted, memory)

    monkeypatch.setattr(screens.overview, "read_overview", held_up)

    async def run() -> None:
        app = LabApp(
            seeded_home,
            preferences=Preferences(),
            preferences_path=tmp_path / "console.toml",
            symbols="braille",
            readonly=True,
            clock=lambda: NOW,
        )
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            assert "Overview" in frame(app)
            assert EXPERIMENT not in frame(app)
            await pilot.press("question_mark")
            stack = [type(screen).__name__ for screen in app.screen_stack]
            assert stack == ["OverviewScreen", "Help"]
            await pilot.press("escape")
            assert len(app.screen_stack) == 1
            gate.set()
            await settle(pilot)
            assert EXPERIMENT in frame(app)

    asyncio.run(run())


def test_a_change_that_takes_for_ever_to_read_leaves_keys_working(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        gate = threading.Event()
        held = app.reader.begin(lambda reading: gate.wait(60))
        await pilot.press("question_mark")
        assert isinstance(app.screen, Help)
        assert not held.done()
        gate.set()
        await pilot.press("escape")

    drive(seeded_home, act)


def test_leaving_does_not_wait_for_a_query(seeded_home: LabHome) -> None:
    reader = Reader(seeded_home, lambda: NOW)
    begun = threading.Event()

    def endless(reading: Reading) -> None:
        begun.set()
        reading.catalog.execute(ENDLESS).fetchone()

    look = reader.begin(endless)
    assert begun.wait(60)
    reader.close()
    with pytest.raises(sqlite3.OperationalError):
        look.result(60)


def test_charts_of_a_hidden_pane_are_not_drawn_until_it_is_shown(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        view = app.screen.query_one("#chart-loss", ChartView)
        before = view.grid
        await pilot.press("2")
        _report_loss(seeded_home)
        await pilot.pause(1.2)
        await settle(pilot)
        assert view.grid is before
        await pilot.press("2")
        await settle(pilot)
        assert view.grid is not before

    drive(seeded_home, act, size=(120, 40))


def test_curves_of_a_large_experiment_are_read_over_several_looks(seeded_home: LabHome) -> None:
    catalog = open_reader(seeded_home)
    reading = Reading(catalog, seeded_home, NOW)
    whole = read_overview(reading, Wanted(None))
    memory = CurveMemory(0.0)
    looks = 0
    found = read_overview(reading, Wanted(None), memory)
    while found is not None and not found.is_whole:
        looks += 1
        assert looks < 100
        found = read_overview(reading, Wanted(None), memory)
    catalog.close()
    assert looks > 0
    assert found == whole


def test_a_chart_has_room_for_some_conditions_and_says_so(seeded_home: LabHome) -> None:
    connection = open_catalog(seeded_home)
    with write_transaction(connection):
        for number in range(MOST_CONDITIONS):
            connection.execute(
                "INSERT INTO experiment_steps (experiment_id, label, position, run_id, condition,"
                " seed) SELECT experiment_id, label || ?, position + 1000, run_id, ?, seed"
                " FROM experiment_steps WHERE experiment_id = ? AND label = 'finetune/human.s0'",
                (f".{number}", f"more{number}", EXPERIMENT),
            )
            connection.execute(
                "INSERT INTO runs (id, num, kind, label, key, state, created_at, attempt)"
                " SELECT r.id || ?, ?, kind, r.label, key, state, created_at, attempt FROM runs r"
                " JOIN experiment_steps s ON s.run_id = r.id WHERE s.condition = 'human'"
                " AND r.kind = 'finetune' AND s.seed = 0",
                (f"x{number}", 5000 + number),
            )
            connection.execute(
                "UPDATE experiment_steps SET run_id = run_id || ? WHERE condition = ?",
                (f"x{number}", f"more{number}"),
            )
    overview = read_overview(Reading(connection, seeded_home, NOW), Wanted(None))
    connection.close()
    assert overview is not None
    loss = next(chart for name, chart, _ in overview.charts if name == "loss")
    assert loss is not None
    conditions = MOST_CONDITIONS + 3
    assert loss.title == f"training loss, {MOST_CONDITIONS} of {conditions} conditions"


def _report_loss(home: LabHome) -> None:
    connection = open_catalog(home)
    with write_transaction(connection):
        connection.execute(
            "INSERT INTO metrics (run, name, step, value, time) SELECT r.num, n.id, 31, 0.5, ?"
            " FROM runs r, metric_names n WHERE r.state = 'running' AND n.name = 'loss'",
            (NOW,),
        )
    connection.close()
