"""What a person hears while conditions are compared: nothing if it was known, little if it is quick."""

from __future__ import annotations

import time
from collections.abc import Callable

from synthlab.cli.output import Output

QUICK_S = 1.5
"""A comparison or a metric that takes no longer needs no line of its own."""


class ComparisonNarrator:
    """The `progress` of a comparison, said on stderr: one line, and one for each slow metric."""

    def __init__(
        self, output: Output, swaps: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._output, self._swaps, self._clock = output, swaps, clock
        self._begun: float | None = None
        self._said = ""

    def __call__(self, done: int, total: int, what: str) -> None:
        """done, total: metrics; what: the one at work, after a colon which part of it."""
        if done >= total:
            self._begun = None
            return
        now, metric = self._clock(), what.partition(":")[0]
        if self._begun is None:
            self._begun = now
            self._output.say(
                f"{total} metrics, {self._swaps} swaps for each that is of all answers together …"
            )
        elif metric != self._said and now - self._begun > QUICK_S:
            self._said = metric
            self._output.say(f"  {done + 1} of {total}, {now - self._begun:.0f} s: {metric} …")
