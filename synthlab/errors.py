"""The one tree of errors that are meant for the person reading them, and the exit codes they end in."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell sees; the numbers are an interface, documented in the README and asserted by tests."""

    DONE = 0
    FAILED = 1
    """The work failed: a run ended badly, a check found damage."""
    USAGE = 2
    """The command line or the experiment file is wrong."""
    NOT_FOUND = 3
    CONFLICT = 4
    """Locked, in use, or owned by somebody else."""
    DEGRADED = 5
    """A partial result was given, and stderr says what is missing."""
    TRY_AGAIN = 75
    INTERRUPTED = 130


class SynthlabError(Exception):
    """A problem that the reader can act on: what is wrong, and what to do about it.

    `message` names the object and the cause; `hint` is the next step, or empty where there is none.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class UsageError(SynthlabError):
    """The command line asks for something that cannot be meant."""

    exit_code = ExitCode.USAGE


class SpecError(SynthlabError):
    """The experiment file is wrong; the message begins with `file:line: key`."""

    exit_code = ExitCode.USAGE


class NotFoundError(SynthlabError):
    """A named run, experiment, model or data set is not there."""

    exit_code = ExitCode.NOT_FOUND


class NotAtHandError(NotFoundError):
    """Something that exists and is not on this machine; a plan can do without, a run cannot."""


class ConflictError(SynthlabError):
    """Somebody or something else holds what the command needs."""

    exit_code = ExitCode.CONFLICT


class JobError(SynthlabError):
    """Expected trouble inside a job; ends its run as failed with `code` as the reason."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code


class JobInterrupted(JobError):
    """Trouble outside the job that may pass, such as a server that is gone.

    Ends its run as interrupted with `code` as the reason: what is done stays, and a retry goes on.
    """
