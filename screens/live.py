"""Screens that follow the catalog: one reader thread, one frozen snapshot at a time, drawn if changed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from textual.dom import DOMNode

from storage.catalog.connection import data_version, open_reader
from storage.home import LabHome

S = TypeVar("S")
TICK_S = 0.5
"""The only timer of the console: twice a second something may have changed."""
PROGRESS_STEPS = 100_000
"""Steps of SQLite's machine between two looks at whether anybody still waits: some milliseconds."""
HEARTBEAT_S = 15.0
"""A look without a notice of change: for what lies outside the catalog, and for missed notices."""


@dataclass(frozen=True)
class Reading:
    """What a query is given, in the reader's thread."""

    catalog: sqlite3.Connection
    home: LabHome
    now: float


Query = Callable[[Reading], Any]
Work = Callable[[], Coroutine[None, None, None]]
"""What a worker is given: a function, so that nothing is left unawaited if the worker never starts."""


def start(node: DOMNode, work: Work, group: str, *, exclusive: bool = False) -> None:
    """Run a coroutine function as a worker of a screen or widget; trouble in it does not end the app."""
    # mypy cannot choose between the three forms of work that the framework allows.
    node.run_worker(work, group=group, exclusive=exclusive, exit_on_error=False)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Looked:
    """What a look brought."""

    version: int
    snapshot: Any
    changed: bool
    """Whether the query was run at all."""


class Reader:
    """One thread with one connection. It builds a snapshot, hands it over and waits to be asked again."""

    def __init__(self, home: LabHome, clock: Callable[[], float]) -> None:
        self._home = home
        self._clock = clock
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._connection: sqlite3.Connection | None = None
        self._is_closing = False

    async def look(self, query: Query, seen: int, *, force: bool) -> Looked:
        """Run the query if the catalog is not what it was at version `seen`, or if forced."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, self._look, query, seen, force
        )

    def begin(self, query: Query) -> Future[Looked]:
        """Start a first look at once, while the event loop still builds the widgets."""
        return self._pool.submit(self._look, query, -1, True)

    def _look(self, query: Query, seen: int, force: bool) -> Looked:
        if self._connection is None:
            self._connection = open_reader(self._home)
            # Asked now and then while a query runs: an interrupt could come just before it starts.
            self._connection.set_progress_handler(lambda: self._is_closing, PROGRESS_STEPS)
        # The version is asked for first: what is written in between is seen again at the next look.
        version = data_version(self._connection)
        if version == seen and not force:
            return Looked(version, None, False)
        return Looked(version, query(Reading(self._connection, self._home, self._clock())), True)

    def close(self) -> None:
        """End the thread; a query that still runs is given up, for nobody waits for it any more."""
        self._is_closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._connection is not None:
            self._connection.close()


class Follower(Generic[S]):
    """How one screen follows: it remembers what it saw and shows a snapshot only if it is another one."""

    def __init__(self) -> None:
        self.seen = -1
        self.looked_at = 0.0
        self.shown: S | None = None
        self.has_shown = False
        """Whether anything was shown yet: a snapshot may be None, where there is nothing."""
        self.waiting: S | None = None
        """Read but not shown, because the screen is frozen."""
        self.is_reading = False
        self.force = True

    def is_due(self, now: float) -> bool:
        """Whether the heartbeat asks for a look of its own."""
        return self.force or now - self.looked_at >= HEARTBEAT_S
