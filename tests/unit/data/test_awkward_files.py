"""Files as people really have them: every one gives rows, or an error that names the file and the line."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from storage import durable
from synthlab.errors import JobError
from synthlab.experiment.datasets import DatasetResolver
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import hub_from_environment
from synthlab.jobs import import_
from synthlab.jobs.readers.fields import usable_rows
from synthlab.jobs.readers.hub_dataset import read_hub
from synthlab.jobs.readers.table import RawTable
from tests.unit.data.runs import info_of, run_job

BOM = b"\xef\xbb\xbf"


def read(tmp_path: Path, name: str, content: bytes) -> RawTable:
    """As the import reads a file of that name."""
    path = tmp_path / name
    path.write_bytes(content)
    hub = hub_from_environment({}, tmp_path)
    dataset = DatasetResolver(tmp_path, hub, FileHashes(None)).resolve(name, None, "train").params
    return import_.FILE_READERS[dataset["format"]](path, name)


def pairs(table: RawTable, **columns: str) -> list[tuple[str, str | None]]:
    return [(row.text, row.response) for row in usable_rows(table, columns).rows]


READABLE: dict[str, tuple[str, bytes, list[tuple[str, str | None]]]] = {
    "csv with a byte order mark": ("d.csv", BOM + b"prompt,response\na,b\n", [("a", "b")]),
    "csv with CRLF": ("d.csv", b"prompt,response\r\na,b\r\n", [("a", "b")]),
    "csv with CR alone": ("d.csv", b"prompt,response\ra,b\r", [("a", "b")]),
    "csv with quotes and line breaks": (
        "d.csv",
        b'prompt,response\n"say ""x"",\nplease","1\r\n2"\n',
        [('say "x",\nplease', "1\n2")],
    ),
    "csv with a missing value": ("d.csv", b"prompt,response\na,\n,b\n", [("a", None)]),
    "csv without a last line end": ("d.csv", b"prompt\na", [("a", None)]),
    "tsv": ("d.tsv", b"prompt\tresponse\na, b\tc\n", [("a, b", "c")]),
    "jsonl with mark, CRLF, blank lines": (
        "d.jsonl",
        BOM + b'{"prompt": "a"}\r\n\r\n{"prompt": "b"}',
        [("a", None), ("b", None)],
    ),
    "jsonl with mixed types": (
        "d.ndjson",
        b'{"prompt": 1}\n{"prompt": "b", "response": 2.5}\n{"prompt": null}\n',
        [("1", None), ("b", "2.5")],
    ),
    "jsonl whose rows have other keys": (
        "d.jsonl",
        b'{"prompt": "a"}\n{"response": "x", "prompt": "b"}\n',
        [("a", None), ("b", "x")],
    ),
    "json list": ("d.json", BOM + b'[{"prompt": "a"},\n {"prompt": "b"}]\n', [("a", None), ("b", None)]),
    "json that is jsonl": ("d.json", b'{"prompt": "a"}\n{"prompt": "b"}\n', [("a", None), ("b", None)]),
    "a line of 20 MB": ("d.jsonl", b'{"prompt": "' + b"x" * (20 << 20) + b'"}\n', [("x" * (20 << 20), None)]),
    "a field of 20 MB": ("d.csv", b"prompt\n" + b"x" * (20 << 20) + b"\n", [("x" * (20 << 20), None)]),
}  # fmt: skip


@pytest.mark.parametrize("case", READABLE)
def test_rows_are_read(tmp_path: Path, case: str) -> None:
    name, content, expected = READABLE[case]
    assert pairs(read(tmp_path, name, content)) == expected


LONG = b"prompt,response\n" + b"some words,more words\n" * 4000
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "empty csv": ("d.csv", b"", "d.csv: has no rows"),
    "empty jsonl": ("d.jsonl", b"", "d.jsonl: has no rows"),
    "empty json": ("d.json", b"", "d.json: has no rows"),
    "empty list": ("d.json", b"[]", "d.json: has no rows"),
    "empty parquet": ("d.parquet", b"", "d.parquet: cannot be read as Parquet"),
    "a header alone": ("d.csv", b"prompt,response\n", "d.csv: has no rows"),
    "too few fields": ("d.csv", b"prompt,response\na,b\nc\n", "d.csv, line 3: has 1 fields"),
    "too many fields": ("d.csv", b'prompt\n"a\nb"\nc,d\n', "d.csv, line 4: has 2 fields"),
    "an open quote": ("d.csv", b'prompt\na\n"b\n', "d.csv, line 3: is not CSV"),
    "latin-1 far down": ("d.csv", LONG + b"caf\xe9,x\n", "d.csv, line 4002: is not UTF-8"),
    "utf-16 csv": ("d.csv", "prompt\na\n".encode("utf-16"), "d.csv, line 1: is UTF-16"),
    "latin-1 jsonl": ("d.jsonl", b'{"prompt": "a"}\n{"prompt": "\xe9"}\n', "d.jsonl, line 2: is not UTF-8"),
    "utf-16 json": ("d.json", '[{"prompt": "a"}]'.encode("utf-16"), "d.json, line 1: is UTF-16"),
    "raw NUL in jsonl": ("d.jsonl", b'{"prompt": "a"}\n\0\n', "d.jsonl, line 2: is not JSON"),
    "half a json list": ("d.json", b'[{"prompt": "a"},\n{"prompt": ', "d.json, line 2: is not JSON"),
    "a list without end": ("d.json", b'[{"prompt": "a"}\n', "d.json, line 1: what begins here"),
    "a list of texts": ("d.json", b'[{"prompt": "a"},\n\n"b"]', "d.json, line 3: is a JSON str"),
    "a nested value": ("d.jsonl", b'{"prompt": "a"}\n{"prompt": {"x": 1}}\n', "line 2: 'prompt' is a dict"),
    "an id twice": ("d.csv", b"id,prompt\n1,a\n2,b\n1,c\n", "d.csv: line 2 and line 4 differ"),
    "a column twice": ("d.csv", b"prompt,prompt\na,b\n", "the header names 'prompt' twice"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_faults_are_named(tmp_path: Path, case: str) -> None:
    name, content, message = REFUSED[case]
    with pytest.raises(JobError) as caught:
        pairs(read(tmp_path, name, content))
    assert message in caught.value.message


CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Why?"},
    {"role": "assistant", "content": "Because."},
    {"role": "user", "content": "Really?"},
]
SHAREGPT = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}]
PARTS = [
    {"role": "user", "content": [{"type": "text", "text": "Wh"}, {"type": "text", "text": "y?"}]},
    {"role": "assistant", "content": [{"type": "text", "text": "Because."}]},
]
SHAPES: dict[str, dict[str, Any]] = {
    "messages": {"messages": CHAT},
    "conversations": {"conversations": SHAREGPT},
    "parts": {"messages": PARTS},
    "instruction": {"instruction": "Why?", "input": "", "output": "Because."},
    "dolly": {"instruction": "Why?", "context": "", "response": "Because.", "category": "qa"},
    "question": {"question": "Why?", "answer": "Because."},
}


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
@pytest.mark.parametrize("shape", SHAPES)
def test_well_known_shapes_need_no_mapping(tmp_path: Path, shape: str, form: str) -> None:
    name, row = f"d.{form}", SHAPES[shape]
    if form == "parquet":
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / name)
        content = (tmp_path / name).read_bytes()
    else:
        content = json.dumps(row if form == "jsonl" else [row]).encode()
    table = read(tmp_path, name, content)
    assert pairs(table) == [("Why?", "Because.")]
    usable = usable_rows(table, {})
    assert usable.rows[0].system == ("Be brief." if shape == "messages" else None)
    assert usable.rows[0].category == ("qa" if shape == "dolly" else None)
    assert usable.cut_chats == int(shape == "messages")


def test_an_input_stands_below_its_instruction(tmp_path: Path) -> None:
    row = {"instruction": "Translate.", "input": "chien", "output": "dog"}
    assert pairs(read(tmp_path, "d.json", json.dumps([row]).encode())) == [
        ("Translate.\n\nchien", "dog")
    ]


def test_what_is_mapped_counts_more_than_what_is_recognised(tmp_path: Path) -> None:
    row = {"instruction": "Why?", "output": "Because.", "answer": "So.", "messages": CHAT}
    table = read(tmp_path, "d.jsonl", json.dumps(row).encode())
    assert pairs(table, prompt="instruction", response="answer") == [("Why?", "So.")]
    assert pairs(table, prompt="messages", response="output") == [("Why?", "Because.")]
    assert usable_rows(table, {"prompt": "instruction"}).rows[0].response is None
    plain = read(tmp_path, "p.jsonl", b'{"prompt": "a", "question": "b", "answer": "c"}')
    assert pairs(plain) == [("a", None)]


@pytest.mark.parametrize(
    "value", [[], [{"role": "user"}], ["a"], [{"role": "user", "content": 3}], {"role": "user"}]
)
def test_a_list_that_is_no_chat_is_named(tmp_path: Path, value: object) -> None:
    content = json.dumps({"messages": value}).encode()
    with pytest.raises(JobError, match=r"d\.jsonl, line 1: 'messages' is a"):
        pairs(read(tmp_path, "d.jsonl", content))


def test_a_chat_without_an_exchange_gives_no_row(tmp_path: Path) -> None:
    silent = [{"role": "assistant", "content": "Hello."}]
    content = b"\n".join(json.dumps({"messages": m}).encode() for m in (silent, CHAT))
    usable = usable_rows(read(tmp_path, "d.jsonl", content), {})
    assert usable.dropped == {"no prompt": 1}


def test_the_import_says_how_it_read_a_shape(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps({"messages": CHAT}), encoding="utf-8")
    columns = dict.fromkeys(("id", "prompt", "response", "category", "system"))
    dataset = {"origin": "file", "name": "d.jsonl", "format": "jsonl"}
    digest = durable.sha256_file(path)
    directory = run_job(
        tmp_path,
        "one",
        import_.run,
        {
            "dataset": {**dataset, "digest": digest}, "columns": columns, "rows": None,
            "order_seed": 0, "holdouts": [], "set": "train",
        },
        locate={"dataset": str(path)},
    )  # fmt: skip
    assert info_of(directory)["sets"] == [{"name": "train", "rows": 1, "responses": 1}]
    said = directory.events.read_text(encoding="utf-8")
    assert "read by the names of the columns" in said
    assert "1 chats go on" in said


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """A hub with one set of two configurations; lists what was asked for."""
    import datasets
    import huggingface_hub

    asked: list[tuple[Any, ...]] = []

    def load(name: str, config: str | None, *, revision: str, split: str) -> Any:
        asked.append((name, config, revision, split))
        if config is None:
            raise ValueError("Config name is missing. Please pick one: ['small', 'large']")
        return datasets.Dataset.from_list([{"instruction": "Why?", "output": config}])

    def about(_: Any, name: str, *, revision: str) -> Any:
        return SimpleNamespace(card_data=SimpleNamespace(license=["cc-by-4.0", "mit"]))

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", about)
    return asked


def test_a_configuration_of_a_hub_set_is_read_with_its_licence(hub: list[tuple[Any, ...]]) -> None:
    table = read_hub("own/er", "c" * 40, "test", "small")
    assert hub == [("own/er", "small", "c" * 40, "test")]
    assert pairs(table) == [("Why?", "small")]
    assert table.licence == "cc-by-4.0, mit"


def test_a_missing_configuration_is_said(hub: list[tuple[Any, ...]]) -> None:
    with pytest.raises(JobError, match="Config name is missing") as caught:
        read_hub("own/er", "c" * 40, "train")
    assert "config" in caught.value.hint
