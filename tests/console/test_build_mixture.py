"""From marked sources to a mixture in a file: shares by keys, live counts, first rows, what is reused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from screens.app import LabApp
from screens.ask_fields import AskFields
from screens.build_mixture import BuildMixture
from screens.launch import LaunchScreen
from screens.material_screen import MaterialScreen
from screens.sources import source_key
from screens.widgets.experiment_editor import ExperimentEditor
from screens.widgets.share_bars import ShareBars
from storage.home import LabHome
from synthlab.execution.planning import plan_text
from synthlab.experiment.load import load_spec
from tests.commands import Command
from tests.console.console_pilot import check_frame, drive, frame, settle
from tests.console.finished_lab import ROWS, TEXT, finished_lab

SIZES = ((80, 24), (120, 40))


@pytest.fixture
def lab(empty_home: LabHome, tmp_path: Path) -> LabHome:
    finished_lab(empty_home, tmp_path)
    return empty_home


async def _marked(pilot: Pilot[None], app: LabApp, *generators: str) -> None:
    await pilot.press("S")
    await settle(pilot)
    assert isinstance(app.screen, MaterialScreen)
    table = app.screen.table
    keys = {source_key(key).generator.split("@")[0]: key for key in table._rows}
    table.set_marks([keys[name] for name in generators])


async def _opened(pilot: Pilot[None], app: LabApp, *generators: str) -> BuildMixture:
    await _marked(pilot, app, *generators)
    await pilot.press("b")
    await settle(pilot)
    assert isinstance(app.screen, BuildMixture), frame(app)
    return app.screen


ALL = ("human:people.csv", "builtin:tiny-prose", "builtin:tiny-docs")


@pytest.mark.parametrize("size", SIZES)
def test_frames(lab: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        modal = await _opened(pilot, app, *ALL)
        modal.query_one("#file", Input).value = "spam.toml"
        await pilot.press("right", "right", "down", "left")
        await settle(pilot)
        check_frame(app, "build-mixture")

    drive(lab, act, size=size, readonly=False)


def test_shares_follow_the_keys_and_the_counts_follow_the_shares(lab: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        modal = await _opened(pilot, app, *ALL[:2])
        bars = modal.query_one(ShareBars)
        assert bars.shares == (1, 1)
        assert frame(app).count("8 rows") == 2
        await pilot.press("right", "right")
        await settle(pilot)
        assert bars.shares == (3, 1)
        assert "12 rows" in frame(app)
        assert "Question" in frame(app)
        await pilot.press("down", "left")
        await settle(pilot)
        assert bars.shares == (3, 0)
        assert f"{ROWS} rows" in frame(app)
        await pilot.press("up", "left", "left", "left", "left")
        await settle(pilot)
        assert bars.shares == (0, 0)
        assert "at least one source needs a share" in frame(app)
        await pilot.press("enter")
        await settle(pilot)
        assert app.screen is modal, "a mixture of nothing was written"
        await pilot.press("escape")
        await settle(pilot)
        assert Path("spam.toml").read_text(encoding="utf-8") == TEXT

    drive(lab, act, size=(120, 40), readonly=False)


def test_too_many_rows_and_unequal_shares_of_all_are_refused(lab: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        modal = await _opened(pilot, app, *ALL[:2])
        modal.query_one("#rows", Input).value = "17"
        await settle(pilot)
        assert "only 16 have a usable response" in frame(app)
        modal.query_one("#rows", Input).value = "4"
        await pilot.press("ctrl+g", "ctrl+g")
        await settle(pilot)
        assert "assign all" in frame(app)
        assert "first of 4 rows" in frame(app)
        await pilot.press("right")
        await settle(pilot)
        assert "the shares must be equal" in frame(app)

    drive(lab, act, size=(120, 40), readonly=False)


def test_in_the_file_that_has_the_sources_only_the_mixture_is_new(lab: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        modal = await _opened(pilot, app, *ALL)
        twin = str(modal.query_one("#twin", Static).render())
        assert "--share people=1 --share prose=1 --share docs=1" in twin
        modal.query_one("#name", Input).value = "mixed"
        await pilot.press("right", "enter")
        await settle(pilot)
        assert isinstance(app.screen, LaunchScreen)
        assert "[mixtures.mixed]" in app.screen.query_one(ExperimentEditor).text
        assert any("mixtures add" in command for command in app.command_log)

    drive(lab, act, size=(120, 40), readonly=False)
    text = Path("spam.toml").read_text(encoding="utf-8")
    added = text.removeprefix(TEXT)
    assert added == "\n[mixtures.mixed]\nshares = { people = 2, prose = 1, docs = 1 }\n"


def test_a_new_file_brings_all_that_is_needed_and_nothing_is_made_again(lab: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        modal = await _opened(pilot, app, *ALL)
        modal.query_one("#file", Input).value = "sub/other.toml"
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, LaunchScreen), frame(app)

    Path("sub").mkdir()
    drive(lab, act, size=(120, 40), readonly=False)
    path = Path("sub/other.toml")
    spec = load_spec(path)
    assert (spec.name, spec.base.model, spec.base.dtype) == (
        "other",
        "builtin:tiny-verse",
        "float32",
    )
    assert list(spec.sources) == ["people", "tiny-prose", "tiny-docs"]
    planned = plan_text(lab, os.environ, path.read_text(encoding="utf-8"), path)
    actions = {status.step.label: status.action.value for status in planned.statuses}
    assert actions.pop("import/train") == "cached"
    assert actions.pop("generate/tiny-prose") == "cached"
    assert actions.pop("generate/tiny-docs") == "cached"
    assert set(actions.values()) == {"run"}


def test_a_file_that_means_another_set_by_the_name_is_refused(lab: LabHome) -> None:
    other = TEXT.replace("people.csv", "others.csv")
    Path("clash.toml").write_text(other, encoding="utf-8")

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        modal = await _opened(pilot, app, *ALL[:2])
        modal.query_one("#file", Input).value = "clash.toml"
        await pilot.press("enter")
        await settle(pilot)
        assert "clash.toml:8: prompts.train: is another prompt set" in frame(app)
        modal.query_one("#file", Input).value = "spam.toml"
        modal.query_one("#name", Input).value = "b]\nx"
        await pilot.press("enter")
        await settle(pilot)
        assert "not a usable name" in frame(app)

    drive(lab, act, size=(120, 40), readonly=False)
    assert Path("clash.toml").read_text(encoding="utf-8") == other


def test_a_console_that_only_looks_builds_nothing(lab: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await _marked(pilot, app, ALL[0])
        for key in ("b", "a", "i"):
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(app.screen, MaterialScreen)
            assert "only looks" in frame(app)

    drive(lab, act, size=(120, 40))


@pytest.mark.parametrize("size", SIZES)
def test_a_source_is_added_by_a_form(lab: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await _marked(pilot, app)
        await pilot.press("a")
        await settle(pilot)
        form = app.screen
        assert isinstance(form, AskFields)
        form.query_one("#field-file", Input).value = "spam.toml"
        form.query_one("#field-name", Input).value = "people"
        form.query_one("#field-model", Input).value = "own/er"
        form.query_one("#field-temperature", Input).value = "0.5"
        await settle(pilot)
        check_frame(app, "add-source")
        await pilot.press("enter")
        await settle(pilot)
        assert app.screen is form
        assert "is there already" in frame(app)
        form.query_one("#field-name", Input).value = "pirate"
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, LaunchScreen)
        await pilot.pause()
        await settle(pilot)  # the file is opened a moment after the screen
        assert "[sources.pirate]" in app.screen.query_one(ExperimentEditor).text
        wanted = "synthlab sources add spam.toml pirate --model own/er --temperature 0.5"
        assert wanted in app.command_log

    drive(lab, act, size=size, readonly=False)
    source = load_spec(Path("spam.toml")).sources["pirate"]
    assert (source.model, source.sampling.temperature) == ("own/er", 0.5)


def test_prompt_sets_are_imported_by_a_form(lab: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await _marked(pilot, app)
        await pilot.press("i")
        await settle(pilot)
        form = app.screen
        assert isinstance(form, AskFields)
        form.query_one("#field-source", Input).value = "nothing.csv"
        await pilot.press("enter")
        await settle(pilot)
        assert "no data file" in frame(app)
        form.query_one("#field-source", Input).value = "people.csv"
        form.query_one("#field-name", Input).value = "again"
        await pilot.press("enter")
        await settle(pilot, 60.0)
        assert isinstance(app.screen, MaterialScreen)
        assert "synthlab prompts import --from people.csv --as again" in app.command_log

    whole = LabHome(lab.root.absolute())  # a supervisor has another working directory
    drive(whole, act, size=(120, 40), readonly=False)
    command = Command(whole)
    rows = command.json("prompts", "import", "--from", "people.csv", "--as", "again")["rows"]
    assert [row["name"] for row in rows] == ["again", "train"]
