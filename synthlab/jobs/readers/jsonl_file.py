"""Reading JSON lines strictly: a line that is no object stops the import and is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from synthlab.errors import JobError
from synthlab.jobs.readers.table import RawRow, RawTable

BOM = b"\xef\xbb\xbf"


def read_jsonl(path: Path, name: str) -> RawTable:
    """All objects of a JSONL file; blank lines are skipped, a byte order mark and CRLF accepted.

    Raises JobError that names the line of a damaged row.
    """
    rows = []
    columns: dict[str, None] = {}
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            line = raw.removeprefix(BOM) if number == 1 else raw
            if not line.strip():
                continue
            values = _parse(line, f"{name}, line {number}")
            columns.update(dict.fromkeys(values))
            rows.append(RawRow(f"line {number}", values))
    return RawTable(name, tuple(columns), tuple(rows))


def _parse(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise JobError(
            "bad_row", f"{where}: is not UTF-8 text ({error.reason})", "save the file as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise JobError(
            "bad_row", f"{where}: is not JSON ({error})", "each line must be one JSON object"
        ) from error
    if not isinstance(value, dict):
        raise JobError(
            "bad_row",
            f"{where}: is a JSON {type(value).__name__}, not an object",
            'each line must be one JSON object, such as {"prompt": "...", "response": "..."}',
        )
    return value
