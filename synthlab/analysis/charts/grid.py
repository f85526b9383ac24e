"""The finished drawing: rows of equally styled runs, ready for ANSI output or a widget's strips."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

MOST_MARKS = 4
"""Combining marks kept on one cell: a tower of them would cover the neighbouring rows."""
ELLIPSIS = "…"


@dataclass(frozen=True)
class Style:
    """How a run looks; `None` leaves the colour to the terminal or the theme."""

    colour: str | None = None
    """`#rrggbb`."""
    background: str | None = None
    bold: bool = False
    dim: bool = False


PLAIN = Style()
DIM = Style(dim=True)
BOLD = Style(bold=True)


@dataclass(frozen=True)
class Run:
    """Neighbouring cells of one style."""

    text: str
    style: Style


@dataclass(frozen=True)
class Grid:
    """A drawing of exactly `width` x `height` cells."""

    width: int
    height: int
    rows: tuple[tuple[Run, ...], ...]
    notes: tuple[str, ...] = ()
    """What a reader must know and the drawing had no room for."""

    @property
    def text(self) -> str:
        """The drawing without colour, one line a row."""
        return "\n".join("".join(run.text for run in row) for row in self.rows)


def clusters(text: str) -> list[tuple[str, int]]:
    """Cut text into what takes whole cells: (sign with its marks, cells it takes: 1 or 2)."""
    found: list[tuple[str, int]] = []
    marks = 0
    for sign in text:
        if unicodedata.category(sign) in ("Mn", "Me", "Cf"):
            if found and marks < MOST_MARKS:
                found[-1] = (found[-1][0] + sign, found[-1][1])
                marks += 1
            continue
        marks = 0
        found.append((sign, 2 if unicodedata.east_asian_width(sign) in "WF" else 1))
    return found


def cell_width(text: str) -> int:
    """How many cells a line takes on a terminal."""
    return sum(width for _, width in clusters(text))


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells; what is cut ends in an ellipsis."""
    parts = clusters(text)
    if sum(size for _, size in parts) <= width:
        return "".join(sign for sign, _ in parts)
    if width < 1:
        return ""
    kept, used = [], 0
    for sign, size in parts:
        if used + size > width - 1:
            break
        kept.append(sign)
        used += size
    return "".join(kept) + ELLIPSIS


class Sheet:
    """Cells that are written on until `finish`; whatever would leave the sheet is cut off."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        # The second cell of a wide sign holds an empty string.
        self._signs = [[" "] * width for _ in range(height)]
        self._styles = [[PLAIN] * width for _ in range(height)]

    def write(self, row: int, column: int, text: str, style: Style = PLAIN) -> None:
        """Put one line of text; signs that do not fit whole are left out."""
        if not 0 <= row < self.height:
            return
        for sign, size in clusters(text):
            if column >= 0 and column + size <= self.width:
                self._put(row, column, sign, size, style)
            column += size

    def overlay(self, row: int, column: int, text: str, style: Style) -> None:
        """Put signs of one cell each; unlike `write`, blanks let shine through what is there."""
        if not 0 <= row < self.height:
            return
        for cell, sign in enumerate(text, column):
            if sign != " " and 0 <= cell < self.width:
                self._put(row, cell, sign, 1, style)

    def finish(self, notes: tuple[str, ...] = ()) -> Grid:
        """The drawing as it is now."""
        rows = []
        for signs, styles in zip(self._signs, self._styles, strict=True):
            runs: list[Run] = []
            for sign, style in zip(signs, styles, strict=True):
                if runs and runs[-1].style == style:
                    runs[-1] = Run(runs[-1].text + sign, style)
                else:
                    runs.append(Run(sign, style))
            rows.append(tuple(runs))
        return Grid(self.width, self.height, tuple(rows), notes)

    def _put(self, row: int, column: int, sign: str, size: int, style: Style) -> None:
        signs, styles = self._signs[row], self._styles[row]
        for cell in range(column, column + size):
            if signs[cell] == "":  # the right half of a wide sign: its left half goes as well
                signs[cell - 1] = " "
            elif cell + 1 < self.width and signs[cell + 1] == "":
                signs[cell + 1] = " "
            signs[cell], styles[cell] = "", style
        signs[column] = sign
