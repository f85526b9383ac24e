"""Start a run by forking a runner that has the model stack loaded already."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping

from storage.home import LabHome
from storage.rundir import RunDir
from synthlab.execution.environment import child_environment
from synthlab.execution.forkserver import MESSAGE_BYTES, READY
from synthlab.execution.launchers.local import open_log, run_environment


class ForkServer:
    """The supervisor's side of a fork server; loads in the background and may die at any time."""

    def __init__(self, home: LabHome, environment: Mapping[str, str], threads: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log = open_log(home.supervisor_log)
        added = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "synthlab.execution.forkserver",
                    str(theirs.fileno()),
                    str(home.root),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=child_environment(
                    environment, **added, CUDA_VISIBLE_DEVICES="", TOKENIZERS_PARALLELISM="false"
                ),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        finally:
            os.close(log)
            theirs.close()
        self._channel = ours
        self._channel.setblocking(False)
        self._ready = False

    def is_alive(self) -> bool:
        """Whether the process is there at all."""
        return self._process.poll() is None

    def is_ready(self) -> bool:
        """Whether it has loaded what it has to load and is alive."""
        if not self.is_alive():
            return False
        if not self._ready:
            try:
                self._ready = self._channel.recv(len(READY)) == READY
            except BlockingIOError:
                return False
        return self._ready

    def launch(
        self,
        directory: RunDir,
        *,
        environment: Mapping[str, str],
        threads: int,
        stop_grace_s: float,
    ) -> bool:
        """Fork a runner for the run; False if the server cannot, and somebody else must."""
        order = {
            "directory": str(directory.root),
            "environment": run_environment(
                directory,
                environment,
                threads=threads,
                stop_grace_s=stop_grace_s,
                lease=None,
            ),
        }
        message = json.dumps(order).encode()
        if len(message) > MESSAGE_BYTES:
            return False
        log = open_log(directory.log)
        try:
            socket.send_fds(self._channel, [message], [log])
        except OSError:
            return False
        finally:
            os.close(log)
        return True

    def close(self) -> None:
        """Let the server go; the runners that it forked stay."""
        self._channel.close()
        self._process.wait()
