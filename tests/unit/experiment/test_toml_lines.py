"""Every key of a TOML text is found on the line where a person would look for it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthlab.experiment.toml_lines import KeyPath, key_lines

AWKWARD = '''\
# a comment with a = sign and [a.header]
title = "x # no comment" # a comment
[ base ] # spaces in the header
model = """
[not.a.table]
key = "no key"
he said "no\\""""
after = 1
'single quoted.key' = 2
"double \\u0041 key" = 3
a.b . "c d" = 4
a.b.e = [
  1, # one
  [2, "]", '"'],
  { x = "}", y = [ 5,
    6 ] },
]

[[points]]
at = 1979-05-27 07:32:00
[[points]]
at = 0x_no
[points.inner]
deep = '\'\'literal \\'\'\'
[x.y.z]
w = {}
[x]
v = ''\'two 'quotes' at the end''\'''
last = true'''.replace("0x_no", "0xdead")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("base",), 3),
        (("base", "model"), 4),
        (("base", "after"), 8),
        (("base", "single quoted.key"), 9),
        (("base", "double A key"), 10),
        (("base", "a", "b", "c d"), 11),
        (("base", "a", "b", "e"), 12),
        (("base", "a", "b", "e", 0), 13),
        (("base", "a", "b", "e", 1, 1), 14),
        (("base", "a", "b", "e", 2, "x"), 15),
        (("base", "a", "b", "e", 2, "y", 1), 16),
        (("points", 0, "at"), 20),
        (("points", 1), 21),
        (("points", 1, "at"), 22),
        (("points", 1, "inner", "deep"), 24),
        (("x", "y", "z", "w"), 26),
        (("x",), 27),
        (("x", "v"), 28),
        (("x", "last"), 29),
    ],
)
def test_awkward_file(path: KeyPath, line: int) -> None:
    assert key_lines(AWKWARD)[path] == line


def test_awkward_file_with_windows_line_ends() -> None:
    assert key_lines(AWKWARD.replace("\n", "\r\n")) == key_lines(AWKWARD)


def paths_of(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield (*path, key)
        yield from paths_of(inner, (*path, key))


def test_no_key_is_missed_and_none_invented() -> None:
    assert set(key_lines(AWKWARD)) == set(paths_of(tomllib.loads(AWKWARD)))


def quoted(text: str) -> str:
    plain = "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text)
    return f'"{plain}"'


KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=0, max_size=4)
STRINGS = st.text(st.sampled_from("ab\"'#[]{}=,.\\\n"), max_size=8)


def spell(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {spell(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"{spell(v)} , # ]\n" for v in value) + "]"
    if isinstance(value, str):
        if "'" not in value and "\\" not in value:
            return f"'''\n{value}'''"
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"""\n{escaped}"""'
    return str(value)


VALUES = st.recursive(
    STRINGS | st.integers(0, 99),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=3))
def test_lines_of_any_file(tables: dict[str, dict[str, Any]]) -> None:
    text = ""
    expected: dict[KeyPath, int] = {}
    for name, table in tables.items():
        expected[(name,)] = text.count("\n") + 1
        text += f"[{quoted(name)}]\n"
        for key, value in table.items():
            expected[name, key] = text.count("\n") + 1
            text += f"{quoted(key)} = {spell(value)}\n"
    found = key_lines(text)
    assert {path: found[path] for path in expected} == expected
    assert set(found) == set(paths_of(tomllib.loads(text)))
