"""A real pseudo-terminal with the console on it: what it writes, byte by byte, and what it survives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from storage.home import LabHome

REPOSITORY = Path(__file__).parents[2]
QUIET_S = 1.5
"""Nothing written for so long means that the screen is finished."""


class Terminal:
    """A console in a process of its own that leads a session on a terminal of its own."""

    SETTING_UP_S = 0.2
    """How long the new process waits until its terminal has its size."""

    def __init__(
        self,
        home: LabHome | None,
        *options: str,
        size: tuple[int, int] = (100, 30),
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = (),
    ) -> None:
        """command: what to run instead of the console."""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            own = [sys.executable, "-P", "-m", "screens", "--home", str(home and home.root)]
            self._become(command or [*own, *options], environment or {})
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def _become(self, command: Sequence[str], extra: Mapping[str, str]) -> None:
        keep = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "OMP_NUM_THREADS", "HF_HUB_OFFLINE")
        environment = {name: os.environ[name] for name in keep if name in os.environ}
        environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(REPOSITORY)}
        environment |= {"XDG_CONFIG_HOME": "/nonexistent", **extra}
        time.sleep(self.SETTING_UP_S)
        os.execve(command[0], list(command), environment)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            os.close(self.master)
        if self.exit_code(3.0) is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.exit_code(5.0)

    def read(self, for_s: float) -> bytes:
        """Everything that is written within so many seconds."""
        end = time.monotonic() + for_s
        found = bytearray()
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self.master], [], [], left)
            if not ready:
                break
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                break
            if not piece:
                break
            found += piece
        return bytes(found)

    def read_all(self, for_s: float) -> bytes:
        """Everything that is written within so many seconds, however long the pauses are."""
        end = time.monotonic() + for_s
        found = bytearray()
        while (left := end - time.monotonic()) > 0:
            found += self.read(left)
        return bytes(found)

    def settle(self, patience_s: float = 30.0) -> bytes:
        """Read until nothing has been written for a while."""
        end = time.monotonic() + patience_s
        found = bytearray(self.read_until_first(patience_s))
        while time.monotonic() < end:
            piece = self.read(QUIET_S)
            if not piece:
                return bytes(found)
            found += piece
        raise TimeoutError("the screen does not come to rest")

    def read_until_first(self, patience_s: float) -> bytes:
        """The first piece that is written."""
        ready, _, _ = select.select([self.master], [], [], patience_s)
        if not ready:
            raise TimeoutError("the console writes nothing")
        return os.read(self.master, 65536)

    def read_until(self, wanted: bytes, patience_s: float = 60.0) -> bytes:
        """Read until something stands in what was written; raises TimeoutError with the rest."""
        end = time.monotonic() + patience_s
        found = bytearray()
        while wanted not in found:
            if time.monotonic() > end:
                raise TimeoutError(f"{wanted!r} never came: {bytes(found[-300:])!r}")
            ready, _, _ = select.select([self.master], [], [], 0.2)
            found += os.read(self.master, 65536) if ready else b""
        return bytes(found)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def hang_up(self) -> None:
        """The connection is lost: the kernel tells the session leader."""
        os.close(self.master)

    def exit_code(self, patience_s: float) -> int | None:
        """How the console ended: a code, or minus the signal; None if it has not."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                return 0
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        return None
