"""The only module that opens the catalog, and the only one that begins a write."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import CatalogError
from storage.home import LabHome, file_system_type, is_network_file_system

SCHEMA_VERSION = 1
"""Kept in `PRAGMA user_version`; raised with every migration."""

BUSY_TIMEOUT_S = 30.0
RETRY_S = 60.0
FIRST_SAFE_WAL = (3, 51, 3)
"""Before this version two connections to a WAL database can, rarely, corrupt it."""


def choose_journal_mode(sqlite_version: tuple[int, int, int], file_system: str) -> str:
    """WAL where it is safe, else the rollback journal, which needs no shared memory."""
    if sqlite_version < FIRST_SAFE_WAL or is_network_file_system(file_system):
        return "truncate"
    return "wal"


def open_catalog(home: LabHome, *, checkpoints: bool = False) -> sqlite3.Connection:
    """A connection that may write, through `write_transaction` only; the schema is brought up to date.

    checkpoints: whether this connection folds the write-ahead log back, a duty of the supervisor.
    Raises CatalogError if the file is damaged or was written by a newer version.
    """
    version = _schema_version(home.catalog)
    if version == 0 and _has_lost_its_content(home):
        raise damaged(home.catalog, sqlite3.DatabaseError("the file is empty, and there are runs"))
    if version < SCHEMA_VERSION:
        _migrate_in_child(home)
    elif version > SCHEMA_VERSION:
        raise CatalogError(
            f"{home.catalog}: written by a newer synthlab (schema {version}, here {SCHEMA_VERSION})",
            "update synthlab, or read it with --readonly tools such as sqlite-utils",
        )
    return connect(home.catalog, checkpoints=checkpoints)


def open_reader(home: LabHome) -> sqlite3.Connection:
    """A connection for looking only."""
    connection = open_catalog(home)
    connection.execute("PRAGMA query_only=ON")
    return connection


def connect(path: Path, *, checkpoints: bool = False) -> sqlite3.Connection:
    """Open the file with the settings that every process must share; no schema check."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    mode = choose_journal_mode(sqlite3.sqlite_version_info, file_system_type(path.parent))
    try:
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != mode:
            connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA mmap_size=0")
        if not checkpoints:
            connection.execute("PRAGMA wal_autocheckpoint=0")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise damaged(path, error) from error
    return connection


def damaged(path: Path, error: sqlite3.Error) -> CatalogError:
    """The error for a file that SQLite cannot read, with the way out."""
    return CatalogError(
        f"{path}: cannot be read ({error})",
        "`synthlab catalog rebuild` makes it again from the run directories",
    )


@contextmanager
def write_transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing. Takes the write lock at once: a deferred BEGIN fails on upgrading its lock."""
    deadline = time.monotonic() + RETRY_S
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.01, 0.2))
    try:
        yield connection
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def data_version(connection: sqlite3.Connection) -> int:
    """Changes whenever another connection has committed; costs microseconds, so it may be polled."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _schema_version(path: Path) -> int:
    if not path.exists():
        return 0
    connection = sqlite3.connect(
        f"file:{path.as_posix()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S
    )
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error
    finally:
        connection.close()


def _has_lost_its_content(home: LabHome) -> bool:
    # A file system that ran full or lost power leaves such a file; it must not pass for a new lab.
    try:
        return home.catalog.stat().st_size == 0 and any(home.runs.iterdir())
    except FileNotFoundError:
        return False


def _migrate_in_child(home: LabHome) -> None:
    # sqlite_utils imports numpy and pandas where they are installed; a child keeps them out of
    # every command that merely looks at the catalog.
    command = [sys.executable, "-P", "-m", "storage.catalog.schema", str(home.root)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise CatalogError(
            f"{home.catalog}: the schema could not be brought up to date",
            ended.stderr.strip().splitlines()[-1] if ended.stderr.strip() else "",
        )
