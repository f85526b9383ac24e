"""Panes: hidden by digits, where what is left takes the room; one at a time in a very small terminal."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from screens.app import LabApp
from screens.snapshots.evidence import evidence_words
from screens.widgets.experiment_editor import ExperimentEditor
from storage.home import LabHome
from tests.console.console_pilot import drive, frame, settle

TITLES = {
    "O": ("1 conditions", "2 axes", "3 queue", "4 machine"),
    "L": ("1 recipes", "2 tiny", "3 plan"),
    "R": ("1 runs", "2 run"),
    "S": ("1 sources", "2 detail"),
    "comma": ("1 settings", "2 where", "3 keys"),
}


@pytest.mark.parametrize("place", TITLES)
@pytest.mark.parametrize("size", [(40, 12), (59, 30), (120, 15)])
def test_in_a_very_small_terminal_every_pane_is_one_digit_away(
    seeded_home: LabHome, place: str, size: tuple[int, int]
) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press(place)
        await settle(pilot)
        titles = TITLES[place]
        for number, title in enumerate(titles, 1):
            await pilot.press(str(number))
            await settle(pilot)
            seen = [one for one in titles if f"─{one}" in frame(app) or f"─ {one}" in frame(app)]
            assert seen == [title]
            assert f" 1-{len(titles)} panes" in frame(app)

    drive(seeded_home, act, size=size)


def test_what_is_left_takes_the_room_of_what_is_hidden(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        conditions = app.screen.query_one("#conditions-pane")
        before = conditions.size.width
        await pilot.press("2")
        await settle(pilot)
        assert conditions.size.width > 2 * before
        await pilot.press("1")
        await settle(pilot)
        assert app.screen.query_one("#queue-pane").size.height > 30
        await pilot.press("3", "4")
        await settle(pilot)
        assert "the last pane stays" in frame(app)
        await pilot.press("0")
        await settle(pilot)
        assert conditions.size.width == before

    drive(seeded_home, act, size=(120, 40))


def test_a_terminal_that_grows_shows_all_panes_again(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        assert "1 conditions" not in frame(app)
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        assert all(title in frame(app) for title in TITLES["O"])

    drive(seeded_home, act, size=(40, 12))


def test_a_digit_shows_a_text_but_does_not_type_into_it(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("L")
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        editor = app.screen.query_one(ExperimentEditor)
        text = editor.text
        await pilot.press("3", "2", "enter")
        await settle(pilot)
        assert editor.text == text
        assert "esc leave the text" in frame(app)
        await pilot.press("3")
        await settle(pilot)
        assert editor.text != text

    drive(seeded_home, act, size=(40, 12))


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (
            {"exit_status": 0, "oom_kills": 0, "leftovers": []},
            "exited with 0, nothing left behind",
        ),
        (
            {"exit_status": -9, "oom_kills": 2, "leftovers": [71]},
            "ended by SIGKILL, killed for want of memory 2 times, 1 process left behind and ended (71)",
        ),
        (
            {"lock": "free", "runner": {"pid": 70, "boot_id": "b"}, "job": None},
            "its lock is free, runner 70",
        ),
        ({"exit_status": "odd", "new": [1]}, "exit status odd, new [1]"),
        ({"exit_status": -4000, "leftovers": 3, "lock": None}, None),
    ],
)
def test_evidence_is_said_in_words_and_what_is_unknown_as_it_is(
    evidence: dict[str, Any], words: str | None
) -> None:
    said = evidence_words(evidence)
    assert said == words if words is not None else "exit status -4000" in said
