"""What something was made of, and what was made of it: the walk that `synthlab lineage` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult

from screens.actions import Action
from screens.lab_screen import LabScreen
from screens.live import Query, Reading
from screens.safety import shown
from screens.widgets.facts import Facts


class LineageScreen(LabScreen[tuple[str, ...]]):
    """One text; `w` turns the direction."""

    PLACE = "lineage"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("lineage.turn", "w", "direction", "what it was made of, or what was made of it"),
    )

    def __init__(self, identity: str) -> None:
        super().__init__()
        self._identity = identity
        self._down = False

    def body(self) -> ComposeResult:
        """One text."""
        yield Facts(id="lineage")

    def on_mount(self) -> None:
        """It scrolls by keys."""
        self.query_one(Facts).focus()

    def reads(self) -> Query:
        """The walk, folded to the width."""
        identity, down, width = self._identity, self._down, max(40, self.size.width - 4)

        def query(reading: Reading) -> tuple[str, ...]:
            from synthlab.lineage.graph import build_graph, find_start
            from synthlab.lineage.tree_text import tree_lines

            start = find_start(reading.catalog, identity)
            return tuple(
                tree_lines(build_graph(reading.catalog, start, "down" if down else "up"), width)
            )

        return query

    def show(self, snapshot: tuple[str, ...]) -> None:
        """The text."""
        self.query_one(Facts).say(shown("\n".join(snapshot)))

    def words(self) -> Mapping[str, str]:
        """What the walk begins at."""
        return {**super().words(), "run": self._identity}

    def do_turn(self) -> None:
        """Up or down."""
        self._down = not self._down
        self.look_again()
