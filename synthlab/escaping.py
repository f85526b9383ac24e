"""Text from models, data and files made harmless in each format that tables and reports are written in."""

from __future__ import annotations

import csv
import html
import io
import math
import re
from collections.abc import Iterable, Sequence

from synthlab.text import safe_line, safe_text

CsvCell = str | int | float | None

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~&$]|(?<=[a-z]):(?=//)|(?<=www)\.|^\s*[#+=:-]|^\s*\d+[.)]")
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "\0")
LATEX_NEEDS = r"% needs \usepackage{textcomp} and \usepackage[T1]{fontenc}"
"""The line that goes with everything that `latex_text` has escaped."""
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "\u00a0": "~",
    "±": r"\(\pm\)",
    "×": r"\(\times\)",
    "≠": r"\(\neq\)",
    "≥": r"\(\geq\)",
    "≤": r"\(\leq\)",
    "−": r"\(-\)",
    "—": r"\textemdash{}",
    "–": r"\textendash{}",
    "…": r"\ldots{}",
    "·": r"\(\cdot\)",
}


def html_text(text: str) -> str:
    """Text for an element or a quoted attribute of HTML; controls are visible, line feeds stay."""
    return html.escape(safe_text(text), quote=True)


def markdown_text(text: str) -> str:
    """Text for one line of Markdown, also inside a table: no sign of it is markup or a link."""
    return _MARKDOWN.sub(_escaped, safe_line(text))


def markdown_code(text: str) -> str:
    """Text as an inline code span; its own backticks and table bars cannot end it."""
    line = safe_line(text).replace("|", "¦")
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def markdown_block(text: str, language: str = "") -> str:
    """Text as a fenced block whose fence is longer than any in it."""
    shown = safe_text(text).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def latex_text(text: str) -> str:
    """Text for one cell of a LaTeX table; letters that pdflatex cannot set are named by their code."""
    escaped = "".join(_latex_character(character) for character in safe_line(text))
    return re.sub("-(?=-)", "-{}", escaped)  # two of them would become a dash


def latex_row(cells: Sequence[str]) -> str:
    """A row of a LaTeX table from texts that are not escaped yet."""
    row = " & ".join(map(latex_text, cells))
    # A row that began so would be taken for an argument of the line end before it.
    return ("{}" if row.startswith(("[", "*")) else "") + row + r" \\"


def latex_comment(text: str) -> str:
    """Text behind a percent sign: one line of printable ASCII."""
    return safe_line(text).encode("ascii", "backslashreplace").decode()


def csv_text(text: str) -> str:
    """Text for a cell of a spreadsheet: it cannot be read as a formula, and controls are visible.

    A guard, an apostrophe, stands before what a spreadsheet would run (OWASP, "CSV Injection").
    """
    guarded = f"'{text}" if text.startswith(_FORMULA_STARTS) else text
    return safe_text(guarded)


def csv_rows(rows: Iterable[Sequence[CsvCell]]) -> str:
    """Rows for a spreadsheet (RFC 4180, CR LF): numbers keep every digit, and no text is a formula.

    None and what is not finite are empty cells; a row without cells is an empty line.
    """
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return held.getvalue()


def _csv_cell(cell: CsvCell) -> CsvCell:
    if isinstance(cell, str):
        return csv_text(cell)
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _escaped(match: re.Match[str]) -> str:
    sign = match.group()
    return f"{sign[:-1]}\\{sign[-1]}"


def _latex_character(character: str) -> str:
    if character in _LATEX:
        return _LATEX[character]
    # T1 with inputenc sets ASCII, Latin-1 and Latin Extended-A.
    if " " <= character <= "~" or "\u00c0" <= character <= "\u017e":
        return character
    return f"[U+{ord(character):04X}]"
