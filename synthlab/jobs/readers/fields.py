"""From rows of any data set to prompts: which column is what, and which rows can be used."""

from __future__ import annotations

import difflib
import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.durable import canonical_json
from synthlab.errors import JobError
from synthlab.jobs.readers.shapes_of_rows import (
    chat_turns,
    field_of_chat,
    has_further_turns,
    recognise,
)
from synthlab.jobs.readers.table import RawRow, RawTable

FIELDS = ("id", "prompt", "response", "category", "system")
OF_CHATS = ("prompt", "response", "system")
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")
HALF_PAIR = re.compile("[\ud800-\udfff]")
Read = Callable[[RawRow], str | None]


@dataclass(frozen=True)
class PromptRow:
    """One usable row of a data set."""

    id: str
    text: str
    response: str | None
    category: str | None
    system: str | None


@dataclass(frozen=True)
class UsableRows:
    """What is left of a data set, and what was left out for which reason."""

    rows: tuple[PromptRow, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    recognised: Mapping[str, str] = field(default_factory=dict)
    """The mapping of columns that nobody wrote, because the shape of the set is well known."""
    cut_chats: int = 0
    """Rows whose chat goes on after the exchange that is used."""


def usable_rows(table: RawTable, columns: Mapping[str, str | None]) -> UsableRows:
    """Read every row of `table`; `columns` maps id, prompt, … to a column, a template or None.

    None takes the column of the field's own name if there is one; a set without a column `prompt`
    may be one of the shapes of `shapes_of_rows`. Rows without an id column get one
    from their content, so that it does not depend on their order. Raises JobError for a column that
    is not there, a value that is no text, an id that stands for two different rows, or no row at all.
    """
    if not table.rows:
        raise JobError("empty_dataset", f"{table.name}: has no rows")
    known_shape = recognise(table.columns) if columns.get("prompt") is None else {}
    recognised = {
        name: column
        for name, column in known_shape.items()
        if columns.get(name) is None and name not in table.columns
    }
    mapped = {**columns, **recognised}
    readers = {name: _reader(table, name, mapped.get(name)) for name in FIELDS}
    dropped: Counter[str] = Counter()
    seen: dict[str, tuple[PromptRow, str]] = {}
    for raw in table.rows:
        values = {name: read(raw) for name, read in readers.items()}
        prompt = values["prompt"]
        if prompt is None:
            dropped["no prompt"] += 1
            continue
        if any(_is_broken(value) for value in values.values()):
            dropped["broken text"] += 1
            continue
        row = PromptRow(
            id=values["id"] or _content_id(values),
            text=prompt,
            response=values["response"],
            category=values["category"],
            system=values["system"],
        )
        known = seen.get(row.id)
        if known is None:
            seen[row.id] = (row, raw.place)
        elif known[0] == row:
            dropped["duplicate row"] += 1
        else:
            raise JobError(
                "duplicate_id",
                f"{table.name}: {known[1]} and {raw.place} differ but share the id {row.id!r}",
                "ids must be unique; leave columns.id out to have them made from the content",
            )
    if not seen:
        reasons = ", ".join(f"{n} × {reason}" for reason, n in dropped.items())
        raise JobError("empty_dataset", f"{table.name}: has no usable row ({reasons})")
    asked = mapped.get("prompt")
    cut = sum(has_further_turns(raw.values.get(asked)) for raw in table.rows) if asked else 0
    return UsableRows(tuple(row for row, _ in seen.values()), dict(dropped), recognised, cut)


def _reader(table: RawTable, name: str, column: str | None) -> Read:
    if column is None:
        if name in table.columns:
            return lambda raw: _text(raw, name, table.name, name)
        if name == "prompt":
            raise _no_column(table, "prompt", "say which it is: columns = { prompt = ... }")
        return lambda raw: None
    if "{" not in column:
        if column not in table.columns:
            raise _no_column(table, column, f"it is named by columns.{name}")
        return lambda raw: _text(raw, column, table.name, name)
    for match in PLACEHOLDER.finditer(column):
        if match[1] is not None and match[1] not in table.columns:
            raise _no_column(table, match[1], f"it is named by the template of columns.{name}")
    return lambda raw: _fill(column, raw, table.name, name)


def _no_column(table: RawTable, column: str, why: str) -> JobError:
    close = difflib.get_close_matches(column, table.columns, n=1)
    guess = f'; did you mean "{close[0]}"?' if close else ""
    return JobError(
        "no_column",
        f"{table.name}: has no column {column!r}{guess}",
        f"its columns are: {', '.join(table.columns)}; {why}",
    )


def _text(raw: RawRow, column: str, name: str, wanted: str) -> str | None:
    """The text of a column; of a chat, what it says for the field that is wanted."""
    value: Any = raw.values.get(column)
    if wanted in OF_CHATS and (turns := chat_turns(value)) is not None:
        value = field_of_chat(turns, wanted)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise JobError(
            "bad_value",
            f"{name}, {raw.place}: {column!r} is a {type(value).__name__}, not text",
            "name another column, or turn the values into text first",
        )
    return str(value).replace("\r\n", "\n").strip() or None


def _fill(template: str, raw: RawRow, name: str, wanted: str) -> str | None:
    """The template with its columns; None if none of them has a value."""
    given = False

    def value(match: re.Match[str]) -> str:
        nonlocal given
        if match[1] is None:
            return match[0][0]
        text = _text(raw, match[1], name, wanted)
        given = given or text is not None
        return text or ""

    filled = PLACEHOLDER.sub(value, template).strip()
    return filled if given and filled else None


def _is_broken(text: str | None) -> bool:
    """Half a surrogate pair, which JSON can spell, is no text and cannot be written."""
    return text is not None and HALF_PAIR.search(text) is not None


def _content_id(values: Mapping[str, str | None]) -> str:
    content = canonical_json([values[name] for name in FIELDS if name != "id"])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
