"""The command lines of everything that was done in this console, ready to copy into a script."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from screens.safety import line
from screens.widgets.facts import Facts


class CommandLog(ModalScreen[None]):
    """Oldest first."""

    DEFAULT_CSS = """
    CommandLog { align: center middle; }
    CommandLog > Vertical { width: 90%; height: 70%; border: round $accent; background: $surface; }
    """
    BINDINGS = [("escape,q,exclamation_mark", "dismiss", "close"), ("y", "copy", "copy all")]

    def __init__(self, commands: tuple[str, ...]) -> None:
        super().__init__()
        self._commands = commands

    def compose(self) -> ComposeResult:
        """One text."""
        with Vertical() as box:
            box.border_title = line("command log")
            box.border_subtitle = line("y: copy all   esc: close")
            yield Facts()

    def on_mount(self) -> None:
        """Fill it."""
        rows = self._commands or ("nothing was done yet that has a command line",)
        facts = self.query_one(Facts)
        facts.say(Content("\n").join(line(row) for row in rows))
        facts.focus()

    def action_copy(self) -> None:
        """All lines, through the terminal."""
        self.app.copy_to_clipboard("\n".join(self._commands))
