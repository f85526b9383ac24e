"""The text of an experiment file, with the numbers of faulty lines marked."""

from __future__ import annotations

from collections.abc import Sequence

from textual.message import Message
from textual.widgets import TextArea

from synthlab.text import safe_text


class ExperimentEditor(TextArea):
    """`escape` leaves the text; tab indents by two blanks."""

    BINDINGS = [("escape", "leave", "leave the text")]
    DEFAULT_CSS = """
    ExperimentEditor { border: none; padding: 0; height: 1fr; background: $background; }
    ExperimentEditor:focus { border: none; }
    """

    class Left(Message):
        """The user is done with the text for now."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            "", id=id, show_line_numbers=True, soft_wrap=False, tab_behavior="focus", compact=True
        )
        self.cursor_blink = False
        self._faults: tuple[int, ...] = ()

    def load_text(self, text: str) -> None:
        """Foreign text: controls become visible signs before they get here."""
        super().load_text(safe_text(text))

    def mark_faults(self, lines: Sequence[int]) -> None:
        """Remember the faulty lines, from 1; their numbers stand in the messages below."""
        self._faults = tuple(lines)

    def go_to_first_fault(self) -> None:
        """Put the cursor where the first fault is."""
        if self._faults:
            row = min(max(0, self._faults[0] - 1), self.document.line_count - 1)
            self.move_cursor((row, 0), center=True)

    def action_leave(self) -> None:
        """Back to the list."""
        self.post_message(self.Left())
