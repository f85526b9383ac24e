"""What the console asks of the lab: every wish is a request to the supervisor, sent from a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from storage.home import LabHome
from storage.rundir import RunId
from synthlab.execution import client
from synthlab.execution.submission import Submission

T = TypeVar("T")


class Lab:
    """One lab home, as a client sees it. Nothing here runs on the event loop for longer than a moment."""

    def __init__(self, home: LabHome, *, readonly: bool) -> None:
        self.home = home
        self.readonly = readonly
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="requests")

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do something slow beside the event loop: files, planning, requests."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def stop(self, runs: Sequence[str]) -> dict[str, Any]:
        """Stop runs with their work saved."""
        return await self.in_thread(lambda: client.stop_runs(self.home, [RunId(r) for r in runs]))

    async def retry(self, runs: Sequence[str]) -> dict[str, Any]:
        """Queue ended runs again."""
        return await self.in_thread(lambda: client.retry_runs(self.home, [RunId(r) for r in runs]))

    async def prioritise(self, runs: Sequence[str], priority: int) -> dict[str, Any]:
        """Give queued runs another place in the queue."""
        return await self.in_thread(
            lambda: client.prioritise_runs(self.home, [RunId(r) for r in runs], priority)
        )

    async def remove(
        self, *, runs: Sequence[str] = (), experiment: str | None = None
    ) -> dict[str, Any]:
        """Delete runs, or an experiment with what only it uses."""
        return await self.in_thread(
            lambda: client.remove(
                self.home, run_ids=[RunId(r) for r in runs], experiment=experiment
            )
        )

    async def submit(self, submission: Submission) -> dict[str, Any]:
        """Queue what an experiment still needs."""
        return await self.in_thread(lambda: client.submit(self.home, submission))

    async def keep_supervised(self) -> None:
        """See that somebody carries on with what is queued or running."""
        await self.in_thread(lambda: client.ensure_supervisor(self.home))

    def close(self) -> None:
        """End the threads; a request that is under way has been written already."""
        self._pool.shutdown(wait=False, cancel_futures=True)
