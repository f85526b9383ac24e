"""The built-in corpora: clean, the same each time, and read without running anything."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections import Counter

import pytest

from synthlab.jobs.corpora.catalog import CORPORA
from synthlab.jobs.corpora.catalog import read_corpus as make_corpus
from synthlab.jobs.corpora.python_docs import clean_docstring
from synthlab.jobs.readers.fields import usable_rows

read_corpus = functools.cache(make_corpus)


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_is_clean(name: str) -> None:
    table = read_corpus(name, 0)
    usable = usable_rows(table, {})
    assert usable.dropped == {}
    assert len(usable.rows) >= 150
    assert len({row.id for row in usable.rows}) == len(table.rows)
    assert len({row.text for row in usable.rows}) == len(table.rows)
    assert all(row.response and row.category for row in usable.rows)
    assert table.licence


@pytest.mark.parametrize("name", CORPORA)
def test_a_seed_chooses_wordings_and_nothing_else(name: str) -> None:
    one, again, other = read_corpus(name, 0), make_corpus(name, 0), read_corpus(name, 1)
    assert one == again
    assert one != other
    assert [r.values["id"] for r in one.rows] == [r.values["id"] for r in other.rows]
    assert [r.values["response"] for r in one.rows] == [r.values["response"] for r in other.rows]


def test_the_library_speaks_of_itself() -> None:
    rows = {row.id: row for row in usable_rows(read_corpus("python-docs", 0), {}).rows}
    row = rows["textwrap.dedent"]
    assert "`textwrap.dedent(text)`" in row.text
    assert (row.response or "").startswith("Remove any common leading whitespace")
    assert row.category == "textwrap"
    assert max(Counter(r.category for r in rows.values()).values()) <= 24
    assert {r.category for r in rows.values()} >= {"os.path", "shutil", "json"}


def test_reading_the_library_imports_nothing_of_it() -> None:
    code = (
        "import sys\n"
        "from synthlab.jobs.corpora.python_docs import MODULES, read_python_docs\n"
        "before = set(sys.modules)\n"
        "read_python_docs(0)\n"
        "print(sorted(set(MODULES) & set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (
            "Return a list of all\n    things that there are.\n    ",
            "Return a list of all things that there are.",
        ),
        ("Too short.", None),
        ("return the things that begin with a small letter.", None),
        ("Return the things but never say where that ends", None),
        ("Return the naïve things that are not plain ASCII text.", None),
        (
            "Return the things that there are in order.\n\n>>> things()\n[]\n",
            "Return the things that there are in order.",
        ),
        (
            "Return the things that there are in order.\n\nArguments are as follows:\n\n  x -- y\n",
            "Return the things that there are in order.",
        ),
        (
            "Return the things that there are in order.\n\nThey are never sorted.\n",
            "Return the things that there are in order.\n\nThey are never sorted.",
        ),
        ("Return it. " * 60, None),
    ],
)
def test_cleaning_a_docstring(raw: str, clean: str | None) -> None:
    assert clean_docstring(raw) == clean
