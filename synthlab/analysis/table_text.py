"""Tables as text files for other programs: CSV, LaTeX and Markdown, each escaped by its own rules."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from synthlab.text import safe_line

Cell = str | int | float | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\x00")
_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "\u2013": "--",
    "\u2014": "---",
    "\u2026": r"\ldots{}",
    "\u00b1": r"$\pm$",
    "\u2212": "$-$",
    "\u2265": r"$\geq$",
    "\u2264": r"$\leq$",
    "\u2260": r"$\neq$",
    "\u00d7": r"$\times$",
}


@dataclass(frozen=True)
class Table:
    """Rows under headings. A number stays a number in CSV; None and NaN are empty cells."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: {len(row)} cells under {len(self.columns)} titles")


def safe_csv_text(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe.

    Source: OWASP, CSV injection.
    """
    safe = f"'{text}" if text.startswith(_FORMULA) else text
    # Readers written in C end a text at a NUL, and some refuse the file.
    return safe.replace("\x00", "\u2400")


def to_csv(tables: Sequence[Table]) -> str:
    """RFC 4180, lines ending in CR LF; several tables stand one after the other, an empty line between.

    Numbers keep every digit. Text that could be taken for a formula is made harmless.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    for number, table in enumerate(tables):
        if number:
            writer.writerow([])
        writer.writerow([safe_csv_text(one) for one in table.columns])
        for row in table.rows:
            writer.writerow([_csv_cell(cell) for cell in row])
    return stream.getvalue()


def _csv_cell(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, str):
        return safe_csv_text(cell)
    return repr(cell)


def to_markdown(tables: Sequence[Table], digits: int = 4) -> str:
    """Pipe tables with a heading each; pipes, backslashes and markup in cells are escaped."""
    parts = []
    for table in tables:
        numeric = _numeric_columns(table)
        rule = ["---:" if number else "---" for number in numeric]
        lines = [f"### {_markdown(table.title)}", ""] if table.title else []
        lines += [_pipes([_markdown(one) for one in table.columns]), _pipes(rule)]
        lines += [_pipes([_markdown(_shown(c, digits)) for c in row]) for row in table.rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    escaped = safe_line(text).replace("\\", "\\\\")
    for sign in "|`*_[]<>#~":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped


def to_latex(tables: Sequence[Table], digits: int = 4) -> str:
    """Plain `tabular` environments, without packages; every special sign of TeX is escaped."""
    parts = []
    for table in tables:
        columns = "".join("r" if number else "l" for number in _numeric_columns(table))
        lines = [f"% {safe_line(table.title)}"] if table.title else []
        lines += [rf"\begin{{tabular}}{{{columns}}}", r"\hline"]
        lines += [_tex_row(table.columns), r"\hline"]
        lines += [_tex_row([_shown(cell, digits) for cell in row]) for row in table.rows]
        lines += [r"\hline", r"\end{tabular}"]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _tex_row(cells: Sequence[str]) -> str:
    # A row that begins with [ would be read as the optional argument of the \\ before it.
    return " & ".join(f"{{}}{t}" if t.startswith("[") else t for t in map(tex, cells)) + r" \\"


def tex(text: str) -> str:
    """The text as LaTeX prints it, every special sign escaped; what its fonts lack is named."""
    shown = "".join(_TEX.get(sign, sign) for sign in safe_line(text))
    return "".join(one if ord(one) < 0x250 else rf"\textbf{{U+{ord(one):04X}}}" for one in shown)


def _numeric_columns(table: Table) -> list[bool]:
    columns = zip(*table.rows, strict=True) if table.rows else [() for _ in table.columns]
    return [
        bool(cells) and all(c is None or (isinstance(c, int | float)) for c in cells)
        for cells in columns
    ]


def _shown(cell: Cell, digits: int) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return f"{cell:.{digits}g}" if isinstance(cell, float) else str(cell)
