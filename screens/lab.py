"""What the console asks of the lab: every wish is a request to the supervisor, sent from a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from storage.home import LabHome

if TYPE_CHECKING:
    from storage.rundir import RunId
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

    # The supervisor's client is imported in the thread, at the first wish: no paint waits for it.

    async def stop(self, runs: Sequence[str]) -> dict[str, Any]:
        """Stop runs with their work saved."""

        def ask() -> dict[str, Any]:
            from synthlab.execution import client

            return client.stop_runs(self.home, _ids(runs))

        return await self.in_thread(ask)

    async def retry(self, runs: Sequence[str]) -> dict[str, Any]:
        """Queue ended runs again."""

        def ask() -> dict[str, Any]:
            from synthlab.execution import client

            return client.retry_runs(self.home, _ids(runs))

        return await self.in_thread(ask)

    async def prioritise(self, runs: Sequence[str], priority: int) -> dict[str, Any]:
        """Give queued runs another place in the queue."""

        def ask() -> dict[str, Any]:
            from synthlab.execution import client

            return client.prioritise_runs(self.home, _ids(runs), priority)

        return await self.in_thread(ask)

    async def remove(
        self, *, runs: Sequence[str] = (), experiment: str | None = None
    ) -> dict[str, Any]:
        """Delete runs, or an experiment with what only it uses."""

        def ask() -> dict[str, Any]:
            from synthlab.execution import client

            return client.remove(self.home, run_ids=_ids(runs), experiment=experiment)

        return await self.in_thread(ask)

    async def submit(self, submission: Submission) -> dict[str, Any]:
        """Queue what an experiment still needs."""

        def ask() -> dict[str, Any]:
            from synthlab.execution import client

            return client.submit(self.home, submission)

        return await self.in_thread(ask)

    async def keep_supervised(self) -> None:
        """See that somebody carries on with what is queued or running."""

        def ask() -> None:
            from synthlab.execution import client

            client.ensure_supervisor(self.home)

        await self.in_thread(ask)

    def close(self) -> None:
        """End the threads; a request that is under way has been written already."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _ids(runs: Sequence[str]) -> list[RunId]:
    from storage.rundir import RunId

    return [RunId(run) for run in runs]
