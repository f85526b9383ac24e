"""A first look into a data file of this machine, so that a plan can count its rows and miss a column."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthlab.experiment.table_reader import nearest

LOOK_BYTES = 4 << 20
"""Of a larger file only the beginning is read, so that a plan stays instant."""
BOM = b"\xef\xbb\xbf"
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


@dataclass(frozen=True)
class Peek:
    """What the beginning of a data file says of the whole."""

    columns: tuple[str, ...]
    """Every column of the file; empty where the part that was read cannot tell."""
    rows: int
    """Counted, or scaled up from the beginning of a larger file."""


def peek(path: Path, form: str) -> Peek | None:
    """Look into a file of the format `form` (see `datasets.FORMATS`).

    None if it cannot be told, as for Parquet or for a damaged file: to read it strictly, and to name
    the line that is wrong, is the work of the import.
    """
    try:
        if form in ("csv", "tsv"):
            return _separated(path, "\t" if form == "tsv" else ",")
        if form == "json" and _first_sign(path) == b"[":
            return _listed(path)
        if form in ("json", "jsonl"):
            return _lines(path)
    except (OSError, ValueError, RecursionError, csv.Error):
        return None
    return None


def column_faults(
    found: Peek | None, columns: Mapping[str, str | None]
) -> Iterator[tuple[str, str]]:
    """The field and the fault for each column that `columns` names and the file does not have."""
    if found is None or not found.columns:
        return
    for field, wanted in columns.items():
        for name in _named(wanted):
            if name not in found.columns:
                yield field, f'there is no column "{name}"{_guess(name, found.columns)}'


def _named(wanted: str | None) -> Sequence[str]:
    """The columns that an entry names: itself, or those in the braces of a template."""
    if wanted is None:
        return ()
    if "{" not in wanted:
        return (wanted,)
    return [match[1] for match in PLACEHOLDER.finditer(wanted) if match[1] is not None]


def _guess(name: str, columns: Sequence[str]) -> str:
    other = next((sign for sign in ";\t|" if len(columns) == 1 and sign in columns[0]), None)
    if other is not None:
        return f": its header is not cut at {other!r}; a .csv has commas, a .tsv has tabs"
    guess = nearest(name, columns)
    return f"{guess} The columns: {', '.join(columns)}" if guess.endswith("?") else guess


def _begin(path: Path) -> tuple[bytes, float]:
    """The first bytes of a file up to a line end, and how many times as large the whole is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(LOOK_BYTES)
    if size > len(head):
        head = head[: head.rfind(b"\n") + 1]
    return head.removeprefix(BOM), size / max(1, len(head))


def _first_sign(path: Path) -> bytes:
    return _begin(path)[0].lstrip()[:1]


def _separated(path: Path, delimiter: str) -> Peek | None:
    head, times = _begin(path)
    reader = csv.reader(io.StringIO(head.decode(), newline=""), delimiter=delimiter)
    header = next((fields for fields in reader if fields), [])
    rows = sum(1 for fields in reader if fields)
    return Peek(tuple(header), _scaled(rows, times))


def _lines(path: Path) -> Peek | None:
    head, times = _begin(path)
    lines = [line for line in head.splitlines() if line.strip()]
    # A later line may bring a further column, so only a whole file can say that one is missing.
    columns = _columns([json.loads(line) for line in lines]) if times <= 1.0 else ()
    return Peek(columns, _scaled(len(lines), times))


def _listed(path: Path) -> Peek | None:
    if path.stat().st_size > LOOK_BYTES:
        return None
    rows = json.loads(path.read_text(encoding="utf-8-sig"))
    return Peek(_columns(rows), len(rows))


def _columns(rows: Sequence[Any]) -> tuple[str, ...]:
    """The keys of all rows; raises ValueError for a row that is no object."""
    found: dict[str, None] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise ValueError("a row is no object")
        found.update(dict.fromkeys(row))
    return tuple(found)


def _scaled(rows: int, times: float) -> int:
    return rows if times <= 1.0 else round(rows * times)
