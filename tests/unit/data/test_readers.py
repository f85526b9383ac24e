"""Reading files of any origin: rows, or an error that names the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthlab.errors import JobError
from synthlab.jobs.readers.csv_file import read_csv
from synthlab.jobs.readers.fields import usable_rows
from synthlab.jobs.readers.jsonl_file import read_jsonl
from synthlab.jobs.readers.parquet_file import read_parquet
from synthlab.jobs.readers.table import RawRow, RawTable


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "data"
    path.write_bytes(content)
    return path


def test_jsonl_as_it_comes(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf{"prompt": "a\\nb", "n": 1}\r\n\r\n  \n{"x": "\xc3\xa4\xe2\x80\xa8"}'
    table = read_jsonl(write(tmp_path, content), "d")
    assert table.columns == ("prompt", "n", "x")
    assert table.rows == (
        RawRow("line 1", {"prompt": "a\nb", "n": 1}),
        RawRow("line 4", {"x": "ä\u2028"}),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n{"a": \n', "d, line 2: is not JSON"),
        (b'{"a": 1}\n["a"]\n', "d, line 2: is a JSON list, not an object"),
        (b'{"a": 1}\n\n{"a": "\xff"}\n', "d, line 3: is not UTF-8"),
        (b"[" * 100_000 + b"\n", "d, line 1: is not JSON"),
    ],
)
def test_a_damaged_line_of_jsonl_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(JobError, match=message):
        read_jsonl(write(tmp_path, content), "d")


def test_csv_as_it_comes(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbfid,prompt\r\n1,"say ""hi"",\r\nplease"\r\n\r\n2,\r\n'
    table = read_csv(write(tmp_path, content), "d")
    assert table.columns == ("id", "prompt")
    assert table.rows == (
        RawRow("line 2", {"id": "1", "prompt": 'say "hi",\r\nplease'}),
        RawRow("line 5", {"id": "2", "prompt": None}),
    )


def test_a_field_longer_than_the_csv_module_s_own_limit(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, b"a\n" + b"x" * 200_000 + b"\n"), "d")
    assert len(table.rows[0].values["a"]) == 200_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'a,b\n"1\n2",3\n4,5,6\n', "d, line 4: has 3 fields, the header has 2"),
        (b"a,b\n1\n", "d, line 2: has 1 fields"),
        (b'a,b\n1,2\n3,"4\n5\n', "d, line 3: is not CSV"),
        (b"a,b,a\n", "header names 'a' twice"),
        (b"a,b\n1,2\n\xff,2\n", "d, line 3: is not UTF-8 text"),
    ],
)
def test_a_damaged_line_of_csv_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(JobError, match=message):
        read_csv(write(tmp_path, content), "d")


def test_parquet(tmp_path: Path) -> None:
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    path = tmp_path / "d.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"prompt": ["a", None], "n": [1, 2]}), path)
    table = read_parquet(path, "d")
    assert table.columns == ("prompt", "n")
    assert table.rows[1] == RawRow("row 2", {"prompt": None, "n": 2})
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(JobError, match="cannot be read as Parquet"):
        read_parquet(path, "d")


def table_of(*rows: dict[str, Any]) -> RawTable:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return RawTable("d", columns, tuple(RawRow(f"line {i}", row) for i, row in enumerate(rows, 1)))


def test_columns_of_their_own_name_are_found() -> None:
    row = usable_rows(
        table_of({"id": 7, "prompt": " p\r\nq ", "response": "", "category": "c", "system": None}),
        {},
    ).rows[0]
    assert (row.id, row.text, row.response, row.category, row.system) == (
        "7",
        "p\nq",
        None,
        "c",
        None,
    )


def test_templates_join_columns() -> None:
    table = table_of(
        {"q": "Why?", "c": "It rains."}, {"q": "How?", "c": None}, {"q": None, "c": ""}
    )
    usable = usable_rows(table, {"prompt": "{c}\n\n{q}", "response": "{{{q}}}"})
    assert [row.text for row in usable.rows] == ["It rains.\n\nWhy?", "How?"]
    assert usable.rows[0].response == "{Why?}"
    assert usable.dropped == {"no prompt": 1}


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ({"prompt": "promt"}, "'promt'; did you mean \"prompt\""),
        ({"response": "answer"}, "'answer'"),
        ({"prompt": "{prompt} {ctx}"}, "'ctx'"),
    ],
)
def test_a_named_column_that_is_not_there(columns: dict[str, str], missing: str) -> None:
    with pytest.raises(JobError, match=missing) as caught:
        usable_rows(table_of({"prompt": "p", "topic": "t"}), columns)
    assert "its columns are: prompt, topic" in caught.value.hint


def test_a_data_set_without_prompts_lists_its_columns() -> None:
    with pytest.raises(JobError, match="'prompt'") as caught:
        usable_rows(table_of({"text": "p"}), {})
    assert "text" in caught.value.hint


@pytest.mark.parametrize("value", [["p"], {"p": 1}, True])
def test_a_value_that_is_no_text_is_named(value: object) -> None:
    with pytest.raises(JobError, match="d, line 2: 'prompt' is a"):
        usable_rows(table_of({"prompt": "p"}, {"prompt": value}), {})


def test_numbers_are_text_and_what_is_not_finite_is_missing() -> None:
    table = table_of({"prompt": 3}, {"prompt": 2.5}, {"prompt": float("nan")})
    usable = usable_rows(table, {})
    assert [row.text for row in usable.rows] == ["3", "2.5"]
    assert usable.dropped == {"no prompt": 1}


def test_equal_rows_count_as_one_and_different_rows_may_not_share_an_id() -> None:
    same = {"id": "1", "prompt": "p"}
    assert usable_rows(table_of(same, same), {}).dropped == {"duplicate row": 1}
    with pytest.raises(JobError, match="line 1 and line 3 differ but share the id '1'"):
        usable_rows(table_of(same, {"id": "2", "prompt": "q"}, {"id": "1", "prompt": "r"}), {})


def test_half_a_surrogate_pair_is_no_text() -> None:
    table = table_of(json.loads('{"prompt": "a\\ud83d"}'), {"prompt": "b"})
    assert usable_rows(table, {}).dropped == {"broken text": 1}


@pytest.mark.parametrize("rows", [(), ({"prompt": None},)])
def test_nothing_to_use_is_an_error(rows: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(JobError, match=r"no rows|no usable row"):
        usable_rows(table_of(*rows), {})


@given(st.lists(st.text("ab", min_size=1), min_size=1, unique=True), st.randoms())
def test_made_ids_do_not_depend_on_the_order(texts: list[str], random: Any) -> None:
    shuffled = list(texts)
    random.shuffle(shuffled)
    first = usable_rows(table_of(*({"prompt": t} for t in texts)), {}).rows
    second = usable_rows(table_of(*({"prompt": t} for t in shuffled)), {}).rows
    assert {r.text: r.id for r in first} == {r.text: r.id for r in second}
    assert len({r.id for r in first}) == len(texts)
