"""`python -P -m synthlab.execution.forkserver FD HOME`: runners that start with the model stack loaded.

On a CPU box a small job spends most of its time importing torch and its family. The supervisor keeps
one process that has done so and asks it to fork a runner for each run; from there on a forked runner
is like any other: in a session of its own, outliving the supervisor and this process. Where there is
a GPU nothing is forked, since a CUDA context does not survive it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from storage.rundir import RunDir
from synthlab.execution import runner

MESSAGE_BYTES = 1 << 16
READY = b"ready"


class ForkedJob:
    """A job that was forked instead of started afresh; looks like a `Popen` to its runner."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode = 0

    def wait(self) -> int:
        """Reap the job and return its exit status, negative for a signal."""
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def fork_job(directory: RunDir, environment: Mapping[str, str]) -> ForkedJob:
    """A child with a process group of its own that does the work of the run."""
    runner_pid = os.getpid()
    pid = os.fork()
    if pid:
        return ForkedJob(pid)
    code = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.environ["SYNTHLAB_RUNNER_PID"] = str(runner_pid)
        job = importlib.import_module("synthlab.jobs.__main__")
        code = job.main(directory)
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - nothing may unwind into the server's own stack
        traceback.print_exc()
    finally:
        _leave(code)
    raise AssertionError("unreachable")


def fork_runner(directory: RunDir, environment: dict[str, str], log: int) -> None:
    """A runner in a session of its own, with the run's log as its output."""
    if os.fork():
        return
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.chdir(directory.root)
        os.environ.clear()
        os.environ.update(environment)
        code = runner.run(directory, environment, lambda run, lock, given: fork_job(run, given))
    except BaseException:  # noqa: BLE001 - as above: the log is the only one to tell
        traceback.print_exc()
    finally:
        _leave(code)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve(channel: socket.socket) -> None:
    """Fork a runner for each message until the supervisor is gone."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 1)
        if not message:
            return
        order = json.loads(message)
        log = descriptors[0]
        fork_runner(RunDir(Path(order["directory"])), order["environment"], log)
        os.close(log)


def main() -> None:
    """Load, say so, serve."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # runners are reaped by nobody else
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    importlib.import_module("synthlab.jobs.preloaded")
    gc.collect()
    gc.freeze()  # keeps the collector from touching, and so copying, the shared pages
    channel.send(READY)
    serve(channel)


if __name__ == "__main__":
    main()
