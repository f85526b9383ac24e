"""The list of runs: frames, pages of ten thousand, filter, order, numbers, marks, changes, hostile labels."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from screens.app import LabApp
from screens.live import Reading
from screens.run import RunScreen
from screens.runs import RunsScreen
from screens.snapshots.runs import (
    MOST_BY_NUMBER,
    ORDERS,
    WINDOW,
    NumberColumn,
    RunsWanted,
    number_columns,
    read_runs,
)
from screens.widgets.confirm import Confirm
from screens.widgets.paged_table import PagedTable
from storage.catalog.connection import open_catalog, open_reader, write_transaction
from storage.filters import FilterError
from storage.home import LabHome, prepare_home
from tests.console.console_pilot import SIZES, check_frame, drive, frame, settle
from tests.console.hostile import PAYLOADS, is_harmless
from tests.console.seeded import EXPERIMENT, NOW, Seeder, run_id

MANY = 10_000


@pytest.fixture(scope="module")
def many_catalog(tmp_path_factory: pytest.TempPathFactory, empty_catalog: Path) -> Path:
    """Ten thousand runs, a hundred to a moment, as a sweep makes them."""
    made = prepare_home(LabHome(tmp_path_factory.mktemp("many") / "lab"))
    shutil.copy(empty_catalog, made.catalog)
    connection = open_catalog(made)
    with write_transaction(connection):
        seeder = Seeder(connection)
        for number in range(MANY):
            state = ("succeeded", "failed", "queued")[number % 3]
            moment = NOW - MANY + number // 100
            seeder.run("finetune", f"run {number}", state, created_at=moment)
    connection.close()
    return made.catalog


@pytest.fixture
def many_home(empty_home: LabHome, many_catalog: Path) -> LabHome:
    """A lab with them."""
    shutil.copy(many_catalog, empty_home.catalog)
    return empty_home


def reading(home: LabHome) -> Reading:
    return Reading(open_reader(home), home, NOW)


async def to_runs(pilot: Pilot[None]) -> RunsScreen:
    await pilot.press("R")
    await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, RunsScreen)
    return screen


def table_of(app: LabApp) -> PagedTable[Any]:
    return app.screen.query_one("#runs", PagedTable)


@pytest.mark.parametrize("size", [*SIZES, (40, 12)])
def test_runs_of_an_experiment(seeded_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_runs(pilot)
        check_frame(app, "runs")

    drive(seeded_home, act, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_list_says_how_to_fill_it(empty_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_runs(pilot)
        check_frame(app, "runs-empty")

    drive(empty_home, act, size=size)


def test_windows_put_together_are_the_whole_list(many_home: LabHome) -> None:
    look = reading(many_home)
    for order in [order for order in ORDERS if order != "number"]:
        seen: list[str] = []
        for offset in range(0, MANY, WINDOW):
            page = read_runs(look, RunsWanted(order=order, offset=offset))
            assert (page.total, page.offset) == (MANY, offset)
            seen += [row.run_id for row in page.rows]
        assert len(seen) == len(set(seen)) == MANY
    look.catalog.close()


def test_the_cursor_walks_through_ten_thousand_runs_without_a_gap(many_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_runs(pilot)
        table = table_of(app)
        wanted = [row.run_id for row in read_runs(reading(many_home), RunsWanted()).rows]
        assert table.chosen == wanted[0]
        seen = [table.place]
        for _ in range(20):
            await pilot.press("pagedown")
            await settle(pilot)
            assert table.row_count <= WINDOW
            seen.append(table.place)
        steps = {after - before for before, after in pairwise(seen)}
        assert len(steps) == 1, f"the cursor jumped: {seen}"
        place = table.place
        assert place > WINDOW
        page = read_runs(reading(many_home), RunsWanted(offset=place // 100 * 100))
        assert table.chosen == page.rows[place - 1 - page.offset].run_id
        await pilot.press("end")
        await settle(pilot)
        assert table.place == MANY
        assert f"{MANY} of {MANY}" in frame(app)
        await pilot.press("k", "k", "k")
        await settle(pilot)
        assert table.place == MANY - 3
        await pilot.press("home")
        await settle(pilot)
        assert (table.place, table.chosen) == (1, wanted[0])

    drive(many_home, act, size=(120, 40))


def test_the_cursor_stays_on_its_run_when_newer_ones_arrive(many_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_runs(pilot)
        await pilot.press("j", "j")
        await settle(pilot)
        table = table_of(app)
        chosen = table.chosen
        connection = open_catalog(many_home)
        with write_transaction(connection):
            seeder = Seeder(connection)
            seeder.count = MANY
            seeder.run("mix", "newest of all", "queued", created_at=NOW)
        connection.close()
        await pilot.pause(0.7)
        await settle(pilot)
        assert "newest of all" in frame(app)
        assert (table.chosen, table.place) == (chosen, 4)

    drive(many_home, act, size=(120, 40))


def test_a_filter_narrows_and_a_wrong_one_says_what_is_wrong(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_runs(pilot)
        await pilot.press("slash")
        app.screen.query_one(Input).value = "state:failed"
        await pilot.press("enter")
        await settle(pilot)
        assert "robustness/single.s1" in frame(app)
        assert table_of(app).total == 1
        await pilot.press("slash")
        app.screen.query_one(Input).value = "nothing:here"
        await pilot.press("enter")
        await settle(pilot)
        assert "there is no field 'nothing'" in frame(app)
        await pilot.press("slash", "escape")
        await settle(pilot)
        assert table_of(app).total == 48

    drive(seeded_home, act, size=(120, 40))


def test_a_filter_that_cannot_be_read_is_an_error(seeded_home: LabHome) -> None:
    with pytest.raises(FilterError, match="no field"):
        read_runs(reading(seeded_home), RunsWanted("wrong:1"))


def test_numbers_stand_beside_the_runs_that_have_them(seeded_home: LabHome) -> None:
    look = reading(seeded_home)
    columns = number_columns(look)
    assert columns[0] == NumberColumn("loss", False)
    assert NumberColumn("self-bleu-4", True) in columns
    page = read_runs(look, RunsWanted(number=NumberColumn("loss", False), order="number"))
    values = [row.number for row in page.rows]
    known = [value for value in values if isinstance(value, float)]
    assert len(known) == 9
    assert known == sorted(known, reverse=True)
    assert values[len(known) :] == [None] * (len(values) - len(known))
    look.catalog.execute("PRAGMA query_only=OFF")
    with write_transaction(look.catalog):
        look.catalog.execute("UPDATE results SET value = NULL WHERE name = 'self-bleu-4'")
    page = read_runs(look, RunsWanted(number=NumberColumn("self-bleu-4", True)))
    assert {row.number for row in page.rows if row.kind == "collapse"} == {"undefined", None}


def test_too_many_runs_are_not_ordered_by_a_number(many_home: LabHome) -> None:
    assert MANY > MOST_BY_NUMBER
    wanted = RunsWanted(number=NumberColumn("loss", False), order="number")
    assert read_runs(reading(many_home), wanted).order == "newest"


def test_only_runs_of_the_experiment_the_console_is_on(seeded_home: LabHome) -> None:
    look = reading(seeded_home)
    assert read_runs(look, RunsWanted(experiment="eggs.1")).total == 3
    assert read_runs(look, RunsWanted(experiment=EXPERIMENT)).total == 48


def test_keys_order_number_mark_and_overlay(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_runs(pilot)
        await pilot.press("o")
        await settle(pilot)
        assert "by state" in frame(app)
        await pilot.press("v")
        await settle(pilot)
        assert "loss" in frame(app)
        await pilot.press("o", "o", "o")
        await settle(pilot)
        assert "by loss" in frame(app)
        first = table_of(app).chosen
        await pilot.press("space", "space")
        assert len(table_of(app).marked) == 2
        await pilot.press("c")
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        shown = app.screen.following.shown
        assert shown is not None
        assert shown.about.run_id == first
        charts = dict(shown.curves.charts)
        assert len({series.name for series in charts["loss"].series}) == 2

    drive(seeded_home, act, size=(120, 40))


class Asked:
    """Stands for the lab's requests and remembers them."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    async def stop(self, runs: Sequence[str]) -> dict[str, Any]:
        self.calls.append(("stop", list(runs)))
        return {}

    async def retry(self, runs: Sequence[str]) -> dict[str, Any]:
        self.calls.append(("retry", list(runs)))
        return {"queued": list(runs)}

    async def prioritise(self, runs: Sequence[str], priority: int) -> dict[str, Any]:
        self.calls.append(("prioritise", (list(runs), priority)))
        return {}

    async def remove(self, *, runs: Sequence[str] = (), experiment: str | None = None) -> Any:
        self.calls.append(("remove", list(runs)))
        return {}


def test_changes_go_to_the_lab_as_requests(
    seeded_home: LabHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        asked = Asked()
        for name in ("stop", "retry", "prioritise", "remove"):
            monkeypatch.setattr(app.requests, name, getattr(asked, name))

        async def supervised() -> None:
            return None

        monkeypatch.setattr(app, "supervise", supervised)
        await to_runs(pilot)
        await pilot.press("o")
        await settle(pilot)
        table = table_of(app)
        running = table.chosen
        await pilot.press("x")
        await settle(pilot)
        table.choose("".join(sorted(asked.calls[0][1])))
        await pilot.press("j")
        await settle(pilot)
        queued = table.chosen
        await pilot.press("plus", "minus", "r")
        await settle(pilot)
        assert "it is queued" in frame(app)
        assert app.command_log[-2:] == [
            f"synthlab priority {queued} 1",
            f"synthlab priority {queued} -1",
        ]
        await pilot.press("delete")
        await settle(pilot)
        assert isinstance(app.screen, Confirm)
        assert "collapse/multi.s2" in frame(app)
        await pilot.press("enter")  # stands on no
        await settle(pilot)
        await pilot.press("delete", "y")
        await settle(pilot)
        assert asked.calls == [
            ("stop", [running]),
            ("prioritise", ([queued], 1)),
            ("prioritise", ([queued], -1)),
            ("remove", [queued]),
        ]

    drive(seeded_home, act, size=(120, 40), readonly=False)


def test_a_console_that_only_looks_refuses_changes(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_runs(pilot)
        await pilot.press("o", "x")
        await settle(pilot)
        assert "this console only looks" in frame(app)

    drive(seeded_home, act, size=(120, 40))


def test_of_runs_that_were_queued_together_the_last_that_began_is_the_newest(
    empty_home: LabHome,
) -> None:
    connection = open_catalog(empty_home)
    with write_transaction(connection):
        seeder = Seeder(connection)
        at = NOW - 500
        seeder.run("import", "earlier", "succeeded", created_at=at - 1, started_at=NOW)
        for label, state, started in (
            ("first", "succeeded", at + 1),
            ("second", "running", at + 9),
            ("third", "queued", None),
            ("fourth", "succeeded", at + 5),
        ):
            seeder.run("mix", label, state, created_at=at, started_at=started)
    connection.close()
    page = read_runs(reading(empty_home), RunsWanted())
    assert [row.label for row in page.rows] == ["second", "fourth", "first", "third", "earlier"]


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_labels_cannot_act(empty_home: LabHome, size: tuple[int, int]) -> None:
    connection = open_catalog(empty_home)
    with write_transaction(connection):
        seeder = Seeder(connection)
        for payload in PAYLOADS:
            seeder.run(payload, payload, "failed", reason=payload, message=payload, hint=payload)
        seeder.metric(run_id(1), PAYLOADS[0], [(1, 0.5)])
    connection.close()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await to_runs(pilot)
        for _ in PAYLOADS:
            await pilot.press("j")
            await settle(pilot)
            assert is_harmless(frame(app))
        await pilot.press("v", "enter")
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        assert is_harmless(frame(app))

    drive(empty_home, act, size=size)
