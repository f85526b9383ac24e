"""What all screens share: the head and the foot, actions by table, following the catalog, panes by digit."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.css.query import NoMatches
from textual.events import Mount

from screens.actions import Action, ActionHost, bindings
from screens.live import Follower, Looked, Query, start
from screens.pane_screen import PaneScreen, is_typed_into
from screens.widgets.key_line import KeyLine
from screens.widgets.message_line import MessageLine
from screens.widgets.place_line import PlaceLine
from storage.errors import StorageError
from synthlab.errors import SynthlabError

if TYPE_CHECKING:
    from screens.app import LabApp

S = TypeVar("S")
FIRST_LOOK_S = 0.25
"""How long the first paint waits for the first snapshot; a slower reader finds the frame painted."""

PANE_ACTIONS = (
    Action("pane.1", "1", "pane 1", "hide or show the first pane", hidden=True),
    Action("pane.2", "2", "pane 2", "hide or show the second pane", hidden=True),
    Action("pane.3", "3", "pane 3", "hide or show the third pane", hidden=True),
    Action("pane.4", "4", "pane 4", "hide or show the fourth pane", hidden=True),
    Action("pane.0", "0", "all panes", "show all panes again", hidden=True),
)


class LabScreen(PaneScreen, ActionHost, Generic[S]):
    """A place of the console. Subclasses say what to read (`reads`) and how to show it (`show`)."""

    AUTO_FOCUS = ""
    PLACE: ClassVar[str] = ""
    """Name of the tab this screen stands under."""
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (100, "-middle"), (160, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-low"), (32, "-tall")]

    def __init_subclass__(cls) -> None:
        # Before the framework's own hook, which collects BINDINGS.
        if "ACTIONS" in cls.__dict__:
            cls.BINDINGS = bindings(cls.ACTIONS)
        super().__init_subclass__()

    def __init__(self) -> None:
        super().__init__()
        self.following: Follower[S] = Follower()
        self.is_ready = False
        """Whether its widgets are there, so that it can be followed."""
        self._begun: Future[Looked] | None = None
        self._is_fresh = False

    @property
    def lab(self) -> LabApp:
        """The app, by its own type."""
        return cast("LabApp", self.app)

    def compose(self) -> ComposeResult:
        """Head, body, foot."""
        self._take_size_classes()
        yield PlaceLine(self.PLACE)
        with Container(id="body"):
            yield from self.body()
        yield MessageLine()
        yield KeyLine()

    def body(self) -> ComposeResult:
        """The screen's own widgets."""
        yield from ()

    def _take_size_classes(self) -> None:
        # Before anything is styled: the framework would do it after the first paint, and paint again.
        width, height = self.app.size
        for marks, cells in (
            (self.HORIZONTAL_BREAKPOINTS, width),
            (self.VERTICAL_BREAKPOINTS, height),
        ):
            self.add_class([name for least, name in marks if least <= cells][-1])

    # Following

    def reads(self) -> Query | None:
        """What to read next, bound to what is chosen now; None where there is nothing to follow."""
        return None

    def show(self, snapshot: S) -> None:
        """Bring the widgets up to the snapshot; called only if it differs from the last one."""

    def look_again(self) -> None:
        """Something that the query depends on was chosen: read at once, whatever the catalog says."""
        self.following.force = True
        start(self, self.follow, "follow")

    def begin_to_read(self) -> None:
        """Ask for the first snapshot before there are widgets, so that the first paint can have it."""
        query = self.reads()
        if query is not None:
            self._begun = self.lab.reader.begin(query)

    @on(Mount)
    async def show_at_once(self) -> None:
        """Wait a moment for a snapshot that was asked for early: two paints cost more than the wait."""
        if self._begun is None:
            return
        await asyncio.wait([asyncio.wrap_future(self._begun)], timeout=FIRST_LOOK_S)
        if self._begun.done():
            self.is_ready = self._is_fresh = True
            await self.follow()

    async def follow(self) -> None:
        """One look; the app's timer calls it for the screen on top."""
        if not self.is_ready:
            return
        state = self.following
        try:
            query = self.reads()
        except NoMatches:
            return  # on its way out: widgets go before the timer does
        if query is None or state.is_reading:
            return
        force, state.force = state.is_due(time.monotonic()), False
        state.is_reading = True
        try:
            begun, self._begun = self._begun, None
            looked = await (
                asyncio.wrap_future(begun)
                if begun is not None
                else self.lab.reader.look(query, state.seen, force=force)
            )
        except (SynthlabError, StorageError, sqlite3.Error, OSError) as error:
            self.lab.say(str(error), "error")
            return
        except Exception as error:  # noqa: BLE001 - a row nobody foresaw must not end the console
            self.lab.say(f"this cannot be shown ({type(error).__name__}: {error})", "error")
            self.lab.note_defect(error)
            return
        finally:
            state.is_reading = False
        if force:
            state.looked_at = time.monotonic()
        self._take(looked)
        if state.force:  # asked for while this look was under way
            await self.follow()

    def _take(self, looked: Looked) -> None:
        state = self.following
        state.seen = looked.version
        if not looked.changed or not self.is_attached:
            return
        if self.lab.is_frozen and state.shown is not None:
            state.waiting = looked.snapshot
            return
        self._show_if_new(looked.snapshot)

    def _show_if_new(self, snapshot: S) -> None:
        state = self.following
        state.waiting = None
        if state.has_shown and snapshot == state.shown:
            return
        state.shown, state.has_shown = snapshot, True
        self.show(snapshot)
        self.refresh_keys()

    def thaw(self) -> None:
        """Show what was read while the screen was frozen."""
        if self.following.waiting is not None:
            self._show_if_new(self.following.waiting)

    def on_screen_resume(self) -> None:
        """On top, for the first time or again: catch up at once."""
        self.is_ready = True
        if not self._is_fresh:
            self.look_again()
        self._is_fresh = False
        self.refresh_keys()
        self.lab.tell_place()

    def refresh_keys(self) -> None:
        """Bring the key line up to what is possible now."""
        if self.is_attached and (line := next(iter(self.query(KeyLine)), None)):
            panes = len(self.PANES) if self.takes_turns else 0
            is_typing = self.focused is not None and is_typed_into(self.focused)
            with suppress(NoMatches):  # on its way out: some of what the actions ask for is gone
                line.show_hosts(self.hosts(), panes, is_typing=is_typing)

    def on_descendant_focus(self) -> None:
        """Other widgets have other keys."""
        self.call_after_refresh(self.refresh_keys)

    # Actions

    def hosts(self) -> list[ActionHost]:
        """Everything with actions, innermost first: the focused widget and what holds it, screen, app."""
        chain = self.focused.ancestors_with_self if self.focused is not None else [self, self.app]
        return [node for node in chain if isinstance(node, ActionHost)]

    async def action_do(self, identity: str) -> None:
        """What every key of this screen calls."""
        await self.lab.dispatch(self, identity)

    def words(self) -> Mapping[str, str]:
        """Every screen knows the experiment that the console is on."""
        experiment = self.lab.experiment
        return {"experiment": experiment} if experiment else {}

    # Panes

    def do_1(self) -> None:
        self._toggle(0)

    def do_2(self) -> None:
        self._toggle(1)

    def do_3(self) -> None:
        self._toggle(2)

    def do_4(self) -> None:
        self._toggle(3)

    def do_0(self) -> None:
        self.show_all_panes()

    def _toggle(self, number: int) -> None:
        reason = self.toggle_pane(number)
        if reason:
            self.lab.say(reason, "warning")
