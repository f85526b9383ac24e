"""Why a number is what it is: the runs, models and data behind it, hop by hop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult

from screens.actions import Action
from screens.lab_screen import LabScreen
from screens.live import Query, Reading
from screens.safety import line, shown
from screens.widgets.facts import Facts

LEAST_WIDTH = 40


class WhyScreen(LabScreen[tuple[str, ...]]):
    """What `synthlab why NAME` prints."""

    PLACE = "why"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("why.print", "ctrl+l", "print", "the same in a shell", "synthlab why {why}"),
    )

    def __init__(self, name: str) -> None:
        """name: RUN:METRIC, EXPERIMENT:CONDITION:METRIC or a difference of two conditions."""
        super().__init__()
        self._asked = name

    def body(self) -> ComposeResult:
        """One text."""
        yield Facts(id="why")

    def on_mount(self) -> None:
        """It scrolls by keys."""
        self.query_one(Facts).focus()

    def reads(self) -> Query:
        """The walk back, folded to the width."""
        name, width = self._asked, max(LEAST_WIDTH, self.size.width - 4)

        def query(reading: Reading) -> tuple[str, ...]:
            from synthlab.lineage.why import why
            from synthlab.lineage.why_text import why_lines

            return tuple(why_lines(why(reading.catalog, name), width))

        return query

    def show(self, snapshot: tuple[str, ...]) -> None:
        """The text; its first line is the number."""
        first, *rest = snapshot
        self.query_one(Facts).say(
            line(first, "bold") + shown("\n" + "\n".join(rest)) if rest else line(first, "bold")
        )

    def words(self) -> Mapping[str, str]:
        """The number."""
        return {**super().words(), "why": self._asked}

    def do_print(self) -> None:
        """The line above the keys shows the command."""
