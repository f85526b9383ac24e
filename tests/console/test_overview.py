"""The overview: frames in three sizes, keys, freezing, and drawing only what changed."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from screens.app import LabApp
from screens.widgets.chart_view import ChartView
from screens.widgets.lab_table import LabTable
from storage.catalog.connection import open_catalog, write_transaction
from storage.home import LabHome
from tests.console.console_pilot import SIZES, check_frame, drive, frame, settle


@pytest.mark.parametrize("size", [*SIZES, (40, 12)])
def test_the_middle_of_an_experiment(seeded_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        check_frame(app, "overview-running")

    drive(seeded_home, act, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_a_finished_experiment(finished_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        check_frame(app, "overview-finished")

    drive(finished_home, act, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_lab_says_how_to_fill_it(empty_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        check_frame(app, "overview-empty")

    drive(empty_home, act, size=size)


def test_ascii_symbols_leave_nothing_beyond_ascii_in_charts(finished_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        for chart in app.screen.query(ChartView):
            assert chart.grid is not None
            assert chart.grid.text.isascii()

    drive(finished_home, act, size=(120, 40), symbols="ascii")


def test_a_change_in_the_catalog_reaches_the_screen_and_only_changed_rows(
    seeded_home: LabHome,
) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        table = app.screen.query_one("#queue", LabTable)
        assert "30 of 60 steps" in frame(app)
        chosen = table.chosen
        connection = open_catalog(seeded_home)
        with write_transaction(connection):
            connection.execute("UPDATE runs SET progress_done = 45 WHERE state = 'running'")
        connection.close()
        await pilot.pause(0.7)
        await settle(pilot)
        assert "45 of 60 steps" in frame(app)
        assert table.chosen == chosen

    drive(seeded_home, act, size=(120, 40))


def test_frozen_the_screen_stays_and_catches_up_when_it_thaws(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("f")
        connection = open_catalog(seeded_home)
        with write_transaction(connection):
            connection.execute("UPDATE runs SET progress_done = 45 WHERE state = 'running'")
        connection.close()
        await pilot.pause(0.7)
        await settle(pilot)
        assert "30 of 60 steps" in frame(app)
        assert "frozen" in frame(app).splitlines()[0]
        await pilot.press("f")
        await settle(pilot)
        assert "45 of 60 steps" in frame(app)

    drive(seeded_home, act, size=(120, 40))


def test_nothing_changed_nothing_is_shown_again(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = app.screen
        shown: list[object] = []
        screen.show = shown.append  # type: ignore[attr-defined]
        await pilot.pause(1.2)
        screen.look_again()  # type: ignore[attr-defined]
        await settle(pilot)
        assert shown == []

    drive(seeded_home, act)


def test_a_console_that_only_looks_refuses_to_stop_and_says_why(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("x")
        await settle(pilot)
        assert "only looks" in frame(app)

    drive(seeded_home, act, readonly=True)


def test_panes_hide_and_come_back(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        before = frame(app)
        await pilot.press("1")
        await settle(pilot)
        assert "1 conditions" not in frame(app)
        await pilot.press("0")
        await settle(pilot)
        assert frame(app) == before

    drive(seeded_home, act, size=(120, 40))


def test_older_and_newer_experiments(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        assert app.experiment == "eggs.2"
        await pilot.press("[")
        await settle(pilot)
        assert app.experiment == "eggs.1"
        assert "eggs.1" in frame(app)
        await pilot.press("[")
        await settle(pilot)
        assert "none further" in frame(app)
        await pilot.press("]")
        await settle(pilot)
        assert app.experiment == "eggs.2"

    drive(seeded_home, act)


def test_the_queue_shows_what_runs_first_until_a_row_is_chosen(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        table = app.screen.query_one("#queue", LabTable)
        first = table.chosen
        connection = open_catalog(seeded_home)
        with write_transaction(connection):
            connection.execute(
                "UPDATE runs SET state = 'succeeded', ended_at = 0 WHERE id = ?", (first,)
            )
            connection.execute(
                "UPDATE runs SET state = 'running' WHERE id ="
                " (SELECT id FROM runs WHERE state = 'queued' LIMIT 1)"
            )
        await pilot.pause(0.7)
        await settle(pilot)
        assert table.chosen != first
        row = table.chosen_row
        assert row is not None
        assert row.state == "running"
        assert table.cursor_row == 0
        await pilot.press("down")
        await settle(pilot)
        chosen = table.chosen
        with write_transaction(connection):
            connection.execute("UPDATE runs SET state = 'running' WHERE state = 'queued'")
        connection.close()
        await pilot.pause(0.7)
        await settle(pilot)
        assert table.chosen == chosen

    drive(seeded_home, act, size=(120, 40))
