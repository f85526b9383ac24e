"""Everything without leaving the console, on real subprocesses: launch, watch, compare, read, report, why."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from screens.app import LabApp
from screens.why import WhyScreen
from screens.widgets.lab_table import LabTable
from storage.home import LabHome
from tests.commands import Command
from tests.console.console_pilot import drive, frame, settle

PATIENCE_S = 400.0


async def _wait(pilot: Pilot[None], app: LabApp, ready: Callable[[str], bool], what: str) -> str:
    """Look at the screen, as a person does, until it shows something."""
    deadline = time.monotonic() + PATIENCE_S
    while not ready(text := frame(app)):
        assert time.monotonic() < deadline, f"waited until {what}; the screen:\n{text}"
        await pilot.pause(0.2)
    return text


async def _row(pilot: Pilot[None], app: LabApp, name: str) -> str:
    """The key of the first row that is named so, as soon as it is in the screen's table."""

    def found(_: str) -> list[str]:
        # The name may stand in a pane before its row does in the table.
        tables = app.screen.query(LabTable)
        return [key for table in tables for key in table.keys_shown if name in key]

    text = await _wait(pilot, app, lambda text: bool(found(text)), f"{name} has a row")
    return found(text)[0]


@pytest.mark.slow
def test_launch_watch_compare_read_and_report(home: LabHome, tmp_path: Path) -> None:
    seen: set[str] = set()

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        assert "This lab is empty" in frame(app)
        await pilot.press("L")
        await _wait(pilot, app, lambda text: "schema = 1" in text, "the recipe is there")
        await pilot.press("p")
        await _wait(pilot, app, lambda text: "steps:" in text, "the plan is there")
        await pilot.press("g")
        await _wait(pilot, app, lambda text: " tiny.1 " in text, "the overview shows it")

        def done(text: str) -> bool:
            seen.update(word for word in ("running", "probe, small n") if word in text)
            return "✓ all done" in text or "failed" in text

        text = await _wait(pilot, app, done, "everything is done")
        assert "✓ all done" in text, text
        await pilot.press("P")
        chosen = await _row(pilot, app, "ppl1-log")
        assert app.screen.query_one(LabTable).choose(chosen)
        await pilot.press("w")
        await _wait(pilot, app, lambda text: "items scored" in text, "the way back is shown")
        assert isinstance(app.screen, WhyScreen)
        await pilot.press("escape")
        await settle(pilot, 60)
        await pilot.press("r")
        await settle(pilot, 60)
        app.screen.query_one(Input).value = str(tmp_path / "report")
        await pilot.press("enter")
        await _wait(pilot, app, lambda text: "report.html" in text, "the report is written")
        await pilot.press("A")
        await _wait(pilot, app, lambda text: "vanilla" in text and "?" in text, "answers are shown")
        assert "opening" not in frame(app)

    drive(home, act, size=(140, 44), readonly=False, clock=time.time)
    assert {"running", "probe, small n"} <= seen
    report = tmp_path / "report"
    assert (report / "report.html").stat().st_size > 10_000
    assert list((report / "figures").glob("*.svg"))
    command = Command(home)
    assert command.json("experiments")["rows"][0]["succeeded"] > 50
    assert command.run("verify").returncode == 0
