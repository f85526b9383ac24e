"""A table of the report, once for all the formats that it is written in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from synthlab.escaping import (
    LATEX_NEEDS,
    CsvCell,
    csv_rows,
    html_text,
    latex_comment,
    latex_row,
    latex_text,
    markdown_code,
    markdown_text,
)
from synthlab.report.address import why_command


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
        rf"{LATEX_NEEDS}, and \usepackage{{booktabs}}",
        r"\begin{table}[htbp]",
        r"\centering\small",
        rf"\caption{{{latex_text(table.title)}}}",
        rf"\label{{tab:{table.id}}}",
        rf"\begin{{tabular}}{{{form}}}",
        r"\toprule",
        latex_row([column.title for column in table.columns]),
        r"\midrule",
    ]
    for row in table.rows:
        lines += [f"% {latex_comment(why_command(cell.address))}" for cell in row if cell.address]
        lines.append(latex_row([cell.text for cell in row]))
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


def csv_file(header: Sequence[str], rows: Iterable[Sequence[CsvCell]]) -> bytes:
    """A file for a spreadsheet, as `csv_rows` writes it; what is not Unicode is shown by its code."""
    return csv_rows(chain([header], rows)).encode("utf-8", "backslashreplace")


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
