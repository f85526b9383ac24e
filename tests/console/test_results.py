"""All numbers as a table, and the way back from one of them."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from screens.app import LabApp
from screens.why import WhyScreen
from screens.widgets.lab_table import LabTable
from storage.catalog.connection import open_catalog, write_transaction
from storage.home import LabHome
from tests.console.console_pilot import SIZES, check_frame, drive, frame, settle
from tests.console.hostile import PAYLOADS, is_harmless
from tests.console.seeded import Seeder


async def to_results(pilot: Pilot[None]) -> None:
    await pilot.press("t")
    await settle(pilot)


@pytest.mark.parametrize("size", SIZES)
def test_headline_numbers(finished_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_results(pilot)
        check_frame(app, "results")

    drive(finished_home, act, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_lab_has_no_numbers(empty_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_results(pilot)
        check_frame(app, "results-empty")

    drive(empty_home, act, size=size)


def test_all_numbers_a_filter_and_why(finished_home: LabHome) -> None:
    connection = open_catalog(finished_home)
    with write_transaction(connection):
        for row in connection.execute("SELECT id FROM runs WHERE kind = 'collapse'").fetchall():
            Seeder(connection).result(row[0], "collapse", "entropy", "bits", 3.5)
        connection.execute(
            "UPDATE results SET value = NULL, reason = 'no answer was long enough'"
            " WHERE name = 'entropy' AND run_id IN"
            " (SELECT run_id FROM experiment_steps WHERE condition = 'multi')"
        )
    connection.close()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_results(pilot)
        table = app.screen.query_one("#table", LabTable)
        heads = table.row_count
        assert "4 more" in frame(app)
        await pilot.press("a")
        await settle(pilot)
        assert table.row_count == heads + 4
        await pilot.press("slash")
        app.screen.query_one(Input).value = "ENTROPY multi"
        await pilot.press("enter")
        await settle(pilot)
        assert table.row_count == 1
        assert "undefined" in frame(app)
        assert "no answer was" in frame(app)
        assert app.screen.words()["why"] == "eggs.2:multi:entropy"  # type: ignore[attr-defined]
        await pilot.press("w")
        await settle(pilot)
        assert isinstance(app.screen, WhyScreen)
        assert "entropy = undefined" in frame(app)
        assert app.command_log[-1] == "synthlab why eggs.2:multi:entropy"

    drive(finished_home, act, size=(120, 40))


def test_steps_that_are_not_measured_are_said(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_results(pilot)
        assert "4 steps not measured" in frame(app)

    drive(seeded_home, act, size=(120, 40))


def test_names_and_reasons_cannot_act(finished_home: LabHome) -> None:
    connection = open_catalog(finished_home)
    with write_transaction(connection):
        seeder = Seeder(connection)
        run = connection.execute("SELECT id FROM runs WHERE kind = 'collapse'").fetchone()[0]
        for payload in PAYLOADS:
            seeder.result(run, "collapse", payload, payload, 0.5)
            connection.execute(
                "UPDATE results SET value = NULL, reason = ? WHERE name = ?", (payload, payload)
            )
    connection.close()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_results(pilot)
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("end")
        for _ in PAYLOADS:
            await settle(pilot)
            assert is_harmless(frame(app))
            await pilot.press("k")

    drive(finished_home, act, size=(120, 40))
