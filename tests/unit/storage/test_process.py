"""A process is told apart from a later one with the same pid; a lock dies with its holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from storage.locks import FileLock, is_locked
from storage.process import ProcessIdentity

HOLD = (
    "import sys; from pathlib import Path; from storage.locks import FileLock;"
    "l = FileLock(Path(sys.argv[1])); print(l.acquire(), flush=True); sys.stdin.read()"
)


def test_another_process_with_the_same_pid_is_not_signalled() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(child.pid)
    assert identity is not None
    assert identity.is_alive()
    reused = replace(identity, start_ticks=identity.start_ticks - 1)
    assert not reused.send(signal.SIGKILL)
    assert child.poll() is None
    assert identity.send(signal.SIGKILL)
    child.wait()
    assert not identity.is_alive()
    assert not identity.send(signal.SIGKILL)


def test_a_dead_child_that_nobody_reaped_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert ProcessIdentity.of(child.pid) is None
    child.wait()


def test_a_lock_is_free_again_after_its_holder_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"True\n"
    assert is_locked(path)
    assert not FileLock(path).acquire()
    holder.kill()
    holder.wait()
    assert not is_locked(path)


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("")
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    try:
        acquired = FileLock(tmp_path / "lock").acquire()
    except OSError:
        acquired = False
    assert not acquired
