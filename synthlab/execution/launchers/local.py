"""Start a run on this machine: a runner in a session of its own, which outlives whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from storage.durable import FILE_MODE
from storage.rundir import RunDir
from synthlab.execution.api_keys import key_variables
from synthlab.execution.environment import child_environment
from synthlab.execution.gpus import GpuLease


def launch(
    directory: RunDir,
    *,
    environment: Mapping[str, str],
    threads: int,
    stop_grace_s: float,
    lease: GpuLease | None,
) -> subprocess.Popen[bytes]:
    """Start the runner of `directory` and return its process; the lease passes to it."""
    log = open_log(directory.log)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "synthlab.execution.runner", str(directory.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory.root,
            env=run_environment(
                directory, environment, threads=threads, stop_grace_s=stop_grace_s, lease=lease
            ),
            pass_fds=(lease.fileno(),) if lease else (),
            start_new_session=True,
        )
    finally:
        os.close(log)
        if lease:
            lease.hand_over()


def run_environment(
    directory: RunDir,
    environment: Mapping[str, str],
    *,
    threads: int,
    stop_grace_s: float,
    lease: GpuLease | None,
) -> dict[str, str]:
    """The whole environment of a runner and its job.

    Without a lease the job sees no GPU, so that a CPU job can never land on somebody's device.
    """
    added = {
        "SYNTHLAB_RUN_ID": directory.root.name,
        "SYNTHLAB_STOP_GRACE_S": str(stop_grace_s),
        "SYNTHLAB_GPU_LEASE": str(lease.fileno()) if lease else "",
        "SYNTHLAB_GPU_UUID": lease.gpu.uuid if lease else "",
        # In the order that is set below; a slice of a GPU has no number of its own.
        "SYNTHLAB_GPU_INDEX": str(lease.gpu.index) if lease and not lease.gpu.parent else "",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": lease.gpu.uuid if lease else "",
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads starve the other slots of a busy box
        "TOKENIZERS_PARALLELISM": "false",
    }
    keys = key_variables([directory.read_spec().observing])
    return child_environment(environment, keys, **added)


def open_log(path: Path) -> int:
    """A descriptor that appends to the run's log; never a pipe that could break with its reader."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
