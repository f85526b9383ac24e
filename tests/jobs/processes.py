"""Jobs in a process of their own, so that tests can kill them as a machine would."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from storage.rundir import RunDir

PATIENCE_S = 60.0


def start(directory: RunDir) -> subprocess.Popen[bytes]:
    """The job of a run directory, as the runner starts it."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    environment.pop("SYNTHLAB_RUNNER_PID", None)
    with directory.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "synthlab.jobs", str(directory.root)],
            env=environment,
            stdout=log,
            stderr=log,
        )


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait for something the job does; fails when the job ends first or nothing happens."""
    end = time.monotonic() + PATIENCE_S
    while not ready():
        assert process.poll() is None, f"the job ended early with {process.returncode}"
        assert time.monotonic() < end, "the job did not get there"
        time.sleep(0.01)
