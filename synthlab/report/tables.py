"""A table of the report, once for all the formats that it is written in."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synthlab.report.address import why_command
from synthlab.report.escaping import (
    csv_text,
    html_text,
    latex_comment,
    latex_text,
    markdown_code,
    markdown_text,
)

Value = str | int | float | None


@dataclass(frozen=True)
class Cell:
    """What one place of a table shows."""

    text: str
    address: str = ""
    """Where `synthlab why` finds the number."""
    is_code: bool = False
    anchor: str = ""
    """Id of this place in the page, so that other numbers can point to it."""
    link: str = ""
    """Id of the place in the page that explains this one."""


@dataclass(frozen=True)
class Column:
    """One column; numbers line up at their end."""

    title: str
    is_number: bool = False
    hint: str = ""
    """What the title means."""


@dataclass(frozen=True)
class Table:
    """Rows under a heading, with notes that a reader needs."""

    id: str
    """Name of its files: letters, digits and dashes."""
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"table {self.id}: a row does not have {len(self.columns)} cells")


def html_table(table: Table) -> str:
    """The table as a scrolling figure of a page."""
    head = "".join(_html_head(column) for column in table.columns)
    body = "\n".join(
        "<tr>"
        + "".join(_html_cell(*pair) for pair in zip(row, table.columns, strict=True))
        + "</tr>"
        for row in table.rows
    )
    notes = "".join(f"<p class=note>{html_text(note)}</p>" for note in table.notes)
    return (
        f'<div class=scroll><table id="{table.id}"><caption>{html_text(table.title)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>{notes}"
    )


def markdown_table(table: Table) -> str:
    """The table in GitHub's dialect, title above, notes below."""
    lines = [f"**{markdown_text(table.title)}**", ""]
    lines.append("| " + " | ".join(markdown_text(c.title) for c in table.columns) + " |")
    lines.append("|" + "|".join(" ---: " if c.is_number else " --- " for c in table.columns) + "|")
    for row in table.rows:
        shown = (markdown_code(c.text) if c.is_code else markdown_text(c.text) for c in row)
        lines.append("| " + " | ".join(shown) + " |")
    for note in table.notes:
        lines += ["", markdown_text(note)]
    return "\n".join(lines)


def latex_table(table: Table) -> str:
    """The table as a floating environment for `booktabs`; comments carry the addresses."""
    form = "".join("r" if column.is_number else "l" for column in table.columns)
    lines = [
        r"% needs \usepackage{booktabs}, \usepackage{textcomp} and \usepackage[T1]{fontenc}",
        r"\begin{table}[htbp]",
        r"\centering\small",
        rf"\caption{{{latex_text(table.title)}}}",
        rf"\label{{tab:{table.id}}}",
        rf"\begin{{tabular}}{{{form}}}",
        r"\toprule",
        " & ".join(latex_text(column.title) for column in table.columns) + r" \\",
        r"\midrule",
    ]
    for row in table.rows:
        lines += [f"% {latex_comment(why_command(cell.address))}" for cell in row if cell.address]
        shown = " & ".join(latex_text(cell.text) for cell in row)
        # A row that began so would be taken for an argument of the line end before it.
        lines.append(("{}" if shown.startswith(("[", "*")) else "") + shown + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\smallskip\footnotesize {latex_text(note)}" for note in table.notes]
    lines += [r"\end{table}", ""]
    return "\n".join(lines)


def latex_document(names: Sequence[str]) -> str:
    """A document that sets every table of the folder it lies in."""
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[utf8]{inputenc}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage{textcomp,booktabs}",
            r"\usepackage[landscape,margin=1.5cm]{geometry}",
            r"\begin{document}",
            *(rf"\input{{{name}}}" for name in names),
            r"\end{document}",
            "",
        ]
    )


def csv_file(header: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    """Rows for a spreadsheet: numbers stay numbers, and texts cannot be formulas.

    None and what is not finite are empty cells.
    """
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")
    writer.writerow([csv_text(name) for name in header])
    for row in rows:
        writer.writerow([_csv_cell(cell) for cell in row])
    return held.getvalue().encode("utf-8", "backslashreplace")


def _csv_cell(cell: Value) -> Value:
    if isinstance(cell, str):
        return csv_text(cell)
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _html_head(column: Column) -> str:
    hint = f' title="{html_text(column.hint)}"' if column.hint else ""
    kind = " class=n" if column.is_number else ""
    return f"<th scope=col{kind}{hint}>{html_text(column.title)}</th>"


def _html_cell(cell: Cell, column: Column) -> str:
    shown = html_text(cell.text)
    if cell.is_code:
        shown = f"<code>{shown}</code>"
    if cell.link:
        shown = f'<a href="#{html_text(cell.link)}">{shown}</a>'
    why = f' title="{html_text(why_command(cell.address))}"' if cell.address else ""
    anchor = f' id="{html_text(cell.anchor)}"' if cell.anchor else ""
    kind = " class=n" if column.is_number else ""
    return f"<td{kind}{anchor}{why}>{shown}</td>"
