"""Who a process is: a pid alone is reused, so identity is boot, pid and start time together."""

from __future__ import annotations

import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

START_TICKS_FIELD = 22
"""Position (from 1) of the start time in /proc/PID/stat, see proc(5)."""


def boot_id() -> str:
    """Changes at every boot, so that what was alive before it is known to be gone."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, told apart from every other that ever had its pid."""

    boot_id: str
    pid: int
    start_ticks: int

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The process that has `pid` now, or None if there is none (or only its corpse)."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The command name may hold blanks and parentheses, so fields count from its last one.
        fields = text[text.rindex(")") + 2 :].split()
        if fields[0] in {"Z", "X"}:
            return None
        return cls(boot_id(), pid, int(fields[START_TICKS_FIELD - 3]))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ProcessIdentity:
        """Read what `to_json` wrote."""
        return cls(str(value["boot_id"]), int(value["pid"]), int(value["start_ticks"]))

    def to_json(self) -> dict[str, Any]:
        """A plain mapping for proc.json."""
        return asdict(self)

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return ProcessIdentity.of(self.pid) == self

    def send(self, number: signal.Signals) -> bool:
        """Signal this very process, never a later one with the same pid; False if it is gone."""
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.is_alive():
                return False
            signal.pidfd_send_signal(fd, number)
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(fd)
