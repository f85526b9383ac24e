"""What the machine has, and how one person likes the console."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

import screens.doctor
import screens.settings
from screens.app import LabApp
from screens.preferences import Preferences, load_preferences
from screens.settings import changed, settings_of
from screens.widgets.facts import Facts
from storage.home import LabHome
from synthlab.cli.doctor import Finding
from synthlab.cli.paths import LabPath
from tests.console.console_pilot import SIZES, check_frame, drive, frame, settle
from tests.console.hostile import PAYLOADS, is_harmless

FINDINGS = [
    Finding("lab home", "ok", "/data/lab"),
    Finding("catalog", "note", "SQLite 3.40.1, journal mode truncate (WAL needs SQLite 3.51.3)"),
    Finding("file system", "ok", "ext4"),
    Finding("disk", "problem", "0.4 GiB free"),
    Finding("TERM", "ok", "tmux-256color"),
    Finding("colours", "ok", "256: what the themes are made of"),
]
PLACES = (
    LabPath("lab home", Path("/data/lab"), "--home, SYNTHLAB_HOME or XDG_DATA_HOME move it"),
    LabPath("preferences", Path("/home/ada/.config/synthlab/console.toml"), "of the console"),
)


@pytest.mark.parametrize("size", SIZES)
def test_doctor(
    seeded_home: LabHome, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens.doctor, "examine", lambda *_: FINDINGS)

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("D")
        await settle(pilot)
        check_frame(app, "doctor")

    drive(seeded_home, act, size=size)


def test_doctor_examines_this_very_terminal(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("D")
        await settle(pilot)
        for subject in ("TERM", "COLORTERM", "colours", "encoding", "catalog", "file system"):
            assert subject in frame(app)
        assert "100x50" in frame(app)
        await pilot.press("r")
        await settle(pilot)
        assert "looked again" in frame(app)

    drive(seeded_home, act, size=(100, 50))


@pytest.mark.parametrize("size", SIZES)
def test_settings(
    seeded_home: LabHome, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens.settings, "lab_paths", lambda *_: PLACES)
    monkeypatch.setattr(screens.settings, "action_tables", lambda: ())

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("comma")
        await settle(pilot)
        check_frame(app, "settings")

    drive(seeded_home, act, size=size)


def test_a_changed_setting_is_in_force_and_kept(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("comma")
        await settle(pilot)
        await pilot.press("enter", "j", "space", "space", "space", "j", "enter")
        await settle(pilot)
        assert app.theme == "lab-light"
        assert app.symbols == "ascii"
        kept = load_preferences(app.preferences_path)
        assert kept == Preferences(theme="light", symbols="ascii", mouse=False)
        assert "mouse: off, from the next start on" in frame(app)

    drive(seeded_home, act, size=(120, 40))


def test_preferences_that_cannot_be_kept_are_an_error_not_an_end(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        app.preferences_path = seeded_home.catalog / "console.toml"
        await pilot.press("comma")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "console.toml" in frame(app)
        assert "✗" in frame(app)

    drive(seeded_home, act, size=(120, 40))


def test_every_action_of_every_screen_is_listed_by_its_id(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("comma")
        await settle(pilot)
        said = app.screen.query_one("#keys", Facts).said
        assert said is not None
        for identity in ("app.quit", "runs.stop", "run.why", "log.find", "results.all"):
            assert identity in said.plain

    drive(seeded_home, act)


def test_paths_and_findings_cannot_act(
    seeded_home: LabHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [Finding(payload, "problem", payload) for payload in PAYLOADS]
    places = [LabPath(payload, Path(payload.replace("\0", "")), payload) for payload in PAYLOADS]
    monkeypatch.setattr(screens.doctor, "examine", lambda *_: findings)
    monkeypatch.setattr(screens.settings, "lab_paths", lambda *_: places)

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("D")
        await settle(pilot)
        assert is_harmless(frame(app))
        await pilot.press("escape", "comma")
        await settle(pilot)
        assert is_harmless(frame(app))

    drive(seeded_home, act, size=(120, 60))


def test_settings_are_changed_by_name() -> None:
    preferences = Preferences(keys={"runs.stop": "z"})
    for row in settings_of(preferences):
        assert row.value in row.choices
        other = next(choice for choice in row.choices if choice != row.value)
        after = changed(preferences, row.name, other)
        assert dict(after.keys) == {"runs.stop": "z"}
        assert {r.name: r.value for r in settings_of(after)}[row.name] == other
    with pytest.raises(ValueError, match="no setting"):
        changed(preferences, "colour", "red")
