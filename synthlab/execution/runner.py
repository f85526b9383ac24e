"""`python -P -m synthlab.execution.runner RUN_DIR`: the small parent that watches over one attempt.

It holds the run's lock, starts the job, passes a stop on to it, and records how it ended. It is alone
in its session, so neither the console nor a lost SSH connection nor the supervisor's end concerns it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from storage import durable
from storage.locks import FileLock
from storage.process import ProcessIdentity
from storage.rundir import RunDir, RunExit
from synthlab.execution.ending import Ending, describe_ending, oom_kills

EXIT_TWIN = 75
"""Another runner, or a job that outlived its runner, holds this run."""

POLL_MS = 200


class JobProcess(Protocol):
    """A started job, as `Popen` has it."""

    pid: int
    returncode: int

    def wait(self) -> int:
        """Reap the job and return its exit status, negative for a signal."""
        ...


StartJob: TypeAlias = Callable[[RunDir, FileLock, Mapping[str, str]], JobProcess]


@dataclass
class StopRequest:
    """Whether and since when this runner has been asked to stop."""

    asked_at: float | None = None

    def ask(self, *_: object) -> None:
        """Signal handler: remember the first request."""
        if self.asked_at is None:
            self.asked_at = time.monotonic()


def start_job(
    directory: RunDir, lock: FileLock, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """The job, in a process group of its own, holding the run's lock and the GPU lease with us."""
    lease = environment.get("SYNTHLAB_GPU_LEASE", "")
    inherited = (lock.fileno(), *((int(lease),) if lease else ()))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "synthlab.jobs", str(directory.root)],
        stdin=subprocess.DEVNULL,
        env={**environment, "SYNTHLAB_RUNNER_PID": str(os.getpid())},
        pass_fds=inherited,
        process_group=0,
    )


def write_process_file(directory: RunDir, job_pid: int, environment: Mapping[str, str]) -> None:
    """proc.json: who runs this attempt, where, on what."""
    runner, job = ProcessIdentity.of(os.getpid()), ProcessIdentity.of(job_pid)
    gpu = environment.get("SYNTHLAB_GPU_UUID", "")
    durable.write_json(
        directory.proc,
        {
            "attempt": directory.attempts_ended + 1,
            "host": socket.gethostname(),
            "runner": runner.to_json() if runner else None,
            "job": job.to_json() if job else None,
            "gpus": [gpu] if gpu else [],
            "started_at": time.time(),
        },
    )


def wait_for_job(job: JobProcess, stop: StopRequest, grace_s: float) -> bool:
    """Wait for the end of the job, passing a stop on once; True if it had to be killed."""
    watch = select.poll()
    descriptor = os.pidfd_open(job.pid)
    watch.register(descriptor, select.POLLIN)
    told = killed = False
    try:
        while not watch.poll(POLL_MS):
            if stop.asked_at is None:
                continue
            if not told:
                signal_group(job.pid, signal.SIGTERM)
                told = True
            elif not killed and time.monotonic() - stop.asked_at > grace_s:
                signal_group(job.pid, signal.SIGKILL)
                killed = True
    finally:
        os.close(descriptor)
    job.wait()
    return killed


def signal_group(group: int, number: signal.Signals) -> None:
    """Signal what is left of the job's process group."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def sweep_leftovers(run_id: str) -> list[int]:
    """Kill processes that carry this run's id but left its group; returns their pids."""
    mark = f"SYNTHLAB_RUN_ID={run_id}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def run(directory: RunDir, environment: Mapping[str, str], start: StartJob = start_job) -> int:
    """One attempt from lock to exit.json; returns the runner's own exit status."""
    lock = FileLock(directory.lock)
    if not lock.acquire():
        return EXIT_TWIN
    if directory.read_exit() is not None:
        return EXIT_TWIN
    stop = StopRequest()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop.ask)
    kills_before = oom_kills()
    job = start(directory, lock, environment)
    write_process_file(directory, job.pid, environment)
    killed = wait_for_job(job, stop, float(environment.get("SYNTHLAB_STOP_GRACE_S", "60")))
    signal_group(job.pid, signal.SIGKILL)
    ending = Ending(
        status=job.returncode,
        killed_by_us=killed,
        oom_kills=oom_kills() - kills_before,
        leftovers=tuple(sweep_leftovers(directory.root.name)),
    )
    ended: RunExit = describe_ending(directory, ending, time.time())
    directory.write_exit(ended)
    if ended.state == "succeeded":
        durable.remove_tree(directory.work)
    return 0


if __name__ == "__main__":
    sys.exit(run(RunDir(Path(sys.argv[1])), dict(os.environ)))
