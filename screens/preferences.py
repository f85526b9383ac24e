"""How one person likes the console: `console.toml` in the configuration folder, few keys, all optional."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from screens.theme import THEMES
from storage import durable
from synthlab.errors import SpecError

SYMBOLS = ("auto", "braille", "block", "ascii")


@dataclass(frozen=True)
class Preferences:
    """What the file may say."""

    theme: str = "dark"
    """dark, light, ansi-dark or ansi-light."""
    symbols: str = "auto"
    """What charts are drawn with: auto, braille, block or ascii."""
    mouse: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    """Action id → keys, as in `"runs.stop" = "x"`; the help shows the ids."""


def load_preferences(path: Path) -> Preferences:
    """Read the file; a missing one means the defaults. Raises SpecError that names a wrong key."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Preferences()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: {error}") from error
    known = ("theme", "symbols", "mouse", "keys")
    for name in given:
        if name not in known:
            raise SpecError(f"{path}: unknown key {name!r}", f"known keys: {', '.join(known)}")
    _one_of(path, given, "theme", tuple(THEMES))
    _one_of(path, given, "symbols", SYMBOLS)
    if not isinstance(given.get("mouse", True), bool):
        raise SpecError(f"{path}: mouse must be true or false")
    keys = given.get("keys", {})
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise SpecError(f'{path}: [keys] holds lines like "runs.stop" = "x"')
    return Preferences(**given)


def save_preferences(path: Path, preferences: Preferences) -> None:
    """Write the file again, whole."""
    lines = [
        f'theme = "{preferences.theme}"',
        f'symbols = "{preferences.symbols}"',
        f"mouse = {str(preferences.mouse).lower()}",
    ]
    if preferences.keys:
        lines += ["", "[keys]", *(f'"{name}" = "{key}"' for name, key in preferences.keys.items())]
    durable.make_directory(path.parent)
    durable.write_user_file(path, "\n".join([*lines, ""]).encode())


def choose_symbols(preferred: str, environment: Mapping[str, str], encoding: str) -> str:
    """`auto` is braille on a Unicode terminal, ASCII elsewhere and on the Linux console."""
    if preferred != "auto":
        return preferred
    plain = "utf" not in encoding.lower() or environment.get("TERM") in ("linux", "dumb")
    return "ascii" if plain else "braille"


def _one_of(path: Path, given: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> None:
    if name in given and given[name] not in choices:
        raise SpecError(f"{path}: {name} is {given[name]!r}", f"one of: {', '.join(choices)}")
