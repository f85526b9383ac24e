"""How a job process tells its runner what happened."""

from __future__ import annotations

from enum import IntEnum

FAILURE_FILE = "failure.json"
"""{code, message, hint} of the last failed attempt, in the run directory."""


class JobExit(IntEnum):
    """Exit status of a job process; anything else, or a signal, is an end without a word."""

    DONE = 0
    FAILED = 1
    INTERRUPTED = 69
    """Something outside was not there; the failure file says what."""
    DISK_FULL = 74
    STOPPED = 75
