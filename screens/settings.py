"""Settings: how one person likes the console, where everything lies, and the ids of all keys."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from screens.actions import Action, key_text
from screens.lab_screen import PANE_ACTIONS, LabScreen
from screens.live import Query, Reading
from screens.preferences import SYMBOLS, Preferences
from screens.safety import joined, line
from screens.theme import STYLES, THEMES
from screens.widgets.facts import Fact, Facts
from screens.widgets.lab_table import LabTable, TableColumn
from synthlab.cli.paths import LabPath, lab_paths


@dataclass(frozen=True)
class SettingRow:
    """One preference with what it may be."""

    name: str
    value: str
    choices: tuple[str, ...]
    about: str


@dataclass(frozen=True)
class Place:
    """A path, and whether something lies there."""

    path: LabPath
    is_there: bool


@dataclass(frozen=True)
class ActionTable:
    """The actions of one screen."""

    title: str
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class SettingsView:
    """What is looked up in the reader's thread."""

    places: tuple[Place, ...]
    tables: tuple[ActionTable, ...]


COLUMNS = (
    TableColumn[SettingRow]("setting", lambda row: line(row.name), 10, priority=0),
    TableColumn[SettingRow]("is", lambda row: line(row.value, "bold $accent"), 12, priority=0),
    TableColumn[SettingRow]("may be", lambda row: _choices(row), 36, priority=1),
    TableColumn[SettingRow](
        "what it does", lambda row: line(row.about, "$lab-muted"), 20, priority=2, grows=True
    ),
)


class SettingsScreen(LabScreen[SettingsView]):
    """`enter` takes the next choice; it is in force at once and kept in the preferences file."""

    CSS_PATH = STYLES / "settings.tcss"
    PLACE = "settings"
    PANES = ("preferences", "places", "keys")
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("settings.change", "enter,space", "change", "the next choice of the chosen setting"),
        Action(
            "settings.paths",
            "ctrl+l",
            "paths",
            "where everything lies, in a shell",
            "synthlab paths",
            hidden=True,
        ),
        *PANE_ACTIONS,
    )

    def body(self) -> ComposeResult:
        """Preferences, places, keys."""
        with Vertical(id="preferences", classes="pane"):
            yield LabTable[SettingRow](COLUMNS, id="settings")
        with Horizontal(id="below"):
            yield Facts(id="places")
            yield Facts(id="keys")

    def on_mount(self) -> None:
        """Titles and what does not change."""
        for number, (name, title) in enumerate(
            (("preferences", "settings"), ("places", "where things are"), ("keys", "keys by id")), 1
        ):
            pane = self.query_one(f"#{name}")
            pane.add_class("pane")
            pane.border_title = line(f"{number} {title}")
        self._show_settings()
        self.query_one("#settings").focus()

    def reads(self) -> Query:
        """What lies where, looked up in the reader's thread."""

        def query(reading: Reading) -> SettingsView:
            paths = lab_paths(reading.home, os.environ)
            return SettingsView(tuple(Place(p, p.is_there) for p in paths), action_tables())

        return query

    def show(self, snapshot: SettingsView) -> None:
        """Each place with what it is for, and all keys."""
        facts: list[Fact] = []
        for place in snapshot.places:
            absent = "" if place.is_there else " (not there yet)"
            facts.append((place.path.name, f"{place.path.path}{absent}"))
            facts.append(("", f"{place.path.purpose}"))
        self.query_one("#places", Facts).show(facts)
        self.query_one("#keys", Facts).say(self._keys(snapshot.tables))

    def _show_settings(self) -> None:
        rows = settings_of(self.lab.preferences)
        self.query_one("#settings", LabTable).show({row.name: row for row in rows})

    def on_lab_table_opened(self, event: LabTable.Opened) -> None:
        """`enter` on a setting."""
        event.stop()
        self.do_change()

    def do_change(self) -> None:
        """In force at once; the mouse from the next start on."""
        row = self.query_one("#settings", LabTable).chosen_row
        if not isinstance(row, SettingRow):
            return
        value = row.choices[(row.choices.index(row.value) + 1) % len(row.choices)]
        try:
            self.lab.prefer(changed(self.lab.preferences, row.name, value))
        except OSError as error:
            self.lab.say(f"{self.lab.preferences_path}: {error.strerror}", "error")
        else:
            later = ", from the next start on" if row.name == "mouse" else ""
            self.lab.say(f"{row.name}: {value}{later}; kept in {self.lab.preferences_path}")
        self._show_settings()

    def do_paths(self) -> None:
        """The line above the keys shows the command."""

    def _keys(self, tables: Sequence[ActionTable]) -> Content:
        path = self.lab.preferences_path
        rows = [
            line("A key is changed by its id under [keys] in"),
            line(f"{path}, such as"),
            line('   "runs.stop" = "x"', "bold"),
        ]
        changed_keys = self.lab.preferences.keys
        for table in (ActionTable("everywhere", self.lab.ACTIONS), *tables):
            rows += [line(""), line(table.title, "bold $accent")]
            for action in table.actions:
                keys = changed_keys.get(action.id, action.keys)
                mark = " (changed)" if action.id in changed_keys else ""
                shown = ", ".join(key_text(key) for key in keys.split(","))
                rows.append(
                    joined(line(f"{shown:<7} ", "bold"), line(f"{action.id:<24} "), line(mark))
                )
        return Content("\n").join(rows)


def settings_of(preferences: Preferences) -> tuple[SettingRow, ...]:
    """The preferences as rows."""
    return (
        SettingRow("theme", preferences.theme, tuple(THEMES), "colours; ansi-… are the terminal's"),
        SettingRow("symbols", preferences.symbols, SYMBOLS, "what charts are drawn with"),
        SettingRow(
            "mouse",
            "on" if preferences.mouse else "off",
            ("on", "off"),
            "off leaves the mouse to the terminal",
        ),
    )


def changed(preferences: Preferences, name: str, value: str) -> Preferences:
    """The preferences with one of them changed; raises ValueError for a name that is none of them."""
    if name == "theme":
        return replace(preferences, theme=value)
    if name == "symbols":
        return replace(preferences, symbols=value)
    if name == "mouse":
        return replace(preferences, mouse=value == "on")
    raise ValueError(f"there is no setting {name!r}")


def _choices(row: SettingRow) -> Content:
    return Content("  ").join(
        line(choice, "bold" if choice == row.value else "$lab-muted") for choice in row.choices
    )


def action_tables() -> tuple[ActionTable, ...]:
    """The tables of every screen that can be opened; imports them all, which takes a moment."""
    from screens.app import PLACE_SCREENS

    screens: Mapping[str, str] = {
        **PLACE_SCREENS,
        "run": "screens.run:RunScreen",
        "results": "screens.results:ResultsScreen",
        "log": "screens.widgets.log_view:LogView",
    }
    found = []
    for title, where in screens.items():
        module, _, name = where.partition(":")
        if find_spec(module) is not None:
            found.append(ActionTable(title, getattr(import_module(module), name).ACTIONS))
    return tuple(found)
