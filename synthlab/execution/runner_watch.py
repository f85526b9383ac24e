"""Being told by the kernel that a runner has ended, so that the next run starts in that instant."""

from __future__ import annotations

import os
import select

from storage.process import ProcessIdentity
from storage.rundir import RunId


class RunnerWatch:
    """Runners that are waited for; what became of their runs is for the run directories to say."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._runs: dict[int, RunId] = {}

    def knows(self, run_id: RunId) -> bool:
        """Whether the end of this run's runner would be noticed."""
        return run_id in self._runs.values()

    def add(self, run_id: RunId, runner: ProcessIdentity) -> None:
        """Wait for this very process from now on; one that is gone is left out."""
        try:
            descriptor = os.pidfd_open(runner.pid)
        except ProcessLookupError:
            return
        if not runner.is_alive():
            os.close(descriptor)
            return
        self._poll.register(descriptor, select.POLLIN)
        self._runs[descriptor] = run_id

    def wait(self, seconds: float) -> bool:
        """Rest until a runner ends, at most so long; returns whether one did."""
        ended = self._poll.poll(seconds * 1000)
        for descriptor, _ in ended:
            self._poll.unregister(descriptor)
            del self._runs[descriptor]
            os.close(descriptor)
        return bool(ended)

    def close(self) -> None:
        """Wait for nobody any more."""
        for descriptor in self._runs:
            os.close(descriptor)
        self._runs.clear()
