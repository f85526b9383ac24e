"""From the evidence of a dead job to the state of its run, and why."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.rundir import RunDir, RunExit
from synthlab.jobs.outcome import FAILURE_FILE, JobExit


@dataclass(frozen=True)
class Ending:
    """What the runner saw when its job was gone."""

    status: int
    """Exit status; negative for the signal that killed it."""
    killed_by_us: bool
    """The job did not save its work within the grace period."""
    oom_kills: int
    """Processes of our control group that the kernel killed for memory meanwhile."""
    leftovers: tuple[int, ...]
    """Processes that the job left behind and the runner ended."""


def describe_ending(directory: RunDir, ending: Ending, now: float) -> RunExit:
    """The end state with its reason; nothing is called a success without its manifest."""
    evidence: dict[str, Any] = {
        "exit_status": ending.status,
        "oom_kills": ending.oom_kills,
        "leftovers": list(ending.leftovers),
    }
    state, reason, message, hint = _judge(directory, ending)
    return RunExit(state, reason, message, hint, now, evidence)


def _judge(directory: RunDir, ending: Ending) -> tuple[str, str, str, str]:
    stop = directory.read_optional(directory.stop)
    if ending.status == JobExit.DONE:
        if directory.read_manifest() is not None:
            return "succeeded", "", "", ""
        return "failed", "no_manifest", "the job ended without publishing anything", "see its log"
    if stop and (ending.status == JobExit.STOPPED or ending.killed_by_us or ending.status < 0):
        saved = "its work is saved" if not ending.killed_by_us else "it was killed while saving"
        return "cancelled", f"user:{stop.get('by', '?')}", f"stopped; {saved}", "synthlab retry RUN"
    failure = directory.read_optional(directory.root / FAILURE_FILE)
    message, hint = str(failure.get("message", "")), str(failure.get("hint", ""))
    if ending.status == JobExit.DISK_FULL:
        return "interrupted", "disk_full", message or "the disk is full", hint
    if ending.status == JobExit.INTERRUPTED:
        return "interrupted", str(failure.get("code", "unavailable")), message, hint
    if ending.status == JobExit.STOPPED:
        return "interrupted", "terminated", "something asked the job to stop", "run it again"
    if ending.status < 0:
        name = signal.Signals(-ending.status).name
        if ending.oom_kills:
            hint = "use smaller batches, a smaller model or fewer cpu_slots"
            return "failed", "oom_kill", "the kernel killed the job for want of memory", hint
        return "interrupted", f"signal:{name}", f"the job was killed by {name}", "run it again"
    if failure:
        return "failed", str(failure["code"]), message, hint
    return "failed", f"exit:{ending.status}", f"the job ended with status {ending.status}", ""


def oom_kills() -> int:
    """How many processes of our control group the kernel has killed for memory; 0 if unknown."""
    try:
        group = Path("/proc/self/cgroup").read_text().strip().splitlines()[-1].split(":", 2)[2]
        events = (Path("/sys/fs/cgroup") / group.lstrip("/") / "memory.events").read_text()
    except (OSError, IndexError):
        return 0
    counts = dict(line.split() for line in events.splitlines())
    return int(counts.get("oom_kill", 0))
