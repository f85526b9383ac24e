"""The only module that writes files: after a crash a write is either wholly there or not at all.

A file that is replaced goes through a temporary neighbour, fsync, rename and an fsync of the
directory. A log that grows is appended to with whole lines. Everything is created with mode 0600,
directories with 0700, whatever the umask.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from storage.errors import RecordError

FILE_MODE = 0o600
USER_FILE_MODE = 0o644
DIRECTORY_MODE = 0o700
CHUNK_BYTES = 1 << 20


def make_directory(path: Path) -> Path:
    """Create `path` and its missing parents, private to the user, and return it."""
    for missing in reversed([p for p in (path, *path.parents) if not p.exists()]):
        with contextlib.suppress(FileExistsError):
            missing.mkdir(mode=DIRECTORY_MODE)
    return path


def fsync_directory(path: Path) -> None:
    """Make renames and new names in `path` survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte of `data`: a full disk makes `os.write` return short before it raises."""
    view = memoryview(data)
    while view:
        written = os.write(fd, view)
        if written == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = view[written:]


def write_bytes(path: Path, data: bytes, *, mode: int = FILE_MODE) -> None:
    """Replace `path` by `data`; a reader sees the old content or the new, never a part.

    mode: permissions of the file; only for files that belong to the user and not to the lab.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            if mode != FILE_MODE:
                os.fchmod(fd, mode)
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_directory(path.parent)


def write_user_file(path: Path, data: bytes) -> None:
    """Replace a file that belongs to the user: its permissions stay, and a link stays a link.

    A new one can be read by others, as files made by an editor can.
    """
    target = path.resolve()
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mode = USER_FILE_MODE
    write_bytes(target, data, mode=mode)


def append_text(path: Path, text: str) -> None:
    """Add a note to a text file in one write, so that two writers do not mix their lines."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        write_all(fd, text.encode("utf-8", "backslashreplace"))
    finally:
        os.close(fd)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write piece by piece, for content too large for memory; it counts when the block ends.

    If the block raises, `path` is what it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_directory(path.parent)


def canonical_json(value: Any) -> str:
    """One spelling for one value (sorted keys, no blanks, no NaN), so that it can be hashed."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as indented JSON that a person can read."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(path, text.encode() + b"\n")


def json_line(record: Any) -> bytes:
    """One record as one line; `json` escapes line feeds, so a line feed always ends a record."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def write_jsonl(path: Path, records: Iterable[Any]) -> int:
    """Replace `path` by one line per record and return how many there were."""
    lines = [json_line(record) for record in records]
    write_bytes(path, b"".join(lines))
    return len(lines)


def sha256_file(path: Path) -> str:
    """Hex digest of the file's bytes, read in pieces so that a model's weights need no memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync_file(path: Path) -> None:
    """Force a file that a library wrote (an adapter, say) to disk before a manifest names it."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def publish_directory(temporary: Path, final: Path) -> None:
    """Give a finished directory its name in one step, files first; replaces what stood there.

    An old `final` is moved aside before and removed after, so that one of the two is always whole.
    """
    for path in sorted(temporary.rglob("*")):
        if path.is_dir():
            path.chmod(DIRECTORY_MODE)
            fsync_directory(path)
        else:
            path.chmod(FILE_MODE)
            fsync_file(path)
    fsync_directory(temporary)
    aside = final.with_name(f".{final.name}.old")
    if final.exists():
        shutil.rmtree(aside, ignore_errors=True)
        final.rename(aside)
    temporary.rename(final)
    fsync_directory(final.parent)
    shutil.rmtree(aside, ignore_errors=True)


def remove_tree(path: Path) -> None:
    """Delete a directory so that a crash in the middle leaves nothing that looks whole."""
    if not path.exists():
        return
    trash = path.with_name(f".trash-{path.name}-{os.getpid()}")
    path.rename(trash)
    fsync_directory(path.parent)
    shutil.rmtree(trash, ignore_errors=True)


class AppendLog:
    """A JSONL file that only grows; what `sync` has acknowledged survives a power cut.

    Opening cuts a torn last line (a crash in mid-write) and keeps its bytes beside the file. Safe
    for threads.
    """

    def __init__(self, path: Path) -> None:
        repair_tail(path)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(path, flags, FILE_MODE)
        self._lock = threading.Lock()

    def append(self, record: Any) -> None:
        """Add one record; on a full disk raises OSError and leaves no torn line behind."""
        line = json_line(record)
        with self._lock:
            end = os.fstat(self._fd).st_size
            try:
                write_all(self._fd, line)
            except OSError:
                os.ftruncate(self._fd, end)
                raise

    def sync(self) -> None:
        """Acknowledge: every record appended so far is on disk when this returns."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Sync and close; the log must not be used afterwards."""
        with self._lock:
            if self._fd >= 0:
                os.fdatasync(self._fd)
                os.close(self._fd)
                self._fd = -1

    def __enter__(self) -> AppendLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def repair_tail(path: Path) -> bytes:
    """Cut a torn last line off a JSONL file, keep its bytes in `NAME.torn-<time>`, and return them."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        size = os.fstat(fd).st_size
        keep = _after_last_newline(fd, size)
        torn = os.pread(fd, size - keep, keep)
        if torn:
            write_bytes(path.with_name(f"{path.name}.torn-{time.time_ns()}"), torn)
            os.ftruncate(fd, keep)
            os.fsync(fd)
        return torn
    finally:
        os.close(fd)


def _after_last_newline(fd: int, size: int) -> int:
    end = size
    while end:
        start = max(0, end - CHUNK_BYTES)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


class Line(NamedTuple):
    """One line of a JSONL file: its record, or why it cannot be used."""

    number: int
    record: Any
    problem: str


def read_lines(path: Path) -> Iterator[Line]:
    """Yield every whole line of a JSONL file; a bad line is reported with its number, not fatal.

    An unfinished last line is left out: its writer may still be at work. A missing file has no lines.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for number, raw in enumerate(file, 1):
            if not raw.endswith(b"\n"):
                return
            yield parse_line(number, raw)


def parse_line(number: int, raw: bytes) -> Line:
    """Decode one line; NULs, bad UTF-8 and bad JSON become a problem that names the cause."""
    try:
        return Line(number, json.loads(raw), "")
    except (ValueError, RecursionError) as error:
        return Line(number, None, f"{type(error).__name__}: {error}")


def read_records(path: Path) -> list[Any]:
    """Every good record of a JSONL file, for readers whose writer is known to be ours."""
    return [line.record for line in read_lines(path) if not line.problem]


def read_json(path: Path) -> Any:
    """The file's JSON; raises FileNotFoundError if it is not there, RecordError if it is damaged."""
    raw = path.read_bytes()
    try:
        return json.loads(raw)
    except ValueError as error:
        raise RecordError(f"{path}: not JSON ({error})") from error


def free_bytes(path: Path) -> int:
    """Bytes that this user may still write on the file system of `path`."""
    return shutil.disk_usage(path).free
