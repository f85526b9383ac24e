"""All answers of an experiment side by side in one SQLite file, so that any page of them opens at once."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.filters import (
    EVERYTHING,
    Condition,
    Filterable,
    FilterError,
    compile_filter,
    named_fields,
)

_ORDER = re.compile(r"""(?<!\S)order[:=](?P<name>"[^"]*"|\S+)""")
_MARK = re.compile(r"(?<!\S)(?P<name>flipped|differs)(?!\S)")
_TEXT_FIELDS = ("text", "state", "reason", "finish_reason", "response_id")
_HAS_LETTER = re.compile(r"\w")


@dataclass(frozen=True)
class SetInfo:
    """One prompt set that conditions answered."""

    name: str
    purpose: str
    """Such as `held-out`, `harmful`, `jailbreak`, `benign`; empty where nothing says so."""
    is_harmful: bool
    """Its texts are to be masked until a person asks for them."""
    prompts: int


@dataclass(frozen=True)
class Contents:
    """What an index holds."""

    experiment: str
    conditions: tuple[str, ...]
    seeds: tuple[int, ...]
    sets: tuple[SetInfo, ...]
    metrics: tuple[str, ...]
    """Names of the scores that single answers have."""
    n_rows: int
    """Aligned rows: prompts times seeds times samples."""
    n_answers: int


@dataclass(frozen=True)
class Answer:
    """One condition's answer with all that was measured of it alone."""

    condition: str
    response_id: str
    text: str
    state: str
    """What a judge or matcher graded it as; empty where nothing did."""
    reason: str
    """Why metrics leave it out; empty if they do not."""
    finish_reason: str
    tokens: int
    scores: Mapping[str, float]


@dataclass(frozen=True)
class SampleRow:
    """The answers of all conditions to one prompt, with one seed and sample number."""

    set: str
    prompt_id: str
    category: str
    prompt: str
    is_harmful: bool
    """Whether prompt and answers are to be masked."""
    seed: int
    sample: int
    answers: tuple[Answer, ...]
    """In the order of the conditions; one that has no answer here is absent."""

    def of(self, condition: str) -> Answer | None:
        """The answer of one condition, or None."""
        return next((one for one in self.answers if one.condition == condition), None)


@dataclass(frozen=True)
class PromptSamples:
    """Everything that was answered to one prompt."""

    set: str
    prompt_id: str
    prompt: str
    category: str
    is_harmful: bool
    reference: str
    """The human answer; empty where the set has none."""
    rows: tuple[SampleRow, ...]


class SampleIndex:
    """An open index. Reading only; may be used from any one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Raises sqlite3.DatabaseError or ValueError for a file that is no index."""
        connection.row_factory = sqlite3.Row
        self._connection = connection
        row = connection.execute("SELECT value FROM contents").fetchone()
        if row is None:
            raise ValueError("the index has no table of contents")
        self.contents = read_contents(json.loads(row["value"]))
        tables = {r["name"] for r in connection.execute("SELECT name FROM sqlite_master")}
        self._has_search = "answers_text" in tables
        self._filterable = self._fields()

    def __enter__(self) -> SampleIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the index must not be used afterwards."""
        self._connection.close()

    @property
    def conditions(self) -> tuple[str, ...]:
        """In the order of the experiment."""
        return self.contents.conditions

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the scores that single answers have."""
        return self.contents.metrics

    def page(
        self, filter_text: str = "", order: str = "", offset: int = 0, limit: int = 50
    ) -> tuple[SampleRow, ...]:
        """Some aligned rows that a filter lets pass, in plan order or by a score.

        order: `METRIC` (mean over conditions), `CONDITION.METRIC` or any filter field, with a `-`
        before it from high to low; `order:NAME` inside the filter text says the same. Rows without
        the value come last. Raises FilterError.
        """
        condition, named = self._compiled(filter_text)
        by = self._order_by(order or named)
        rows = self._connection.execute(
            "SELECT l.num, l.seed, l.sample, p.prompt_set, p.prompt_id, p.category, p.text,"
            " p.is_harmful FROM lines l JOIN prompts p ON p.num = l.prompt"
            f" WHERE {condition.sql} ORDER BY {by}l.num LIMIT ? OFFSET ?",
            (*condition.values, limit, offset),
        ).fetchall()
        return tuple(self._row(row) for row in rows)

    def count(self, filter_text: str = "") -> int:
        """How many aligned rows a filter lets pass; raises FilterError."""
        condition, _ = self._compiled(filter_text)
        if condition == EVERYTHING:
            return self.contents.n_rows
        found = self._connection.execute(
            "SELECT count(*) FROM lines l JOIN prompts p ON p.num = l.prompt"
            f" WHERE {condition.sql}",
            condition.values,
        ).fetchone()
        return int(found[0])

    def prompt(self, prompt_id: str, prompt_set: str | None = None) -> PromptSamples:
        """All answers to a prompt; without a set, of the first one that has it. Raises KeyError."""
        prompt = self._connection.execute(
            "SELECT * FROM prompts WHERE prompt_id = ? AND (? IS NULL OR prompt_set = ?)"
            " ORDER BY num LIMIT 1",
            (prompt_id, prompt_set, prompt_set),
        ).fetchone()
        if prompt is None:
            raise KeyError(prompt_id)
        rows = self._connection.execute(
            "SELECT l.num, l.seed, l.sample, p.prompt_set, p.prompt_id, p.category, p.text,"
            " p.is_harmful FROM lines l JOIN prompts p ON p.num = l.prompt"
            " WHERE l.prompt = ? ORDER BY l.num",
            (prompt["num"],),
        ).fetchall()
        return PromptSamples(
            prompt["prompt_set"],
            prompt["prompt_id"],
            prompt["text"],
            prompt["category"],
            bool(prompt["is_harmful"]),
            prompt["reference"],
            tuple(self._row(row) for row in rows),
        )

    def _row(self, row: sqlite3.Row) -> SampleRow:
        first = row["num"] * len(self.conditions)
        found = self._connection.execute(
            "SELECT * FROM answers WHERE num BETWEEN ? AND ? ORDER BY num",
            (first, first + len(self.conditions) - 1),
        )
        return SampleRow(
            row["prompt_set"],
            row["prompt_id"],
            row["category"],
            row["text"],
            bool(row["is_harmful"]),
            row["seed"],
            row["sample"],
            tuple(self._answer(one, one["num"] - first) for one in found),
        )

    def _answer(self, row: sqlite3.Row, place: int) -> Answer:
        scores = {
            metric: row[f"s{number}"]
            for number, metric in enumerate(self.metrics)
            if row[f"s{number}"] is not None
        }
        return Answer(
            self.conditions[place],
            row["response_id"],
            row["text"],
            row["state"],
            row["reason"],
            row["finish_reason"],
            row["tokens"],
            scores,
        )

    def _compiled(self, filter_text: str) -> tuple[Condition, str]:
        """The condition, and the order that the text names."""
        named = _ORDER.search(filter_text)
        rest = _MARK.sub(r"\g<name>>0", _ORDER.sub(" ", filter_text))
        name = named["name"].strip('"') if named else ""
        return compile_filter(rest, self._filterable), name

    def _order_by(self, order: str) -> str:
        if not order:
            return ""
        name = order.removeprefix("-")
        if name not in self._filterable.fields:
            known = named_fields(list(self._filterable.fields))
            raise FilterError(f"order: there is no {name!r}", f"known: {known}")
        direction = "DESC" if order.startswith("-") else "ASC"
        return f"{self._filterable.fields[name]} {direction} NULLS LAST, "

    def _fields(self) -> Filterable:
        """What a filter may name; SQL is made of numbers of ours, never of names from data."""
        count = len(self.conditions)
        columns = {name: name for name in (*_TEXT_FIELDS, "tokens")}
        columns |= {metric: f"s{number}" for number, metric in enumerate(self.metrics)}
        fields = {
            "set": "p.prompt_set",
            "purpose": "p.purpose",
            "prompt": "p.prompt_id",
            "category": "p.category",
            "seed": "l.seed",
            "sample": "l.sample",
            "flipped": "l.flipped",
            "differs": "l.differs",
        }
        span = f"a.num BETWEEN l.num * {count} AND l.num * {count} + {count - 1}"
        for name, column in columns.items():
            total = "group_concat" if name in _TEXT_FIELDS else "avg"
            fields.setdefault(name, f"(SELECT {total}(a.{column}) FROM answers a WHERE {span})")
        for place, condition in enumerate(self.conditions):
            for name, column in columns.items():
                fields[f"{condition}.{name}"] = (
                    f"(SELECT a.{column} FROM answers a WHERE a.num = l.num * {count} + {place})"
                )
        words = ("p.text", fields["text"])
        return Filterable(fields, words, search=self._search if self._has_search else None)

    def _search(self, word: str) -> Condition | None:
        if not _HAS_LETTER.search(word):
            return None  # the index has words only; the text itself is looked through instead
        phrase = '"{}"*'.format(word.replace('"', '""'))
        return Condition(
            "(l.num IN (SELECT rowid / ? FROM answers_text WHERE answers_text MATCH ?)"
            " OR l.prompt IN (SELECT rowid FROM prompts_text WHERE prompts_text MATCH ?))",
            (len(self.conditions), phrase, phrase),
        )


def read_contents(value: Mapping[str, Any]) -> Contents:
    """The table of contents as `asdict` wrote it."""
    return Contents(
        value["experiment"],
        tuple(value["conditions"]),
        tuple(value["seeds"]),
        tuple(SetInfo(**one) for one in value["sets"]),
        tuple(value["metrics"]),
        value["n_rows"],
        value["n_answers"],
    )
