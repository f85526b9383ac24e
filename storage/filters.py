"""The filter language of every list: `state:failed cfg.seed>=1 OR NOT kind:mix some words`.

Terms stand side by side for AND, which binds tighter than OR; parentheses group. `field:text` means
"contains", `=` and `!=` compare whole values, `<  <=  >  >=` compare numbers; a bare word is looked
for in the text columns. Quote what holds blanks: `label:"my run"`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.errors import StorageError

TOKEN = re.compile(
    r"""\s*(?:(?P<paren>[()])
    | (?P<field>[A-Za-z_][\w.-]*)(?P<op>>=|<=|!=|[:=<>])(?P<value>"(?:[^"\\]|\\.)*"|[^\s()]*)
    | (?P<word>"(?:[^"\\]|\\.)*"|[^\s()]+))""",
    re.VERBOSE,
)


class FilterError(StorageError):
    """The filter cannot be understood; the message names the part."""


@dataclass(frozen=True)
class Filterable:
    """What a list lets a filter see. The SQL expressions are this project's, never a user's."""

    fields: Mapping[str, str]
    """Name of a field → SQL expression."""
    words: Sequence[str]
    """SQL expressions that bare words are looked for in."""
    config: str | None = None
    """SQL expression of a JSON object; `cfg.a.b` means its member `a.b`."""
    search: Callable[[str], Condition | None] | None = None
    """How a bare word is looked for instead, where there is an index; None for a word it lacks."""


@dataclass(frozen=True)
class Condition:
    """A WHERE clause with its values bound apart from its text."""

    sql: str
    values: tuple[Any, ...]


EVERYTHING = Condition("1", ())


def compile_filter(text: str, target: Filterable) -> Condition:
    """Turn a filter into SQL; an empty filter lets everything pass. Raises FilterError."""
    if "\x00" in text:  # SQLite ends a pattern there, which would then fit everything
        raise FilterError("filter: a NUL cannot be looked for")
    tokens = _tokens(text)
    if not tokens:
        return EVERYTHING
    parser = _Parser(tokens, target)
    condition = parser.either()
    if parser.position < len(tokens):
        raise FilterError(
            f"filter: {tokens[parser.position].text!r} stands where nothing may stand"
        )
    return condition


@dataclass(frozen=True)
class _Token:
    text: str
    field: str = ""
    operator: str = ""
    value: str = ""


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    end = len(text.rstrip())
    while position < end:
        match = TOKEN.match(text, position)
        if match is None:
            raise FilterError(f"filter: cannot read {text[position:]!r}")
        position = match.end()
        if match["field"]:
            value = _unquote(match["value"])
            found.append(_Token(match.group().strip(), match["field"], match["op"], value))
        else:
            found.append(_Token(match["paren"] or _mark(match["word"])))
    return found


def _unquote(text: str) -> str:
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _mark(word: str) -> str:
    # A quoted word is never an operator: keep the quote as its first letter.
    return f'"{_unquote(word)}' if word.startswith('"') else word


class _Parser:
    def __init__(self, tokens: Sequence[_Token], target: Filterable) -> None:
        self.tokens = tokens
        self.target = target
        self.position = 0

    def _peek(self) -> str:
        return self.tokens[self.position].text if self.position < len(self.tokens) else ""

    def either(self) -> Condition:
        parts = [self.all_of()]
        while self._peek() == "OR":
            self.position += 1
            parts.append(self.all_of())
        return _join(" OR ", parts)

    def all_of(self) -> Condition:
        parts = []
        while self._peek() not in ("", "OR", ")"):
            parts.append(self.one())
        if not parts:
            raise FilterError("filter: a term is missing" + self._where())
        return _join(" AND ", parts)

    def one(self) -> Condition:
        token = self.tokens[self.position]
        self.position += 1
        if token.text == "NOT":
            if self._peek() in ("", "OR", ")"):
                raise FilterError("filter: NOT has nothing to negate")
            inner = self.one()
            return Condition(f"NOT coalesce({inner.sql}, 0)", inner.values)
        if token.text == "(":
            inner = self.either()
            if self._peek() != ")":
                raise FilterError("filter: a parenthesis is not closed")
            self.position += 1
            return inner
        if token.field:
            return self._compare(token)
        return self._word(token.text.removeprefix('"'))

    def _where(self) -> str:
        return f" before {self._peek()!r}" if self._peek() else " at the end"

    def _word(self, word: str) -> Condition:
        found = self.target.search(word) if self.target.search else None
        if found is not None:
            return found
        tests = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in self.target.words)
        return Condition(f"({tests})", (_pattern(word),) * len(self.target.words))

    def _compare(self, token: _Token) -> Condition:
        expression, values = self._expression(token.field)
        if token.operator == ":":
            return Condition(f"{expression} LIKE ? ESCAPE '\\'", (*values, _pattern(token.value)))
        number = _number(token.value)
        if token.operator in ("=", "!="):
            text = f"CAST({expression} AS TEXT) {token.operator} ?"
            if number is None:
                return Condition(text, (*values, token.value))
            joint = "OR" if token.operator == "=" else "AND"
            numeric = f"{expression} {token.operator} ?"
            return Condition(f"({text} {joint} {numeric})", (*values, token.value, *values, number))
        if number is None:
            raise FilterError(f"filter: {token.text!r} compares with {token.value!r}, not a number")
        return Condition(f"CAST({expression} AS REAL) {token.operator} ?", (*values, number))

    def _expression(self, name: str) -> tuple[str, tuple[str, ...]]:
        if name.startswith("cfg.") and self.target.config:
            path = ".".join(f'"{part}"' for part in name.split(".")[1:])
            return f"json_extract({self.target.config}, ?)", (f"$.{path}",)
        if name in self.target.fields:
            return self.target.fields[name], ()
        known = [*self.target.fields, *(["cfg.…"] if self.target.config else [])]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known fields: {named_fields(known)}"
        raise FilterError(f"filter: there is no field {name!r}", hint)


def named_fields(known: Sequence[str]) -> str:
    """The fields for a message; of those that are there for each part, such as `human.text`, one part's."""
    parts = [name for name in known if "." in name and name.partition(".")[2] in known]
    listed = ", ".join(name for name in known if name not in parts)
    return f"{listed}; and of one part: {parts[0]}, …" if parts else listed


def _join(joint: str, parts: Sequence[Condition]) -> Condition:
    if len(parts) == 1:
        return parts[0]
    values = tuple(value for part in parts for value in part.values)
    return Condition("(" + joint.join(part.sql for part in parts) + ")", values)


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
