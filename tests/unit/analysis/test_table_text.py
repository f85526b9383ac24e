"""Tables for other programs: no formula in CSV, no broken LaTeX, no stray pipe in Markdown."""

from __future__ import annotations

import csv
import io
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthlab.analysis.table_text import Table, to_csv, to_latex, to_markdown
from synthlab.escaping import CsvCell
from synthlab.text import safe_text
from tests.unit.latex_structure import faults

HOSTILE = (
    '=HYPERLINK("http://x")', "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx", "\x00=1",
    r"\input{/etc/passwd}", "a & b % c $ d # e _ f { g } h ~ i ^ j", "a | b", "x\ny", "[1] x",
    "`code` *bold* <b>", "\u202eevil", "\x1b[31m", "é ü ≥ ≠", "\\\\",
)  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


def one(cell: CsvCell) -> Table:
    return Table("", ("column",), ((cell,),))


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_csv_begins_like_a_formula(text: str) -> None:
    ((_,), (cell,)) = cells(to_csv([one(text)]))
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\x00"))


@given(TEXTS, TEXTS)
def test_csv_of_any_text_is_safe_and_hides_nothing(first: str, second: str) -> None:
    table = Table("", ("a", second), ((first, second),))
    rows = cells(to_csv([table]))
    for cell, text in ((rows[0][1], second), (rows[1][0], first), (rows[1][1], second)):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\x00"))
        shown = safe_text(text)
        assert cell == shown or cell == f"'{shown}"


@pytest.mark.parametrize("number", [-0.25, 1e-9, -3, 12345678901, 0.1 + 0.2])
def test_numbers_stay_numbers_with_every_digit(number: float) -> None:
    ((_,), (cell,)) = cells(to_csv([one(number)]))
    assert float(cell) == number


def test_what_is_not_a_number_is_an_empty_cell() -> None:
    assert cells(to_csv([one(math.nan)]))[1] == [""]
    assert to_latex([one(math.nan)]).splitlines()[-3] == r" \\"


@pytest.mark.parametrize("text", HOSTILE)
def test_latex_holds_together_whatever_the_text(text: str) -> None:
    table = Table(text, (text, "b", "n"), ((text, text, 1.5), ("x", None, -2.25)))
    latex = to_latex([table])
    assert faults(latex) == []
    assert r"\begin{tabular}{llr}" in latex


@given(TEXTS)
def test_latex_of_any_text_is_one_balanced_cell(text: str) -> None:
    latex = to_latex([one(text)])
    assert faults(latex) == []
    assert len(latex.splitlines()) == 9


@given(TEXTS)
def test_markdown_of_any_text_is_one_cell(text: str) -> None:
    lines = to_markdown([Table("", (text, "b"), ((text, 1.0),))]).splitlines()
    assert len(lines) == 3
    for line in lines:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 3


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells under 1 titles"):
        Table("t", ("a",), (("x", "y"),))
