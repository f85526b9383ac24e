"""Hashes of files that are too large to read at every plan, kept as long as the file is untouched."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from storage import durable
from storage.errors import RecordError

CACHE_NAME = "file-hashes.json"
SETTLED_NS = 2_000_000_000
"""A file younger than this might be written again within one tick of the file system's clock."""
MAX_ENTRIES = 20_000


class FileHashes:
    """SHA-256 of files, remembered by device, inode, size and both time stamps.

    folder: where the memory is kept between processes; None keeps it in this process only.
    """

    def __init__(self, folder: Path | None, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._path = folder / CACHE_NAME if folder is not None else None
        self._clock_ns = clock_ns
        self._known = self._read()
        self._changed = False

    def sha256(self, path: Path) -> str:
        """Hex digest of the file's content. Raises OSError if it cannot be read."""
        before = path.stat()
        identity = _identity(before)
        if (known := self._known.get(identity)) is not None:
            return known
        digest = durable.sha256_file(path)
        settled = self._clock_ns() - max(before.st_mtime_ns, before.st_ctime_ns) > SETTLED_NS
        if settled and _identity(path.stat()) == identity:
            self._known[identity] = digest
            self._changed = True
        return digest

    def save(self) -> None:
        """Keep what was learned; a plan calls it once, at the end."""
        if self._path is None or not self._changed:
            return
        newest = dict(list(self._known.items())[-MAX_ENTRIES:])
        durable.make_directory(self._path.parent)
        durable.write_json(self._path, newest)
        self._changed = False

    def _read(self) -> dict[str, str]:
        if self._path is None:
            return {}
        try:
            value = durable.read_json(self._path)
        except (OSError, RecordError):
            return {}
        if not isinstance(value, dict):
            return {}
        return {k: v for k, v in value.items() if isinstance(v, str)}


def _identity(stat: os.stat_result) -> str:
    parts = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return ":".join(map(str, parts))
