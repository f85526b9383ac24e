"""Tables as text files for other programs: CSV, LaTeX and Markdown, each escaped by its own rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from synthlab.escaping import (
    LATEX_NEEDS,
    CsvCell,
    csv_rows,
    latex_comment,
    latex_row,
    markdown_text,
)


@dataclass(frozen=True)
class Table:
    """Rows under headings. A number stays a number in CSV; None and NaN are empty cells."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[CsvCell, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: {len(row)} cells under {len(self.columns)} titles")


def to_csv(tables: Sequence[Table]) -> str:
    """Several tables one after the other, an empty line between; cells as `csv_rows` writes them."""
    rows: list[Sequence[CsvCell]] = []
    for table in tables:
        rows += [(), table.columns, *table.rows]
    return csv_rows(rows[1:])


def to_markdown(tables: Sequence[Table], digits: int = 4) -> str:
    """Pipe tables with a heading each; pipes, backslashes and markup in cells are escaped."""
    parts = []
    for table in tables:
        numeric = _numeric_columns(table)
        rule = ["---:" if number else "---" for number in numeric]
        lines = [f"### {markdown_text(table.title)}", ""] if table.title else []
        lines += [_pipes([markdown_text(one) for one in table.columns]), _pipes(rule)]
        lines += [_pipes([markdown_text(_shown(c, digits)) for c in row]) for row in table.rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def to_latex(tables: Sequence[Table], digits: int = 4) -> str:
    """Plain `tabular` environments without rules of a package; every special sign is escaped."""
    parts = [LATEX_NEEDS]
    for table in tables:
        columns = "".join("r" if number else "l" for number in _numeric_columns(table))
        lines = [f"% {latex_comment(table.title)}"] if table.title else []
        lines += [rf"\begin{{tabular}}{{{columns}}}", r"\hline"]
        lines += [latex_row(table.columns), r"\hline"]
        lines += [latex_row([_shown(cell, digits) for cell in row]) for row in table.rows]
        lines += [r"\hline", r"\end{tabular}"]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _numeric_columns(table: Table) -> list[bool]:
    columns = zip(*table.rows, strict=True) if table.rows else [() for _ in table.columns]
    return [
        bool(cells) and all(c is None or (isinstance(c, int | float)) for c in cells)
        for cells in columns
    ]


def _shown(cell: CsvCell, digits: int) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return f"{cell:.{digits}g}" if isinstance(cell, float) else str(cell)
