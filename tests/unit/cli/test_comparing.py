"""A quick comparison says one line, a slow one a line for each slow metric."""

from __future__ import annotations

import io

from synthlab.cli.comparing import ComparisonNarrator
from synthlab.cli.output import Output


class Heard:
    """A narrator with a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stderr = io.StringIO()
        output = Output(io.StringIO(), self.stderr, colour=False)
        self.narrator = ComparisonNarrator(output, 2000, clock=lambda: self.now)

    def at(self, now: float, done: int, what: str) -> None:
        self.now = now
        self.narrator(done, 3, what)

    @property
    def lines(self) -> list[str]:
        return self.stderr.getvalue().splitlines()


def test_a_quick_comparison_says_one_line() -> None:
    heard = Heard()
    for done, what in enumerate(("ppl1-log", "self-bleu-4", "vendi-1", "")):
        heard.at(0.1 * done, done, what)
    assert heard.lines == ["3 metrics, 2000 swaps for each that is of all answers together …"]


def test_slow_metrics_are_named_once_with_the_time_that_has_passed() -> None:
    heard = Heard()
    heard.at(0.0, 0, "ppl1-log")
    heard.at(1.0, 1, "self-bleu-4")
    heard.at(1.1, 1, "self-bleu-4: human")
    heard.at(4.2, 1, "self-bleu-4: multi")
    heard.at(6.0, 1, "self-bleu-4: multi against human")
    heard.at(9.6, 2, "vendi-1")
    heard.at(20.0, 3, "")
    assert heard.lines[1:] == ["  2 of 3, 4 s: self-bleu-4 …", "  3 of 3, 10 s: vendi-1 …"]


def test_the_next_axis_begins_anew() -> None:
    heard = Heard()
    for start in (0.0, 50.0):
        heard.at(start, 0, "ppl1-log")
        heard.at(start + 9.0, 3, "")
    assert len(heard.lines) == 2
