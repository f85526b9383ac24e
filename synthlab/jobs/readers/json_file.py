"""Reading a JSON file that is one list of objects, as many instruction sets are published."""

from __future__ import annotations

import json
from pathlib import Path

from synthlab.errors import JobError
from synthlab.jobs.readers.encoding import not_utf8
from synthlab.jobs.readers.jsonl_file import read_jsonl
from synthlab.jobs.readers.table import RawRow, RawTable

BLANK = " \t\r\n"


def read_json(path: Path, name: str) -> RawTable:
    """All objects of the list; a file with one object on each line is read as JSONL.

    Raises JobError that names the line on which a damaged entry begins.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(path, name) from error
    at = _skip(text, 0, BLANK)
    if not text.startswith("[", at):
        return read_jsonl(path, name)
    rows: list[RawRow] = []
    columns: dict[str, None] = {}
    decoder, line, counted = json.JSONDecoder(), 1, 0
    at = _skip(text, at + 1, BLANK)
    while not text.startswith("]", at):
        line += text.count("\n", counted, at)
        counted = at
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise JobError("bad_row", f"{name}, line {line}: is not JSON ({error})") from error
        if not isinstance(value, dict):
            kind = type(value).__name__
            raise JobError("bad_row", f"{name}, line {line}: is a JSON {kind}, not an object")
        columns.update(dict.fromkeys(value))
        rows.append(RawRow(f"line {line}", value))
        at = _skip(text, end, BLANK)
        if text.startswith(",", at):
            at = _skip(text, at + 1, BLANK)
        elif not text.startswith("]", at):
            raise JobError("bad_row", f"{name}, line {line}: what begins here is not closed")
    if _skip(text, at + 1, BLANK) < len(text):
        raise JobError("bad_row", f"{name}: something stands after the end of the list")
    return RawTable(name, tuple(columns), tuple(rows))


def _skip(text: str, at: int, signs: str) -> int:
    while at < len(text) and text[at] in signs:
        at += 1
    return at
