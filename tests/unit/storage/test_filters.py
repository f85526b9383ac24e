"""The filter language against a real SQLite table."""

from __future__ import annotations

import json
import sqlite3

import pytest

from storage.filters import Filterable, FilterError, compile_filter

TARGET = Filterable({"id": "id", "state": "state", "seed": "seed"}, ("id", "state"), "params")
ROWS = [
    ("aa1", "failed", 0, {"lr": 1e-4, "lora": {"r": 8}, "name": "x y"}),
    ("aa2", "succeeded", 1, {"lr": 5e-4, "lora": {"r": 16}}),
    ("b_3", "succeeded", None, {}),
]


@pytest.fixture
def table() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (id TEXT, state TEXT, seed INTEGER, params TEXT)")
    connection.executemany(
        "INSERT INTO t VALUES (?, ?, ?, ?)", [(*row[:3], json.dumps(row[3])) for row in ROWS]
    )
    return connection


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["aa1", "aa2", "b_3"]),
        ("state:fail", ["aa1"]),
        ("state=succeeded", ["aa2", "b_3"]),
        ("state!=succeeded", ["aa1"]),
        ("aa", ["aa1", "aa2"]),
        ("_", ["b_3"]),
        ("%", []),
        ("seed>=1", ["aa2"]),
        ("seed=0", ["aa1"]),
        ("cfg.lr>1e-4", ["aa2"]),
        ("cfg.lr=0.0001", ["aa1"]),
        ("cfg.lora.r=8", ["aa1"]),
        ('cfg.name="x y"', ["aa1"]),
        ("NOT seed>=1", ["aa1", "b_3"]),
        ("state:fail OR seed=1", ["aa1", "aa2"]),
        ("aa state:succ OR id=b_3", ["aa2", "b_3"]),
        ("(aa1 OR b_3) state:succ", ["b_3"]),
        ('"OR"', []),
        ("state:'; DROP TABLE t; --", []),
    ],
)
def test_filters(table: sqlite3.Connection, text: str, expected: list[str]) -> None:
    condition = compile_filter(text, TARGET)
    rows = table.execute(f"SELECT id FROM t WHERE {condition.sql} ORDER BY id", condition.values)
    assert [row[0] for row in rows] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stat:x", "did you mean state"),
        ("seed>many", "not a number"),
        ("(aa", "not closed"),
        ("aa OR", "missing"),
        ("NOT", "nothing to negate"),
        ("aa )", "may stand"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text, TARGET)
    assert message in str(caught.value)
