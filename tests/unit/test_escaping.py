"""Hostile text stays text in every format of a report."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser

import pytest

from synthlab.escaping import (
    csv_text,
    html_text,
    latex_comment,
    markdown_block,
    markdown_code,
    markdown_text,
)
from synthlab.report.labels import figure_label
from synthlab.report.tables import (
    Cell,
    Column,
    Table,
    csv_file,
    html_table,
    latex_document,
    latex_table,
    markdown_table,
)
from tests.unit.latex_structure import faults

HOSTILE = (
    "<script>alert(1)</script>",
    "]]><img src=x onerror=y>",
    "$\\frac{1}{0}$ & # _ % ^ ~ {",
    "} \\end{tabular} \\input{/etc/passwd}",
    "a | b `c` **d** [e](http://f)",
    '" onmouseover="x',
    "\x1b[31mred\x07 \x00 \r \u202egnp.exe",
    "=HYPERLINK(1)",
    "[1] -- --- ?` !` << >> ,,",
    "中文 😀 é ß",
    "```",
    "",
    "   ",
)


class Reader(HTMLParser):
    """Every tag, attribute and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def hostile_table() -> Table:
    rows = tuple((Cell(text, address=text), Cell(text, is_code=True)) for text in HOSTILE)
    columns = (Column(HOSTILE[0]), Column(HOSTILE[2], True, HOSTILE[5]))
    return Table("hostile", HOSTILE[3], columns, rows, HOSTILE)


def test_html_holds_no_tag_or_attribute_of_the_data() -> None:
    reader = Reader()
    reader.feed(html_table(hostile_table()))
    allowed = {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "code", "p"}
    assert set(reader.tags) <= allowed
    assert {name for name, _ in reader.attributes} <= {"class", "id", "scope", "title"}
    assert "<script>alert(1)</script>" in reader.texts


@pytest.mark.parametrize("text", HOSTILE)
def test_controls_are_visible_everywhere(text: str) -> None:
    for shown in (html_text(text), markdown_text(text), markdown_code(text), csv_text(text)):
        assert not any(ord(sign) < 0x20 and sign not in "\n\t" for sign in shown)
        assert "\u202e" not in shown
    assert latex_comment(text).isascii() and "\n" not in latex_comment(text)


def test_latex_tables_are_sound_whatever_they_hold() -> None:
    assert faults(latex_table(hostile_table())) == []
    assert faults(latex_document(["hostile"])) == []


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("\\begin{table}", "does not end"),
        ("a_b", "'_' is not escaped"),
        ("\\begin{tabular}{lr}\na & b & c \\\\\n\\end{tabular}", "3 cells under 2"),
        ("\\caption{a", "left open"),
        ("中", "cannot set"),
    ],
)
def test_the_reader_of_latex_finds_what_is_broken(broken: str, fault: str) -> None:
    assert any(fault in found for found in faults(broken))


def test_markdown_rows_keep_their_number_of_cells() -> None:
    lines = [line for line in markdown_table(hostile_table()).splitlines() if line.startswith("|")]
    for line in lines:
        bare = line.replace("\\\\", "").replace("\\|", "")
        assert bare.count("|") == 3, line


def test_a_fence_cannot_be_closed_by_its_text() -> None:
    block = markdown_block("a\n````\nb")
    assert block.startswith("`````\n") and block.endswith("\n`````")
    assert markdown_code("a``b") == "```a``b```"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0"])
def test_no_cell_of_a_spreadsheet_is_a_formula(start: str) -> None:
    assert csv_text(f"{start}1+1").startswith("'")
    read = list(csv.reader(io.StringIO(csv_file(["a"], [[f"{start}1+1"]]).decode(), newline="")))
    assert read[1][0].startswith("'")


def test_numbers_stay_numbers_and_what_is_undefined_is_empty() -> None:
    content = csv_file(
        ["a", "b", "c", "d"], [[-0.25, 3, None, float("nan")], ["-0.25", "x", "", "y"]]
    )
    assert content.decode().splitlines()[1:] == ["-0.25,3,,", "'-0.25,x,,y"]


def test_a_long_name_keeps_both_its_ends_in_a_figure() -> None:
    shown = figure_label("organisation/" + "x" * 80 + "@b179c9523d0e")
    assert len(shown) <= 44 and shown.startswith("organisation/") and shown.endswith("9523d0e")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 95 % (n = 3): a-b", "plain text, 95 % (n = 3): a-b"),
        ("# no heading", "\\# no heading"),
        ("- no item", "\\- no item"),
        ("1. no item", "1\\. no item"),
        ("see http://x.org and www.x.org", "see http\\://x.org and www\\.x.org"),
        (
            "[a](b) ![c](d) <e> &amp; $f$ ~g~",
            "\\[a\\](b) !\\[c\\](d) \\<e\\> \\&amp; \\$f\\$ \\~g\\~",
        ),
        ("a_b *c* `d` \\ |", "a\\_b \\*c\\* \\`d\\` \\\\ \\|"),
    ],
)
def test_markdown_escapes_what_is_markup_and_nothing_else(text: str, shown: str) -> None:
    assert markdown_text(text) == shown
