"""Reading CSV strictly: a row with too many or too few fields stops the import and is named."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from synthlab.errors import JobError
from synthlab.jobs.readers.encoding import not_utf8
from synthlab.jobs.readers.table import RawRow, RawTable

FIELD_LIMIT = 1 << 27
"""Characters in one field; the csv module's own limit, 131,072, is less than a long document."""


def read_tsv(path: Path, name: str) -> RawTable:
    """The same with tabs between the fields."""
    return read_csv(path, name, "\t")


def read_csv(path: Path, name: str, delimiter: str = ",") -> RawTable:
    """All rows below the header; quotes, commas and line breaks inside fields are data.

    Empty fields are missing values. Raises JobError that names the line of a damaged row.
    """
    csv.field_size_limit(FIELD_LIMIT)
    try:
        # newline="" leaves CRLF inside quoted fields alone; utf-8-sig takes a byte order mark away.
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _table(_records(csv.reader(file, strict=True, delimiter=delimiter), name), name)
    except UnicodeDecodeError as error:
        raise not_utf8(path, name) from error


def _records(reader: Iterator[list[str]], name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line each begins on."""
    begin = 1
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise JobError("bad_row", f"{name}, line {begin}: is not CSV ({error})") from error
        if fields:
            yield begin, fields
        begin = reader.line_num + 1  # type: ignore[attr-defined]  # csv readers have it


def _table(records: Iterator[tuple[int, list[str]]], name: str) -> RawTable:
    header = next(records, (1, []))[1]
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise JobError("bad_header", f"{name}: the header names {twice[0]!r} twice")
    rows = []
    for line, fields in records:
        if len(fields) != len(header):
            raise JobError(
                "bad_row",
                f"{name}, line {line}: has {len(fields)} fields, the header has {len(header)}",
                "quote fields that hold commas or line breaks",
            )
        values = {k: v if v != "" else None for k, v in zip(header, fields, strict=True)}
        rows.append(RawRow(f"line {line}", values))
    return RawTable(name, tuple(header), tuple(rows))
