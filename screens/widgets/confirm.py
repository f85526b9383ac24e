"""A question before what is hard to undo; `no` is where the cursor stands."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from screens.safety import line, shown


class Confirm(ModalScreen[bool]):
    """Names the object and what becomes of it; answers True only for a deliberate yes."""

    DEFAULT_CSS = """
    Confirm { align: center middle; }
    Confirm > Vertical { width: 70; max-width: 95%; height: auto; border: round $warning; padding: 0 1;
        background: $surface; }
    Confirm Horizontal { height: auto; margin-top: 1; }
    Confirm Button { border: none; height: 1; min-width: 8; margin-right: 2; }
    Confirm Button:focus { text-style: bold reverse; }
    """
    BINDINGS = [
        ("escape,n", "answer(False)", "no"),
        ("y", "answer(True)", "yes"),
        ("left,h", "app.focus_previous", "left"),
        ("right,l", "app.focus_next", "right"),
    ]

    def __init__(self, question: str, consequence: str, yes: str) -> None:
        super().__init__()
        self._question = question
        self._consequence = consequence
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Question, consequence, two buttons."""
        with Vertical():
            yield Static(shown(self._question, "bold"))
            yield Static(shown(self._consequence))
            with Horizontal():
                yield Button(line("No (n)"), id="no")
                yield Button(line(f"{self._yes} (y)"), id="yes")

    def on_mount(self) -> None:
        """Enter alone must not do it."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """By key."""
        self.dismiss(answer)
