"""The only module that prints: data to stdout, narration to stderr, all of it made safe."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TextIO

from synthlab.text import safe_line, safe_text

JSON_SCHEMA = 1
RESET = "\x1b[0m"
STATE_COLOURS = {
    "succeeded": "\x1b[32m",
    "cached": "\x1b[32m",
    "running": "\x1b[36m",
    "starting": "\x1b[36m",
    "failed": "\x1b[31m",
    "interrupted": "\x1b[33m",
    "cancelled": "\x1b[33m",
    "unknown": "\x1b[35m",
    "resume": "\x1b[33m",
}


@dataclass(frozen=True)
class Column:
    """One column of a printed table."""

    title: str
    show: Callable[[Mapping[str, Any]], str]
    right: bool = False
    """Whether numbers should line up at their end."""


class Painted(NamedTuple):
    """A piece of a drawing and the terminal code of its look."""

    text: str
    code: str


class Output:
    """Where a command writes; colour is used on a terminal only, and never without words."""

    def __init__(self, stdout: TextIO, stderr: TextIO, *, colour: bool) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._colour = colour

    @classmethod
    def of_process(cls, environment: Mapping[str, str]) -> Output:
        """The process's own streams."""
        colour = sys.stdout.isatty() and not environment.get("NO_COLOR")
        return cls(sys.stdout, sys.stderr, colour=colour and environment.get("TERM") != "dumb")

    def say(self, text: str = "") -> None:
        """Narration for a person; scripts ignore it."""
        print(safe_text(text), file=self._stderr, flush=True)

    def data(self, text: str = "") -> None:
        """One line or block of data."""
        print(safe_text(text), file=self._stdout, flush=True)

    def json(self, kind: str, content: Mapping[str, Any]) -> None:
        """One JSON document; everything beyond ASCII is escaped, so no text can act on a terminal."""
        document = {"schema": f"synthlab.{kind}/{JSON_SCHEMA}", **content}
        print(json.dumps(document, indent=1, ensure_ascii=True), file=self._stdout, flush=True)

    def raw(self, text: str) -> None:
        """A piece of a log as it comes, line feeds included."""
        self._stdout.write(safe_text(text.replace("\r\n", "\n").replace("\r", "\n")))
        self._stdout.flush()

    def table(self, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows under a heading, as wide as their content: nothing is cut."""
        cells = [[safe_line(column.show(row)) for column in columns] for row in rows]
        titles = [safe_line(column.title) for column in columns]
        widths = [max(map(len, texts)) for texts in zip(titles, *cells, strict=True)]
        for line in [titles, *cells]:
            parts = [
                text.rjust(width) if column.right else text.ljust(width)
                for text, width, column in zip(line, widths, columns, strict=True)
            ]
            painted = [self._paint(part) if line is not titles else part for part in parts]
            print("  ".join(painted).rstrip(), file=self._stdout)
        self._stdout.flush()

    def drawing(self, rows: Sequence[Sequence[Painted]]) -> None:
        """Rows of a drawing; without colour the same signs stand there bare."""
        for row in rows:
            parts = [
                f"{code}{safe_line(text)}{RESET}" if self._colour and code else safe_line(text)
                for text, code in row
            ]
            print("".join(parts).rstrip(" "), file=self._stdout)
        self._stdout.flush()

    def _paint(self, cell: str) -> str:
        code = STATE_COLOURS.get(cell.split(" ", 1)[0]) if self._colour else None
        return f"{code}{cell}{RESET}" if code else cell


def text_column(title: str, name: str) -> Column:
    """A column that shows a field as it is; a missing value is a dash."""
    return Column(title, lambda row: "—" if row[name] is None else str(row[name]))


def number_column(title: str, name: str, form: str = "{:g}") -> Column:
    """A column of numbers, lined up at their end; a missing value is a dash."""
    return Column(title, lambda row: "—" if row[name] is None else form.format(row[name]), True)
