"""The filter of a list: `/` opens it, `enter` keeps it, `escape` empties and closes it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from screens.safety import line


class FilterInput(Input):
    """One line without a blinking cursor."""

    BINDINGS = [("escape", "leave", "no filter")]

    class Left(Message):
        """`escape` was pressed."""

    def action_leave(self) -> None:
        """Tell the line that holds this."""
        self.post_message(self.Left())


class FilterLine(Horizontal):
    """Hidden while it is empty and not in use."""

    DEFAULT_CSS = """
    FilterLine { height: 1; display: none; }
    FilterLine.-open { display: block; }
    FilterLine > Static { width: auto; }
    FilterLine > Input { width: 1fr; border: none; height: 1; padding: 0; background: $surface; }
    """

    class Changed(Message):
        """The list should be filtered by another text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, hint: str) -> None:
        super().__init__()
        self._hint = hint
        self.text = ""
        """The filter in force."""

    def compose(self) -> ComposeResult:
        """A slash and the input."""
        yield Static(line("/ ", "bold $accent"))
        made = FilterInput(placeholder=self._hint, compact=True, select_on_focus=False)
        made.cursor_blink = False
        yield made

    def open(self) -> None:
        """Show it and type into it."""
        self.add_class("-open")
        self.query_one(Input).focus()

    def set(self, text: str) -> None:
        """Filter by a text that did not come from the keyboard."""
        self.query_one(Input).value = text
        self._apply(text)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Filter and go back to the list."""
        event.stop()
        self._apply(event.value)
        self.screen.focus_next()

    def on_filter_input_left(self, event: FilterInput.Left) -> None:
        """Back to the whole list."""
        event.stop()
        self.query_one(Input).value = ""
        self._apply("")
        self.screen.focus_next()

    def _apply(self, text: str) -> None:
        self.set_class(bool(text), "-open")
        if text != self.text:
            self.text = text
            self.post_message(self.Changed(text))
