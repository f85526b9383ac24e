"""When to ask a server again: how long to wait after a failure, and when to call it gone."""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC

from synthlab.errors import JobInterrupted

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
GROWTH = 2.0


@dataclass(frozen=True)
class Clock:
    """Time and chance, passed in so that tests need not wait."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    """Seconds since the epoch, for a `Retry-After` that is a date."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    uniform: Callable[[float, float], float] = random.uniform
    first_pause_s: float = FIRST_PAUSE_S


def retry_after_s(header: str | None, now: float) -> float | None:
    """Seconds that a server asks to wait: a number, or a date (RFC 9110, section 10.2.3).

    now: seconds since the epoch. None where there is no header or it says nothing that is known.
    """
    text = (header or "").strip()
    if not text:
        return None
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)


def pause_s(failures: int, clock: Clock) -> float:
    """Exponential back-off with jitter, so that questions that failed together come back apart.

    failures: how often in a row, at least 1. Half of the pause is fixed and half is drawn.
    """
    longest = min(LONGEST_PAUSE_S, clock.first_pause_s * GROWTH ** min(failures - 1, 16))
    return clock.uniform(longest / 2, longest)


@dataclass
class Patience:
    """What all questions to one server know together: since when it has given no answer.

    A server that fails everybody is gone or broken, and the run is interrupted; one question that
    fails alone is an answer that cannot be had.
    """

    clock: Clock
    limit_s: float
    """Seconds without any answer after which the server counts as gone."""
    limit_failed: int
    """Questions given up one after the other, with no answer between, after which it is broken."""
    place: str
    """The server's address, for messages."""
    _last_answer: float = field(init=False)
    _failed: int = field(default=0, init=False)
    _not_before: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._last_answer = self.clock.monotonic()

    def answered(self) -> None:
        """A question was answered, or refused for a reason of its own."""
        self._last_answer = self.clock.monotonic()
        self._failed = 0

    def unavailable(self, code: str, message: str) -> None:
        """The server could not be asked; raises JobInterrupted once that has lasted too long."""
        silent_s = self.clock.monotonic() - self._last_answer
        if silent_s >= self.limit_s:
            raise JobInterrupted(
                code,
                f"{self.place} gave no answer for {silent_s:.0f} s: {message}",
                "start the server again, then: synthlab retry RUN (what is answered stays)",
            )

    def given_up(self, code: str, message: str) -> None:
        """One question failed every time; raises JobInterrupted if it is not the only one."""
        self._failed += 1
        if self._failed >= self.limit_failed:
            raise JobInterrupted(
                "server_failing",
                f"{self.place} failed {self._failed} questions in a row, last with {code}: {message}",
                "look into the server's log, then: synthlab retry RUN (what is answered stays)",
            )

    def hold(self, seconds: float, message: str) -> None:
        """Ask nothing for so long; raises JobInterrupted if that is beyond all patience."""
        if seconds > self.limit_s:
            raise JobInterrupted(
                "rate_limited",
                f"{self.place} asks to wait {seconds:.0f} s, longer than patience_s ="
                f" {self.limit_s:.0f}: {message}",
                "wait, or raise patience_s; then: synthlab retry RUN (what is answered stays)",
            )
        self._not_before = max(self._not_before, self.clock.monotonic() + seconds)

    async def turn(self) -> None:
        """Wait until the server wants to be asked again."""
        while (left := self._not_before - self.clock.monotonic()) > 0:
            await self.clock.sleep(left)
