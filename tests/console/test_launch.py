"""The launch screen: choosing, editing with faults shown at their lines, planning, saving, refusing."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from screens.app import LabApp
from screens.launch import LaunchScreen
from screens.widgets.experiment_editor import ExperimentEditor
from screens.widgets.facts import Facts
from storage.home import LabHome
from tests.console.console_pilot import SIZES, check_frame, drive, frame, settle

SPEC = """schema = 1
name = "mine"

[base]
model = "builtin:tiny-verse"
dtype = "float32"
"""


async def _typed(pilot: Pilot[None], app: LabApp, text: str) -> None:
    app.screen.query_one(ExperimentEditor).text = text
    await pilot.pause(0.6)
    await settle(pilot)


@pytest.mark.parametrize("size", [*SIZES, (40, 12)])
def test_recipes_are_there_at_once(empty_home: LabHome, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("L")
        await settle(pilot)
        text = frame(app)
        assert "tiny" in text
        if size[0] >= 80:
            assert "schema = 1" in text or "# Does" in text

    drive(empty_home, act, size=size)


def test_a_file_with_faults_says_where_they_are(empty_home: LabHome) -> None:
    Path("mine.toml").write_text(SPEC + "\n[finetune]\nlearing_rate = 1\n", encoding="utf-8")

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = app.go_to("launch")
        await settle(pilot)
        assert isinstance(screen, LaunchScreen)
        screen.open_file(Path("mine.toml").absolute())
        await settle(pilot)
        check_frame(app, "launch-faults")
        assert screen.query_one("#problems", Facts).display
        await pilot.press("p")
        await settle(pilot)
        assert "faults" in frame(app).splitlines()[-2]
        screen.do_edit()
        await settle(pilot)
        row, _ = screen.query_one(ExperimentEditor).cursor_location
        assert row == 8

    drive(empty_home, act, size=(100, 32), readonly=False)


def test_mending_the_text_removes_the_fault_and_saving_keeps_it(empty_home: LabHome) -> None:
    path = Path("mine.toml").absolute()
    path.write_text(SPEC + "\nseds = 1\n", encoding="utf-8")

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = app.go_to("launch")
        await settle(pilot)
        assert isinstance(screen, LaunchScreen)
        screen.open_file(path)
        await settle(pilot)
        assert screen.query_one("#problems", Facts).display
        await _typed(pilot, app, SPEC)
        assert not screen.query_one("#problems", Facts).display
        assert "edited" in frame(app)
        await pilot.press("g")
        await settle(pilot)
        assert "w saves it" in frame(app)
        await pilot.press("w")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert path.read_text(encoding="utf-8") == SPEC
        assert "edited" not in frame(app)

    drive(empty_home, act, size=(100, 32), readonly=False)


def test_a_recipe_is_saved_under_a_new_name_and_never_over_a_file(empty_home: LabHome) -> None:
    Path("taken.toml").write_text("mine", encoding="utf-8")

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("L")
        await settle(pilot)
        await _typed(pilot, app, SPEC)
        await pilot.press("w")
        await settle(pilot)
        app.screen.query_one(Input).value = "taken.toml"
        await pilot.press("enter")
        await settle(pilot)
        assert "already" in frame(app)
        app.screen.query_one(Input).value = "new.toml"
        await pilot.press("enter")
        await settle(pilot)
        assert Path("taken.toml").read_text(encoding="utf-8") == "mine"
        assert Path("new.toml").read_text(encoding="utf-8") == SPEC

    drive(empty_home, act, size=(100, 32), readonly=False)


def test_the_plan_of_a_recipe_has_a_reason_for_every_step(empty_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("L")
        await settle(pilot)
        await pilot.press("p")
        await settle(pilot, 60)
        text = frame(app)
        assert "3 plan:" in text
        assert " run" in text
        assert "new" in text

    drive(empty_home, act, size=(100, 32), readonly=False)


def test_a_console_that_only_looks_does_not_start_anything(empty_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("L")
        await settle(pilot)
        await pilot.press("g")
        await settle(pilot)
        assert "only looks" in frame(app)

    drive(empty_home, act, size=(100, 32), readonly=True)
