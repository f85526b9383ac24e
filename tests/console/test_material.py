"""Sources, mixtures, checkpoints: frames, filters, orders, masked texts, ten thousand rows."""

from __future__ import annotations

import json

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from screens.app import LabApp
from screens.live import Reading
from screens.material_screen import MaterialScreen
from screens.snapshots.material import WINDOW, Wanted, read_checkpoints, read_sources
from storage.catalog.connection import open_catalog, write_transaction
from storage.home import LabHome
from storage.rundir import RunId
from tests.console.console_pilot import SIZES, check_frame, drive, frame, settle
from tests.console.seeded import NOW, Seeder, run_id

PLACES = {"sources": "S", "mixtures": "M", "checkpoints": "C"}


async def _go(pilot: Pilot[None], app: LabApp, place: str) -> MaterialScreen:
    await pilot.press(PLACES[place])
    await settle(pilot)
    assert isinstance(app.screen, MaterialScreen)
    return app.screen


@pytest.mark.parametrize("size", [*SIZES, (40, 12)])
@pytest.mark.parametrize("place", PLACES)
def test_frames(seeded_home: LabHome, place: str, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await _go(pilot, app, place)
        check_frame(app, place)

    drive(seeded_home, act, size=size)


@pytest.mark.parametrize("place", PLACES)
def test_an_empty_list_says_how_to_fill_it(empty_home: LabHome, place: str) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await _go(pilot, app, place)
        assert f"There are no {place} yet" in frame(app)
        assert "synthlab run tiny" in frame(app)

    drive(empty_home, act)


def test_a_filter_narrows_and_a_wrong_one_says_so(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await _go(pilot, app, "checkpoints")
        everything = screen.table.total
        await pilot.press("/")
        app.screen.query_one(Input).value = "seed=1"
        await pilot.press("enter")
        await settle(pilot)
        assert 0 < screen.table.total < everything
        await pilot.press("/")
        app.screen.query_one(Input).value = "nosuchfield=1"
        await pilot.press("enter")
        await settle(pilot)
        assert "no field" in frame(app)

    drive(seeded_home, act, size=(120, 40))


def test_orders_follow_the_key(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = await _go(pilot, app, "checkpoints")
        await pilot.press("o", "o")
        await settle(pilot)
        losses = [screen.table.row(key).eval_loss for key in screen.table._rows]  # type: ignore[union-attr]
        assert losses == sorted(losses)
        assert "by eval loss" in frame(app)

    drive(seeded_home, act, size=(120, 40))


def test_the_way_of_a_mixture_back_to_its_data_is_one_key_away(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await _go(pilot, app, "mixtures")
        await pilot.press("w")
        await settle(pilot)
        assert "import/train" in frame(app)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, MaterialScreen)

    drive(seeded_home, act, size=(120, 40))


def test_texts_of_a_harmful_set_are_masked_until_asked_for(home: LabHome) -> None:
    _harmful_source(home)

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await _go(pilot, app, "sources")
        assert "placeholder secret" not in frame(app)
        assert "masked" in frame(app)
        await pilot.press("m")
        await settle(pilot)
        assert "placeholder secret" in frame(app)
        await pilot.press("m")
        await settle(pilot)
        assert "placeholder secret" not in frame(app)

    drive(home, act, size=(120, 40))


def test_ten_thousand_sources_are_read_by_the_page(home: LabHome) -> None:
    connection = open_catalog(home)
    with write_transaction(connection):
        seeder = Seeder(connection)
        for number in range(10_000):
            run = seeder.run("generate", f"generate/{number}", "succeeded")
            seeder.insert(
                "sources", run_id=run, generator=f"model-{number:05d}", kind="model",
                prompts="train", rows=number, tokens=number, info="{}",
            )  # fmt: skip
    reading = Reading(connection, home, NOW)
    first = read_sources(reading, Wanted(order="s.rows DESC"))
    assert (len(first.rows), first.total) == (WINDOW, 10_000)
    assert first.rows[0].rows == 9_999
    later = read_sources(reading, Wanted(order="s.rows DESC", offset=9_900))
    assert [row.rows for row in later.rows] == list(range(99, -1, -1))
    assert read_checkpoints(reading, Wanted()).has_any is False
    connection.close()


def _harmful_source(home: LabHome) -> None:
    connection = open_catalog(home)
    spec = '[prompts.bad]\npurpose = "harmful"\n'
    with write_transaction(connection):
        seeder = Seeder(connection)
        seeder.insert(
            "experiments", id="bad.1", name="bad", revision=1, description="", file="",
            spec_sha256="0" * 64, spec_text=spec, created_at=NOW,
        )  # fmt: skip
        dataset = {"origin": "file", "name": "bad"}
        params = {"set": "bad", "holdouts": [], "dataset": dataset}
        imported = seeder.run("import", "import/bad", "succeeded", params=json.dumps(params))
        params = {"prompts": "bad"}
        made = seeder.run("generate", "answers", "succeeded", params=json.dumps(params))
        seeder.step("bad.1", 0, imported, "import/bad")
        seeder.step("bad.1", 1, made, "answers")
        seeder.insert("run_inputs", run_id=made, role="prompts", input_run_id=imported, digest="")
        seeder.insert(
            "sources", run_id=made, generator="g", kind="model", prompts="bad", rows=1, tokens=1,
            info="{}",
        )  # fmt: skip
    connection.close()
    out = home.run(RunId(run_id(2))) / "out"
    out.mkdir(parents=True)
    record = {"prompt_id": "p", "generator": "g", "text": "a placeholder secret"}
    (out / "responses.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
