"""Strict reading of a TOML table: every fault is noted with its key, and reading goes on."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from synthlab.experiment.toml_lines import KeyPath

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
TYPE_NAMES = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
Choice = TypeVar("Choice", bound=str)


@dataclass(frozen=True)
class Problem:
    """One fault of an experiment file."""

    path: KeyPath
    message: str


@dataclass
class Problems:
    """The faults found so far; a person wants to see all of them at once."""

    found: list[Problem] = field(default_factory=list)

    def add(self, path: KeyPath, message: str) -> None:
        """Note a fault at the key `path`."""
        self.found.append(Problem(path, message))


def nearest(word: str, known: Iterable[str]) -> str:
    """` - did you mean "…"?`, or what is known, for the end of a message about a wrong name."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f', did you mean "{close[0]}"?'
    return f"; known: {', '.join(names)}" if names else ""


def type_name(value: object) -> str:
    """The type of a TOML value in the words of a person."""
    return TYPE_NAMES.get(type(value), f"a {type(value).__name__}")


class TableReader:
    """Takes the keys of one table one by one; what nobody took is an unknown key.

    A faulty or missing value is noted in `problems` and a stand-in of the right type is returned, so
    that one look finds every fault; whoever reads must not use the result while there are problems.
    """

    def __init__(self, table: dict[str, Any], path: KeyPath, problems: Problems) -> None:
        self.table = table
        self.path = path
        self.problems = problems
        self._known: list[str] = []

    def has(self, key: str) -> bool:
        """Whether the file gives the key."""
        return key in self.table

    def fault(self, key: str, message: str) -> None:
        """Note a fault at `key`."""
        self.problems.add((*self.path, key), message)

    def close(self, note: str = "") -> None:
        """Report the keys that are not known here; call when everything known was read."""
        for key in self.table:
            if key not in self._known:
                self.fault(key, f"unknown key{nearest(key, self._known)}{note}")

    def text(self, key: str, *, required: bool = False) -> str | None:
        """A string that is not blank, or None where it is not given."""
        value = self._take(key, str, required)
        if isinstance(value, str) and not value.strip():
            self.fault(key, "must not be empty")
            return None
        return value if isinstance(value, str) else None

    def required_text(self, key: str) -> str:
        """A string that must be there."""
        return self.text(key, required=True) or ""

    def free_text(self, key: str) -> str | None:
        """A string that may be empty, or None where it is not given."""
        value = self._take(key, str, False)
        return value if isinstance(value, str) else None

    def choice(self, key: str, options: Sequence[Choice], default: Choice) -> Choice:
        """One of a few words."""
        value = self._take(key, str, False)
        if value is None:
            return default
        for option in options:
            if value == option:
                return option
        allowed = ", ".join(f'"{o}"' for o in options)
        self.fault(key, f'"{value}" is not allowed; use one of {allowed}')
        return default

    def integer(
        self, key: str, default: int, *, minimum: int = 0, maximum: int | None = None
    ) -> int:
        """A whole number within bounds."""
        value = self.optional_integer(key, minimum=minimum, maximum=maximum)
        return default if value is None else value

    def optional_integer(
        self, key: str, *, minimum: int = 0, maximum: int | None = None
    ) -> int | None:
        """A whole number within bounds, or None where it is not given."""
        value = self._take(key, int, False)
        if not isinstance(value, int):
            return None
        if value < minimum or (maximum is not None and value > maximum):
            upper = "" if maximum is None else f" and at most {maximum}"
            self.fault(key, f"{value} is out of range; it must be at least {minimum}{upper}")
            return None
        return value

    def number(
        self,
        key: str,
        default: float,
        *,
        minimum: float = 0.0,
        maximum: float = math.inf,
        above: bool = False,
        below: bool = False,
    ) -> float:
        """A finite number within bounds; `above` and `below` leave out the bound itself."""
        value = self._take(key, float, False)
        if not isinstance(value, float):
            return default
        low = value > minimum if above else value >= minimum
        high = value < maximum if below else value <= maximum
        if math.isfinite(value) and low and high:
            return value
        lower = f"{'more than' if above else 'at least'} {minimum:g}"
        upper = f"{'less than' if below else 'at most'} {maximum:g}"
        bounds = lower if maximum == math.inf else f"{lower} and {upper}"
        self.fault(key, f"{value:g} is out of range; it must be {bounds}")
        return default

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._take(key, bool, False)
        return value if isinstance(value, bool) else default

    def integers(self, key: str) -> tuple[int, ...] | None:
        """A list of whole numbers from 0 on, or None where it is not given."""
        value = self._take(key, list, False)
        if not isinstance(value, list):
            return None
        for i, item in enumerate(value):
            if type(item) is not int or item < 0:
                self.problems.add(
                    (*self.path, key, i), f"must be a whole number from 0 on, not {item!r}"
                )
        return tuple(item for item in value if type(item) is int)

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """A list of strings, or one string."""
        if isinstance(self.table.get(key), str):
            return (self.required_text(key),)
        value = self._take(key, list, False)
        if not isinstance(value, list):
            return default
        for i, item in enumerate(value):
            if not isinstance(item, str) or not item.strip():
                self.problems.add(
                    (*self.path, key, i), f"must be a string that is not empty, not {item!r}"
                )
        if not value:
            self.fault(key, "must not be an empty list")
        return tuple(item for item in value if isinstance(item, str))

    def subtable(self, key: str) -> TableReader:
        """A table; an empty one where it is not given (ask `has` to tell the two apart)."""
        value = self._take(key, dict, False)
        return TableReader(
            value if isinstance(value, dict) else {}, (*self.path, key), self.problems
        )

    def tables(self, key: str) -> list[TableReader]:
        """The entries of `[[key]]`; none where it is not given."""
        value = self._take(key, list, False)
        found = []
        for i, one in enumerate(value if isinstance(value, list) else []):
            path = (*self.path, key, i)
            if isinstance(one, dict):
                found.append(TableReader(one, path, self.problems))
            else:
                self.problems.add(path, f"must be a table, not {type_name(one)}")
        return found

    def named_subtables(self, key: str) -> dict[str, TableReader]:
        """Tables whose keys are names that people give, such as `[sources.NAME]`."""
        outer = self.subtable(key)
        found = {}
        for name in outer.table:
            if not NAME.fullmatch(name):
                outer.fault(name, NAME_RULE)
            else:
                found[name] = outer.subtable(name)
        return found

    def _take(self, key: str, kind: type, required: bool) -> Any:
        self._known.append(key)
        if key not in self.table:
            if required:
                self.problems.add((*self.path, key), "is missing")
            return None
        value = self.table[key]
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            self.fault(key, f"must be {TYPE_NAMES[kind]}, not {type_name(value)}")
            return None
        return value


NAME_RULE = "is not a usable name: 1 to 40 of a-z, 0-9, _ and -, beginning with a letter or a digit"
