"""No byte from data can act on a terminal, on any way that text takes to one."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthlab.cli.output import Column, Output
from synthlab.text import safe_line, safe_text

PAYLOADS = [
    "\x1b]52;c;aGk=\x07",
    "\x1b]0;title\x1b\\",
    "\x1b[2J\x1b[H",
    "\x1bc",
    "\x1b[6n",
    "\x9b31m",
    "\x90q\x9c",
    "a\rb",
    "a\x08b",
    "\u202egnp.exe",
    "\u2066\u2069",
    "zero\u200bwidth\ufeff",
    "\ud800",
    "\x00",
    "\u2028",
    "x" * 1_000_000 + "\x1b[31m",
]
ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f\ud800-\udfff]"
)


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_payloads_become_visible(payload: str) -> None:
    shown = safe_text(payload)
    assert not ACTIVE.search(shown)
    assert len(shown) >= len(payload)
    assert not ACTIVE.search(safe_line(payload + "\n\t"))
    assert "\n" not in safe_line(payload + "\n")


@given(st.text())
def test_made_safe_twice_is_made_safe_once(text: str) -> None:
    assert safe_text(safe_text(text)) == safe_text(text)
    assert not ACTIVE.search(safe_text(text))


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize("payload", PAYLOADS[:-1], ids=range(len(PAYLOADS) - 1))
@pytest.mark.parametrize("colour", [False, True])
def test_no_way_of_printing_lets_it_through(payload: str, colour: bool) -> None:
    out, err = io.StringIO(), io.StringIO()
    output = Output(out, err, colour=colour)
    output.say(payload)
    output.data(payload)
    output.raw(payload)
    output.table([Column(payload, lambda row: row["x"])], [{"x": payload}])
    output.json("x", {payload: payload})
    assert not ACTIVE.search(out.getvalue() + err.getvalue())


def test_colour_is_for_states_only_and_keeps_the_word() -> None:
    out = io.StringIO()
    Output(out, io.StringIO(), colour=True).table(
        [Column("state", lambda row: row["s"])], [{"s": "failed"}, {"s": "other"}]
    )
    assert out.getvalue() == "state\n\x1b[31mfailed\x1b[0m\nother\n"
