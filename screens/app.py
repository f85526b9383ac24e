"""The console: a client of the lab that shows the catalog and writes requests. Closing it harms nothing."""

from __future__ import annotations

import gc
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App
from textual.screen import Screen

from screens.actions import Action, ActionHost, bindings
from screens.lab import Lab
from screens.lab_screen import LabScreen
from screens.live import TICK_S, Reader
from screens.no_colour import NoColour
from screens.palette import LabCommands
from screens.preferences import Preferences, choose_symbols, save_preferences
from screens.safety import HostileTextFilter
from screens.theme import DARK, LIGHT, MUTED, STYLES, THEMES
from screens.widgets.message_line import MessageLine
from screens.widgets.place_line import PLACES, PlaceLine
from storage import durable
from storage.errors import StorageError
from storage.home import LabHome
from synthlab.errors import SynthlabError

GO_ACTIONS = tuple(
    Action(
        f"go.{place.name}",
        place.key,
        place.title.lower(),
        f"go to {place.title.lower()}",
        hidden=True,
    )
    for place in PLACES
)


class LabApp(App[None], ActionHost):
    """One console on one lab home."""

    TITLE = "synthlab"
    CSS_PATH = [STYLES / "console.tcss", STYLES / "overview.tcss"]
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "colon"
    COMMANDS = {LabCommands}
    ESCAPE_TO_MINIMIZE = False
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        *GO_ACTIONS,
        Action(
            "app.experiment",
            "E",
            "experiment",
            "put the console on another experiment",
            hidden=True,
        ),
        Action("app.freeze", "f", "freeze", "hold the screen still; reading goes on", hidden=True),
        Action(
            "app.copy",
            "y",
            "copy",
            "copy the last command line, or the chosen id",
            hidden=True,
        ),
        Action(
            "app.jump", "ctrl+o", "jump", "put a letter on every pane and go there", hidden=True
        ),
        Action(
            "app.command-log",
            "exclamation_mark",
            "commands",
            "command lines of what was done here",
            hidden=True,
        ),
        Action(
            "app.doctor",
            "D",
            "doctor",
            "what this machine has and lacks",
            "synthlab doctor",
            hidden=True,
        ),
        Action(
            "app.settings",
            "comma",
            "settings",
            "theme, chart symbols, where everything is",
            hidden=True,
        ),
        Action("app.help", "question_mark,f1", "help", "all keys of this screen", hidden=True),
        Action("app.back", "escape", "back", "one level up", hidden=True),
        Action("app.quit", "q", "quit", "leave; all runs go on", hidden=True),
    )
    BINDINGS = bindings(ACTIONS)

    def __init__(
        self,
        home: LabHome,
        *,
        preferences: Preferences,
        preferences_path: Path,
        symbols: str,
        readonly: bool = False,
        experiment: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        # Before anything is mounted: a theme that is set later styles everything a second time.
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = THEMES[preferences.theme]
        self.requests = Lab(home, readonly=readonly)
        self.reader = Reader(home, clock)
        self.drawing = ThreadPoolExecutor(1, thread_name_prefix="drawing")
        self.preferences = preferences
        self.preferences_path = preferences_path
        self.symbols = symbols
        self.readonly = readonly
        self.clock = clock
        self.experiment = experiment
        """Id of the experiment the console is on; None until one is found."""
        self.is_frozen = False
        self._frozen_at = 0.0
        self.command_log: list[str] = []
        self._supervised_at = 0.0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours that the styles of this project name beside the framework's."""
        return {"lab-muted": MUTED.get(self.theme, "ansi_bright_black")}

    def get_default_screen(self) -> LabScreen[Any]:
        """The overview lies below everything."""
        screen = self._place("overview")
        screen.begin_to_read()
        return screen

    def on_mount(self) -> None:
        """Filters, keys, the timer."""
        self._filters.append(HostileTextFilter())
        if self.no_color:
            self._filters.append(NoColour())
        self.animation_level = "none"
        if self.preferences.keys:
            self.set_keymap(dict(self.preferences.keys))
        self.set_interval(TICK_S, self._tick)

    def on_unmount(self) -> None:
        """Threads end; requests that were put stay put."""
        self.reader.close()
        self.requests.close()
        self.drawing.shutdown(wait=False, cancel_futures=True)

    # Following

    async def _tick(self) -> None:
        if not gc.isenabled():
            # The start is over. What it made stays: looking through it again and again would hold keys up.
            gc.freeze()
            gc.enable()
        screen = self.top
        if isinstance(screen, LabScreen) and self._running_ok():
            await screen.follow()
        self.tell_place()

    @property
    def top(self) -> Screen[Any] | None:
        """The screen that is seen; None while the app ends, when threads may still bring something."""
        return self.screen_stack[-1] if self.screen_stack else None

    def _running_ok(self) -> bool:
        # A slow terminal fills the queue; then it is left alone until it has caught up.
        return self.message_queue_size <= 10

    def tell_place(self) -> None:
        """Bring the note at the right end of the head up to date."""
        parts = []
        if self.is_frozen:
            parts.append(f"frozen, {int(time.monotonic() - self._frozen_at) // 15 * 15} s behind")
        if self.readonly:
            parts.append("looking only")
        for head in self.top.query(PlaceLine) if self.top else ():
            head.tell(" · ".join(parts), warns=self.is_frozen)

    async def supervise(self) -> None:
        """Something is queued or runs: see every few seconds that a supervisor lives."""
        now = time.monotonic()
        if not self.readonly and now - self._supervised_at > 5.0:
            self._supervised_at = now
            await self.requests.keep_supervised()

    # Actions

    async def action_do(self, identity: str) -> None:
        """What every key of the app calls; also finds an action of the screen on top."""
        host = next((h for h in self._hosts() if h.action_of(identity)), None)
        if host is not None:
            await self.dispatch(host, identity)

    def _hosts(self) -> list[ActionHost]:
        screen = self.top
        return screen.hosts() if isinstance(screen, LabScreen) else [self]

    async def dispatch(self, host: ActionHost, identity: str) -> None:
        """Do an action of a host, or say why it is not possible."""
        action = host.action_of(identity)
        if action is None:
            return
        reason = self.refusal(host, action)
        if reason:
            self.say(f"{action.label}: {reason}", "warning")
            return
        command = host.headless(action)
        if command:
            self.command_log.append(command)
            self.say("", command=command)
        try:
            await host.perform(action)
        except (SynthlabError, StorageError) as error:
            self.say(str(error), "error")

    def refusal(self, host: ActionHost, action: Action) -> str:
        """Why an action is not possible now; empty if it is."""
        if action.writes and self.readonly:
            return "this console only looks (--readonly)"
        return host.why_not(action)

    def say(self, text: str, severity: str = "information", *, command: str = "") -> None:
        """One line at the foot of the screen on top."""
        for foot in self.top.query(MessageLine) if self.top else ():
            foot.say(text, severity, command)

    def note_defect(self, error: Exception) -> None:
        """Keep the traceback of something that should not have happened, for a report."""
        text = "".join(traceback.format_exception(error))
        noted = f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n"
        durable.append_text(self.requests.home.console_log, noted)

    def words(self) -> Mapping[str, str]:
        """For command lines of the app's own actions."""
        return {"experiment": self.experiment} if self.experiment else {}

    def set_experiment(self, identity: str) -> None:
        """Put the console on an experiment; the screen on top reads it at once."""
        if identity != self.experiment:
            self.experiment = identity
            if isinstance(self.top, LabScreen):
                self.top.look_again()

    # What the app itself can do

    async def perform(self, action: Action) -> None:
        """Places are gone to by name; everything else has a method."""
        if action.id.startswith("go."):
            self.go_to(action.id.removeprefix("go."))
        else:
            await super().perform(action)

    def go_to(self, name: str) -> LabScreen[Any]:
        """Show a place; what lies on top of the places is closed."""
        screen = self._place(name)
        while len(self.screen_stack) > 1 and self.screen is not screen:
            self.pop_screen()
        if self.screen is not screen:
            self.push_screen(screen)
        return screen

    def _place(self, name: str) -> LabScreen[Any]:
        if name not in self._installed_screens:
            # Each place is loaded when it is first gone to.
            self.install_screen(_load_place(name), name=name)
        screen = self.get_screen(name)
        assert isinstance(screen, LabScreen)
        return screen

    def do_experiment(self) -> None:
        """Choose from a list."""
        from screens.choose_experiment import ChooseExperiment

        self.push_screen(ChooseExperiment(), self._chosen)

    def _chosen(self, identity: str | None) -> None:
        if identity:
            self.set_experiment(identity)

    def do_freeze(self) -> None:
        """Hold the screen still, or let it go on."""
        self.is_frozen = not self.is_frozen
        self._frozen_at = time.monotonic()
        if not self.is_frozen and isinstance(self.screen, LabScreen):
            self.screen.thaw()
        self.say("frozen: reading goes on, f shows it" if self.is_frozen else "live again")
        self.tell_place()

    def do_copy(self) -> None:
        """Through the terminal (OSC 52): works over SSH and in tmux where it is allowed."""
        words = self.screen.words() if isinstance(self.screen, LabScreen) else {}
        text = (
            words.get("run")
            or (self.command_log[-1] if self.command_log else "")
            or words.get("experiment", "")
        )
        if not text:
            self.say("nothing to copy yet", "warning")
            return
        self.copy_to_clipboard(text)
        self.say(f"copied, if the terminal allows it: {text}")

    def do_jump(self) -> None:
        """Letters on panes."""
        from screens.jump import Jump

        self.push_screen(Jump(self.screen))

    def do_command_log(self) -> None:
        """All command lines so far."""
        from screens.command_log import CommandLog

        self.push_screen(CommandLog(tuple(self.command_log)))

    def do_doctor(self) -> None:
        """What `synthlab doctor` prints."""
        from screens.doctor import DoctorScreen

        self.push_screen(DoctorScreen())

    def do_settings(self) -> None:
        """Preferences and places."""
        from screens.settings import SettingsScreen

        self.push_screen(SettingsScreen())

    def do_help(self) -> None:
        """Keys of the focused widget, the screen and the app."""
        from screens.help import Help

        self.push_screen(Help(self._hosts()))

    def do_back(self) -> None:
        """Close what lies on top; on a place of its own, back to the overview."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def do_quit(self) -> None:
        """The runs do not notice."""
        self.exit()

    def prefer(self, preferences: Preferences) -> None:
        """Put preferences in force and keep them."""
        if preferences.symbols != self.preferences.symbols:
            encoding = getattr(sys.__stdout__, "encoding", None) or "ascii"
            self.symbols = choose_symbols(preferences.symbols, os.environ, encoding)
        self.preferences = preferences
        self.theme = THEMES[preferences.theme]
        save_preferences(self.preferences_path, preferences)


PLACE_SCREENS = {
    "overview": "screens.overview:OverviewScreen",
    "launch": "screens.launch:LaunchScreen",
    "runs": "screens.runs:RunsScreen",
    "sources": "screens.sources:SourcesScreen",
    "mixtures": "screens.mixtures:MixturesScreen",
    "checkpoints": "screens.checkpoints:CheckpointsScreen",
    "compare": "screens.compare:CompareScreen",
    "samples": "screens.samples:SamplesScreen",
}


def _load_place(name: str) -> LabScreen[Any]:
    """The screen of a place, its module imported now: the first paint does not wait for the others."""
    module, _, screen = PLACE_SCREENS[name].partition(":")
    made = getattr(import_module(module), screen)()
    assert isinstance(made, LabScreen)
    return made
