"""A form that is left while it is still at work."""

from __future__ import annotations

import asyncio

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static

from screens.app import LabApp
from screens.ask_fields import AskFields, Field, Values
from screens.preferences import Preferences
from storage.home import LabHome
from tests.console.console_pilot import drive


def test_a_form_left_at_work_takes_no_other_screen_with_it(home: LabHome) -> None:
    results: list[bool | None] = []

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        may_end = asyncio.Event()

        async def attempt(values: Values) -> str:
            await may_end.wait()
            return ""

        await app.push_screen(
            AskFields("a form", [Field("name", "name", "x")], lambda values: "", attempt),
            results.append,
        )
        await pilot.press("enter")
        form = app.screen
        assert str(form.query_one("#answer", Static).render()) == "working …"
        await pilot.press("escape")
        below = app.screen
        assert below is not form
        may_end.set()
        await pilot.pause(0.1)
        assert app.screen is below
        assert app.return_code is None

    drive(home, act)
    assert results == [False]


def test_a_form_that_worked_under_another_screen_closes_when_it_is_seen_again(
    home: LabHome,
) -> None:
    results: list[bool | None] = []

    async def act(pilot: Pilot[None], app: LabApp) -> None:
        may_end = asyncio.Event()

        async def attempt(values: Values) -> str:
            await may_end.wait()
            return ""

        await app.push_screen(
            AskFields("a form", [Field("name", "name", "x")], lambda values: "", attempt),
            results.append,
        )
        await pilot.press("enter")
        over = AskFields("over it", [Field("name", "name", "y")], lambda values: "", attempt)
        await app.push_screen(over)
        may_end.set()
        await pilot.pause(0.1)
        assert app.screen is over
        assert results == []
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert not isinstance(app.screen, AskFields)

    drive(home, act)
    assert results == [True]


def test_an_app_without_a_screen_says_and_tells_nothing(home: LabHome) -> None:
    app = LabApp(
        home, preferences=Preferences(), preferences_path=home.root / "c.toml", symbols="ascii"
    )
    assert isinstance(app, App)
    assert app.top is None
    app.say("too late", "error")
    app.tell_place()
