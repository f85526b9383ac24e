"""The line above the keys: what the last action did, and the command line that does the same."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from screens.safety import joined, line

STYLES = {"information": "", "warning": "$warning", "error": "$error"}
SIGNS = {"information": "", "warning": "! ", "error": "✗ "}


MOST_ROWS = 3


class MessageLine(Widget):
    """Keeps what it says until something else is said: nothing blinks, nothing times out.

    One row, except for what went wrong: that is shown whole, as far as a few rows hold it.
    """

    DEFAULT_CSS = "MessageLine { height: 1; color: $text; }"

    def __init__(self) -> None:
        super().__init__()
        self._content = Content("")
        self._height = 1

    def say(self, text: str, severity: str, command: str) -> None:
        """Show a message, or where it is empty the command line of the last action."""
        first = " · ".join(part.strip() for part in text.splitlines() if part.strip())
        parts = [line(SIGNS[severity] + first, STYLES[severity])] if first else []
        if command:
            parts.append(line(("   " if first else "") + f"$ {command}", "$lab-muted"))
        made = joined(*parts)
        rows = -(-made.cell_length // max(1, self.size.width)) if severity != "information" else 1
        height = max(1, min(MOST_ROWS, rows))
        if height != self._height:
            self._height = self.styles.height = height
        if made != self._content:
            self._content = made
            self.refresh()

    def render(self) -> Content:
        """The row."""
        return self._content
