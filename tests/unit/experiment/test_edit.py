"""Adding tables to experiment files: old bytes stay, values come back as they were, nothing gets worse."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthlab.errors import ConflictError, NotFoundError, SpecError, UsageError
from synthlab.experiment.edit import (
    NewTable,
    add_tables,
    add_to_file,
    parse_value,
    table_text,
    toml_value,
)
from synthlab.experiment.load import load_spec, parse_spec

FILE = """\
schema = 1          # the first line
name = "eggs"

[base]
model = "builtin:tiny-docs"   # not a large one

# People first.
[prompts.train]
dataset = "builtin:tiny-grammar"
[sources.people]
kind = "human"
"""
LLAMA = NewTable(
    "sources", "llama", {"kind": "model", "model": "a/b", "sampling": {"temperature": 0.5}}
)
MULTI = NewTable("mixtures", "multi", {"shares": {"people": 1, "llama": 2}, "assign": "folds"})

texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(2**62), 2**62) | st.floats(allow_nan=False)
values = st.recursive(
    texts | st.booleans() | numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    written = toml_value(value)
    assert "\n" not in written
    assert tomllib.loads(f"v = {written}")["v"] == value
    assert parse_value(written) == value


@given(texts)
def test_what_is_written_cannot_act_on_a_terminal(text: str) -> None:
    written = table_text(NewTable("sources", "a", {"system": text}))
    assert all(sign.isprintable() or sign == "\n" for sign in written)


def test_what_was_there_stays_and_the_new_tables_are_read(tmp_path: Path) -> None:
    path = tmp_path / "eggs.toml"
    path.write_text(FILE, encoding="utf-8")
    path.chmod(0o640)
    done = add_to_file(path, (LLAMA, MULTI))
    text = path.read_text(encoding="utf-8")
    assert text.startswith(FILE)
    assert (done.is_new, done.faults) == (False, "")
    assert text.removeprefix(FILE) == (
        '\n[sources.llama]\nkind = "model"\nmodel = "a/b"\nsampling = { temperature = 0.5 }\n'
        '\n[mixtures.multi]\nshares = { people = 1, llama = 2 }\nassign = "folds"\n'
    )
    spec = load_spec(path)
    assert spec.sources["llama"].sampling.temperature == 0.5
    assert [(s.source, s.weight) for s in spec.mixtures["multi"].shares] == [
        ("people", 1.0),
        ("llama", 2.0),
    ]
    assert path.stat().st_mode & 0o777 == 0o640


def test_byte_order_mark_line_ends_and_a_missing_last_line_end_stay(tmp_path: Path) -> None:
    path = tmp_path / "eggs.toml"
    raw = b"\xef\xbb\xbf" + FILE.rstrip("\n").replace("\n", "\r\n").encode()
    path.write_bytes(raw)
    add_to_file(path, (LLAMA,))
    changed = path.read_bytes()
    assert changed.startswith(raw + b"\r\n\r\n[sources.llama]\r\n")
    assert changed.replace(b"\r\n", b"").count(b"\n") == 0
    assert "llama" in load_spec(path).sources


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real.toml", tmp_path / "eggs.toml"
    target.write_text(FILE, encoding="utf-8")
    link.symlink_to(target)
    add_to_file(link, (LLAMA,))
    assert link.is_symlink()
    assert "llama" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (NewTable("sources", "people", {"kind": "human"}), ConflictError, r"e:10: sources\.people"),
        (NewTable("sources", 'a"]\nx', {"kind": "human"}), UsageError, "not a usable name"),
        (NewTable("sources", "Ä", {"kind": "human"}), UsageError, "not a usable name"),
        (
            NewTable("sources", "x", {"kind": "human", "modle": "m"}),
            SpecError,
            r"e:15: sources\.x\.modle",
        ),
        (NewTable("sources", "x", {"kind": "robot"}), SpecError, r"e:14: sources\.x\.kind"),
        (
            NewTable("mixtures", "x", {"shares": {"nobody": 1}}),
            SpecError,
            r"e:14: mixtures\.x\.shares\.nobody",
        ),
        # A second set to train on makes the first source's choice of one unclear.
        (NewTable("prompts", "x", {"dataset": "d.csv"}), SpecError, r"e:10: sources\.people"),
    ],
)
def test_a_file_that_would_get_worse_is_left_alone(
    tmp_path: Path, table: NewTable, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        add_tables(FILE, Path("e"), (table,))
    path = tmp_path / "e.toml"
    path.write_text(FILE, encoding="utf-8")
    with pytest.raises(error):
        add_to_file(path, (LLAMA, table))
    assert path.read_text(encoding="utf-8") == FILE


def test_faults_that_were_there_before_are_no_reason_and_are_told(tmp_path: Path) -> None:
    path = tmp_path / "eggs.toml"
    faulty = FILE + "[mixtures.old]\nshares = { gone = 1 }\n"
    path.write_text(faulty, encoding="utf-8")
    done = add_to_file(path, (LLAMA,))
    assert "mixtures.old.shares.gone" in done.faults
    assert "llama" in path.read_text(encoding="utf-8")


def test_an_inline_section_is_named(tmp_path: Path) -> None:
    text = FILE.replace('[sources.people]\nkind = "human"', "") + "[sources]\n"
    inline = 'sources = { people = { kind = "human" } }\n' + text.replace("[sources]\n", "")
    assert "[sources.llama]" in add_tables(text, Path("e"), (LLAMA,))
    with pytest.raises(SpecError, match="e:1: sources: is written in one piece"):
        add_tables(inline, Path("e"), (LLAMA,))


def test_a_new_file_holds_the_least_that_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "spam.toml"
    train = NewTable("prompts", "train", {"dataset": "builtin:tiny-grammar"})
    with pytest.raises(NotFoundError, match="no experiment file"):
        add_to_file(path, (train,))
    assert add_to_file(path, (train,), base={"model": "own/er"}).is_new
    spec = load_spec(path)
    assert (spec.name, spec.base.model, list(spec.prompts)) == ("spam", "own/er", ["train"])
    assert path.stat().st_mode & 0o777 == 0o644
    for name in ("spam", "Sp am.toml"):
        with pytest.raises(UsageError, match="cannot be made an experiment file"):
            add_to_file(tmp_path / name, (train,), base={"model": "own/er"})


@pytest.mark.parametrize("text", ["1\nother = 2", "[1", "", "x", "1979-05-27"])
def test_what_is_no_single_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_value(text)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        toml_value("a\udcffb")


def test_the_example_is_valid() -> None:
    assert parse_spec(FILE, Path("e")).name == "eggs"
