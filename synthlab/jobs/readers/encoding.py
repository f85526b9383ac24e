"""Saying where a text file is not UTF-8."""

from __future__ import annotations

from pathlib import Path

from synthlab.errors import JobError

UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def not_utf8(path: Path, name: str) -> JobError:
    """The error for a file that could not be decoded, with the first line that is to blame."""
    with path.open("rb") as file:
        if file.read(2) in UTF_16:
            return JobError("bad_row", f"{name}, line 1: is UTF-16 text", "save the file as UTF-8")
        file.seek(0)
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return JobError(
                    "bad_row",
                    f"{name}, line {number}: is not UTF-8 text ({error.reason})",
                    "save the file as UTF-8",
                )
    return JobError("bad_row", f"{name}: is not UTF-8 text", "save the file as UTF-8")
