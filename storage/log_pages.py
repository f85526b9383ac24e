"""Reading a log of any size by byte offsets: only the lines that are looked at, from wherever one looks.

A line ends at a line feed, or at a carriage return as progress bars write them. What a carriage return
ends is written over by what follows it, and pages leave it out as a terminal does; it can still be found.
A line that is longer than `LINE_BYTES` is given in pieces, so that no line can be too long to read.
Nothing is made safe here.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path

LINE_BYTES = 4096
CHUNK_BYTES = 1 << 16
FIND_BYTES = 4 << 20
_BREAK = re.compile(rb"\r\n|\n|\r")
_LINE = re.compile(rb"[^\r\n]{1,%d}(?:\r\n|\n|\r)?|\r\n|\n|\r" % LINE_BYTES)


@dataclass(frozen=True)
class LogLine:
    """One line, or a piece of a very long one."""

    start: int
    """Offset of its first byte."""
    end: int
    """Offset behind it and its line break."""
    text: str
    is_returned: bool = False
    """Whether a lone carriage return ends it: the next line is written over it."""


@dataclass(frozen=True)
class LogPage:
    """Lines that stand one under the other, and the size of the file when they were read."""

    lines: tuple[LogLine, ...]
    size: int

    @property
    def at_end(self) -> bool:
        """Whether nothing follows."""
        return not self.lines or self.lines[-1].end >= self.size


def log_size(path: Path) -> int:
    """Bytes in the log; 0 while there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def page_from(path: Path, offset: int, count: int) -> LogPage:
    """Up to `count` lines from the line on that begins at `offset`, which is there in any case."""
    with _Log(path) as log:
        return LogPage(tuple(islice(_standing(log.lines_from(offset)), count)), log.size)


def page_before(path: Path, offset: int, count: int) -> LogPage:
    """Up to `count` lines that end before `offset`, the nearest ones."""
    with _Log(path) as log:
        return LogPage(_before(log, min(offset, log.size), count), log.size)


def last_page(path: Path, count: int) -> LogPage:
    """The last `count` lines."""
    with _Log(path) as log:
        return LogPage(_before(log, log.size, count), log.size)


def find_line(
    path: Path,
    text: str,
    offset: int,
    *,
    backwards: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> LogLine | None:
    """The next line that begins at or after `offset` (or the last before it) and holds `text`.

    Case does not count for ASCII letters. `cancelled` is asked every few MiB.
    """
    wanted = text.encode("utf-8", "surrogateescape").lower()
    if not wanted:
        return None
    with _Log(path) as log:
        at = _find_back(log, wanted, offset, cancelled) if backwards else None
        if not backwards:
            at = _find(log, wanted, offset, cancelled)
        if at is None:
            return None
        return next(log.lines_from(log.line_start(at)), None)


def _find(log: _Log, wanted: bytes, offset: int, cancelled: Callable[[], bool]) -> int | None:
    overlap = len(wanted) - 1
    position = max(0, offset)
    while position < log.size and not cancelled():
        chunk = log.read(position, FIND_BYTES).lower()
        place = chunk.find(wanted)
        if place >= 0:
            return position + place
        if len(chunk) < FIND_BYTES:
            return None
        position += len(chunk) - overlap
    return None


def _find_back(log: _Log, wanted: bytes, offset: int, cancelled: Callable[[], bool]) -> int | None:
    overlap = len(wanted) - 1
    end = min(offset, log.size)
    while end > 0 and not cancelled():
        begin = max(0, end - FIND_BYTES)
        place = log.read(begin, end - begin).lower().rfind(wanted)
        if place >= 0:
            return begin + place
        end = begin + overlap if begin else 0
        if end - begin >= FIND_BYTES:
            return None
    return None


def _before(log: _Log, offset: int, count: int) -> tuple[LogLine, ...]:
    found: list[LogLine] = []
    below, passed = next(log.lines_from(offset), None), 0
    while offset > 0 and len(found) < count:
        begin = log.line_start(max(0, offset - min(CHUNK_BYTES, LINE_BYTES * count)))
        chunk = list(takewhile(lambda one: one.end <= offset, log.lines_from(begin)))  # noqa: B023
        passed += offset - begin
        standing = []
        for one in reversed(chunk):
            if not _is_overwritten(one, below) or passed > FIND_BYTES:
                standing.append(one)
                passed = 0
            below = one
        found[:0] = standing[: count - len(found)][::-1]
        offset = begin
    return tuple(found)


def _standing(lines: Iterator[LogLine]) -> Iterator[LogLine]:
    """What is left of lines on a terminal; the first was asked for, and stays."""
    held, is_first, passed = next(lines, None), True, 0
    for one in lines:
        assert held is not None
        passed += held.end - held.start
        # A progress bar of many megabytes is shown now and then, rather than searched for its end.
        if is_first or not _is_overwritten(held, one) or passed > FIND_BYTES:
            yield held
            is_first, passed = False, 0
        held = one
    if held is not None:
        yield held


def _is_overwritten(one: LogLine, below: LogLine | None) -> bool:
    return one.is_returned and below is not None and bool(below.text)


class _Log:
    """An open log; a log that is not there is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self.size = 0

    def __enter__(self) -> _Log:
        try:
            # O_NONBLOCK: opening a pipe that lies there instead of a log must not wait for a writer.
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return self
        found = os.fstat(self._fd)
        self.size = found.st_size if stat.S_ISREG(found.st_mode) else 0
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def read(self, offset: int, count: int) -> bytes:
        """Bytes of the file as it was when it was opened."""
        count = min(count, self.size - offset)
        return os.pread(self._fd, count, offset) if self._fd >= 0 and count > 0 else b""

    def lines_from(self, offset: int) -> Iterator[LogLine]:
        """Lines one after the other; `offset` is where one begins."""
        while offset < self.size:
            chunk = self.read(offset, CHUNK_BYTES)
            ends_file = offset + len(chunk) >= self.size
            used = 0
            for match in _LINE.finditer(chunk):
                # A line at the end of the chunk may go on in the next one.
                if match.end() > len(chunk) - 2 and not ends_file:
                    break
                raw = match.group()
                used = match.end()
                text = _BREAK.sub(b"", raw).decode("utf-8", "replace")
                yield LogLine(offset + match.start(), offset + used, text, raw.endswith(b"\r"))
            if not used:
                return
            offset += used

    def line_start(self, offset: int) -> int:
        """Where the line begins that holds the byte at `offset`, or a piece of it where it is long."""
        begin = max(0, offset - CHUNK_BYTES)
        before = self.read(begin, offset - begin)
        place = max(before.rfind(b"\n"), before.rfind(b"\r"))
        if place >= 0 and before[place:] == b"\r" and self.read(offset, 1) == b"\n":
            # Between the two bytes of one line break: the line before it is meant.
            return self.line_start(offset - 1)
        if place >= 0:
            start = begin + place + 1
        elif begin == 0:
            start = 0
        else:
            return offset - offset % LINE_BYTES
        return start + (offset - start) // LINE_BYTES * LINE_BYTES
