"""How runs are started on this machine: forked from a process that is warm, or afresh."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping

from storage.home import LabHome
from storage.rundir import RunDir
from synthlab.execution.gpus import GpuLease
from synthlab.execution.launchers import local
from synthlab.execution.launchers.forked import ForkServer
from synthlab.execution.settings import Settings

WARM_UP_PATIENCE_S = 60.0
"""How long runs with a model wait for the stack to be loaded once, before each loads its own."""


class Starter:
    """Starts runners; keeps the process that CPU runs are forked from."""

    def __init__(self, home: LabHome, settings: Settings, environment: Mapping[str, str]) -> None:
        self._home = home
        self._settings = settings
        self._environment = environment
        self._server: ForkServer | None = None
        self._patient_until = 0.0

    def warm_up(self) -> None:
        """Have the model stack loaded in the background, unless the settings say otherwise."""
        if self._server is None and self._settings.warm_start:
            self._server = ForkServer(self._home, self._environment, self._settings.threads)
            self._patient_until = time.monotonic() + WARM_UP_PATIENCE_S

    def is_warming_up(self) -> bool:
        """Whether a run with a model starts sooner if it waits: two loads at once slow each other."""
        if self._server is None or self._server.is_ready() or not self._server.is_alive():
            return False
        return time.monotonic() < self._patient_until

    def start(self, directory: RunDir, lease: GpuLease | None) -> subprocess.Popen[bytes] | None:
        """Start the runner of `directory`; returns its process if it is a child of ours."""
        environment, settings = self._environment, self._settings
        threads, grace = settings.threads, settings.stop_grace_s
        server = self._server
        forked = (
            lease is None
            and server is not None
            and server.is_ready()
            and server.launch(
                directory, environment=environment, threads=threads, stop_grace_s=grace
            )
        )
        if forked:
            return None
        return local.launch(
            directory, environment=environment, threads=threads, stop_grace_s=grace, lease=lease
        )

    def close(self) -> None:
        """Let the warm process go; the runs that it forked stay."""
        if self._server is not None:
            self._server.close()
            self._server = None
