"""What became of runs that the catalog believes alive: only positive evidence ends one."""

from __future__ import annotations

import socket
from typing import Any

from storage.locks import is_locked
from storage.process import ProcessIdentity, boot_id
from storage.rundir import RunDir, RunExit

START_PATIENCE_S = 15.0
"""How long a launched runner may take to write its proc.json."""


def end_if_dead(directory: RunDir, now: float) -> bool:
    """Write exit.json for a run whose processes are provably gone; True if the run has now ended.

    Evidence: the machine was booted since, or the run's lock is free (runner and job both hold it).
    A run of another host is never judged from here.
    """
    if directory.exit.exists():
        return True
    process = directory.read_optional(directory.proc)
    if not process:
        return _end_if_never_started(directory, now)
    if process.get("host") != socket.gethostname():
        return False
    runner = process.get("runner") or {}
    if runner.get("boot_id") not in (None, boot_id()):
        message = "the machine was restarted while it ran"
        return _write(directory, "host_reboot", message, {"boot_id": boot_id()}, now)
    if is_locked(directory.lock):
        return False
    if directory.exit.exists():  # written between our first look and the release of the lock
        return True
    evidence = {"lock": "free", "runner": process.get("runner"), "job": process.get("job")}
    return _write(directory, "runner_gone", "its runner ended without a word", evidence, now)


def _end_if_never_started(directory: RunDir, now: float) -> bool:
    launched = directory.read_optional(directory.inputs)
    if not launched or now - float(launched["launched_at"]) < START_PATIENCE_S:
        return False
    if is_locked(directory.lock) or directory.proc.exists():
        return False
    evidence = {"launched_at": launched["launched_at"], "lock": "free"}
    return _write(directory, "never_started", "its runner did not come up", evidence, now)


def _write(
    directory: RunDir, reason: str, message: str, evidence: dict[str, Any], now: float
) -> bool:
    directory.write_exit(RunExit("interrupted", reason, message, "run it again", now, evidence))
    return True


def runner_identity(directory: RunDir) -> ProcessIdentity | None:
    """The runner of the current attempt, if it is one of this boot and host and still alive."""
    process = directory.read_optional(directory.proc)
    if not process.get("runner") or process.get("host") != socket.gethostname():
        return None
    identity = ProcessIdentity.from_json(process["runner"])
    return identity if identity.is_alive() else None
