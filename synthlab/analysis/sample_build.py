"""Writes the SQLite file that `sample_index` opens."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from synthlab.analysis.sample_index import Answer, Contents


@dataclass(frozen=True)
class PromptRecord:
    """A prompt on its way into an index."""

    set: str
    prompt_id: str
    category: str
    text: str
    reference: str
    purpose: str
    is_harmful: bool


@dataclass(frozen=True)
class LineRecord:
    """An aligned row on its way into an index."""

    prompt: int
    """Number of its prompt, in the order given."""
    seed: int
    sample: int
    is_flipped: bool
    answers: Mapping[str, Answer]
    """By condition."""


def build_index(
    contents: Contents, prompts: Sequence[PromptRecord], lines: Iterable[LineRecord]
) -> bytes:
    """The file of an index: built in memory, so that only a whole one ever has the name."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    scores = [f"s{number}" for number in range(len(contents.metrics))]
    columns = "".join(f", {name} REAL" for name in scores)
    connection.executescript(
        "CREATE TABLE contents (value TEXT);"
        "CREATE TABLE prompts (num INTEGER PRIMARY KEY, prompt_set TEXT, prompt_id TEXT,"
        " category TEXT, text TEXT, reference TEXT, purpose TEXT, is_harmful INTEGER);"
        "CREATE INDEX prompts_by_id ON prompts (prompt_id);"
        "CREATE TABLE lines (num INTEGER PRIMARY KEY, prompt INTEGER, seed INTEGER,"
        " sample INTEGER, flipped INTEGER, differs INTEGER);"
        "CREATE TABLE answers (num INTEGER PRIMARY KEY, response_id TEXT, text TEXT, state TEXT,"
        f" reason TEXT, finish_reason TEXT, tokens INTEGER{columns});"
    )
    connection.execute("INSERT INTO contents VALUES (?)", (json.dumps(asdict(contents)),))
    connection.executemany(
        "INSERT INTO prompts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (n, p.set, p.prompt_id, p.category, p.text, p.reference, p.purpose, p.is_harmful)
            for n, p in enumerate(prompts)
        ),
    )
    places = {condition: place for place, condition in enumerate(contents.conditions)}
    marks = ", ".join("?" * (7 + len(scores)))
    for number, line in enumerate(lines):
        states = {answer.state for answer in line.answers.values()}
        connection.execute(
            "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?)",
            (number, line.prompt, line.seed, line.sample, line.is_flipped, len(states) > 1),
        )
        connection.executemany(
            f"INSERT INTO answers VALUES ({marks})",
            _answer_values(line, number * len(places), places, contents.metrics),
        )
    connection.execute("CREATE INDEX lines_by_prompt ON lines (prompt)")
    _index_words(connection)
    data = connection.serialize()
    connection.close()
    return data


def _answer_values(
    line: LineRecord, first: int, places: Mapping[str, int], metrics: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    for condition, answer in line.answers.items():
        yield (
            first + places[condition],
            answer.response_id,
            answer.text,
            answer.state,
            answer.reason,
            answer.finish_reason,
            answer.tokens,
            *(answer.scores.get(metric) for metric in metrics),
        )


def _index_words(connection: sqlite3.Connection) -> None:
    """Full-text search where this SQLite has it; without it a filter looks through the texts."""
    options = {row[0] for row in connection.execute("PRAGMA compile_options")}
    if "ENABLE_FTS5" not in options:
        return
    for table in ("answers", "prompts"):
        connection.execute(
            f"CREATE VIRTUAL TABLE {table}_text USING fts5"
            f"(text, content='{table}', content_rowid='num')"
        )
        connection.execute(f"INSERT INTO {table}_text({table}_text) VALUES ('rebuild')")
