"""The tables of actions: every action can be done, found in the help and the palette, and has one key."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections import Counter

import pytest
from textual.pilot import Pilot

import screens
from screens.actions import Action, ActionHost
from screens.app import LabApp
from screens.lab_screen import LabScreen
from storage.home import LabHome
from synthlab.cli.grammar import VERBS
from tests.console.console_pilot import drive, frame, settle
from tests.console.seeded import EXPERIMENT

FORBIDDEN = {
    "ctrl+b": "tmux", "ctrl+a": "screen", "ctrl+z": "suspend", "ctrl+s": "flow control",
    "ctrl+q": "flow control", "ctrl+h": "Backspace", "ctrl+i": "Tab", "ctrl+j": "line feed",
    "ctrl+m": "Enter", "ctrl+[": "Escape",
}  # fmt: skip


def hosts() -> list[type[ActionHost]]:
    found: dict[str, type[ActionHost]] = {}
    for module in pkgutil.walk_packages(screens.__path__, "screens."):
        if module.name.endswith("__main__"):
            continue
        for name, member in inspect.getmembers(
            importlib.import_module(module.name), inspect.isclass
        ):
            if issubclass(member, ActionHost) and member.ACTIONS:
                found[f"{member.__module__}.{name}"] = member
    return list(found.values())


HOSTS = hosts()


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
def test_every_action_has_its_method(host: type[ActionHost]) -> None:
    missing = [
        action.id
        for action in host.ACTIONS
        if not action.id.startswith("go.")
        and not callable(getattr(host, f"do_{action.name}", None))
    ]
    assert not missing


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
def test_a_key_is_used_once_in_its_scope(host: type[ActionHost]) -> None:
    scope = [*host.ACTIONS, *(() if host is LabApp else LabApp.ACTIONS)]
    keys = Counter(key for action in scope for key in action.keys.split(","))
    own = {key for action in host.ACTIONS for key in action.keys.split(",")}
    # `escape` of an innermost screen may mean leaving a part of it first.
    twice = [key for key, times in keys.items() if times > 1 and key in own and key != "escape"]
    assert not twice, twice


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
def test_ids_are_unique_and_no_key_is_one_that_terminals_keep(host: type[ActionHost]) -> None:
    ids = [action.id for action in host.ACTIONS]
    assert len(set(ids)) == len(ids)
    for action in host.ACTIONS:
        assert action.help
        for key in action.keys.split(","):
            assert key not in FORBIDDEN, f"{action.id}: {key} is {FORBIDDEN.get(key)}"
            assert not key.startswith("alt+"), action.id


def test_every_headless_twin_is_a_verb_that_there_is() -> None:
    verbs = {verb.name for verb in VERBS}
    for host in HOSTS:
        for action in host.ACTIONS:
            if action.headless:
                words = action.headless.split()
                assert words[0] == "synthlab", action
                assert words[1] in verbs, action


def test_the_help_names_every_key_of_the_screen_and_of_the_app(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        for place in (
            "overview",
            "launch",
            "runs",
            "sources",
            "mixtures",
            "checkpoints",
            "compare",
            "samples",
        ):
            screen = app.go_to(place)
            await settle(pilot)
            wanted = [action.help for action in (*screen.ACTIONS, *app.ACTIONS)]
            await pilot.press("question_mark") if place != "launch" else app.do_help()
            await settle(pilot)
            shown = _whole_text(app)
            missing = [text for text in wanted if text not in shown]
            assert not missing, (place, missing)
            await pilot.press("escape")
            await settle(pilot)
            assert isinstance(app.screen, LabScreen)

    drive(seeded_home, act, size=(120, 40))


def _whole_text(app: LabApp) -> str:
    from screens.widgets.facts import Facts

    said = app.screen.query_one(Facts).said
    assert said is not None
    return said.plain


def test_the_palette_has_the_actions_of_the_moment_and_says_why_not(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("colon")
        await pilot.pause(0.5)
        await pilot.press(*"stop the marked")
        await pilot.pause(1.0)
        text = frame(app)
        assert "stop the marked or chosen runs" in text
        assert "only looks" in text

    drive(seeded_home, act, size=(120, 40))


def test_keys_can_be_mapped_anew(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        app.set_keymap({"app.help": "z"})
        await pilot.press("z")
        await settle(pilot)
        assert "everywhere" in _whole_text(app)

    drive(seeded_home, act)


def test_jump_mode_goes_to_a_pane(seeded_home: LabHome) -> None:
    async def act(pilot: Pilot[None], app: LabApp) -> None:
        before = app.screen.focused
        await pilot.press("ctrl+o")
        await settle(pilot)
        assert EXPERIMENT in frame(app)  # the panes are seen below their letters
        await pilot.press("a")
        await settle(pilot)
        assert app.screen.focused is not None
        assert app.screen.focused is not before
        assert app.screen.focused.id == "conditions"

    drive(seeded_home, act, size=(120, 40))


def test_an_action_that_is_not_possible_says_why(seeded_home: LabHome) -> None:
    refused = Action("overview.nothing", "z", "nothing", "does nothing")

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        screen = app.screen
        assert isinstance(screen, LabScreen)
        screen.why_not_nothing = lambda: "there is nothing to do"  # type: ignore[attr-defined]
        assert app.refusal(screen, refused) == "there is nothing to do"

    drive(seeded_home, act)
