"""A small form: a few lines to type into, the command line that does the same, and the reason against it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from screens.safety import joined, line

Values: TypeAlias = Mapping[str, str]


@dataclass(frozen=True)
class Field:
    """One line of the form."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    """What may stand there, shown while it is empty."""


class AskFields(ModalScreen[bool]):
    """`enter` tries it and closes if that worked; `escape` leaves things as they are."""

    DEFAULT_CSS = """
    AskFields { align: center middle; }
    AskFields > Vertical { width: 90; max-width: 98%; height: auto; max-height: 98%;
        border: round $accent; padding: 0 1; background: $surface; }
    AskFields VerticalScroll { height: auto; max-height: 14; scrollbar-size-vertical: 1; }
    AskFields Horizontal { height: 1; }
    AskFields Horizontal > Static { width: 17; color: $lab-muted; }
    AskFields Input { border: none; height: 1; padding: 0; width: 1fr; background: $surface; }
    AskFields Input:focus { background: $panel; }
    AskFields #twin { color: $lab-muted; height: auto; max-height: 3; margin-top: 1; }
    AskFields #answer { height: auto; max-height: 4; }
    """
    BINDINGS = [
        ("escape", "dismiss(False)", "back"),
        ("down", "app.focus_next", "next"),
        ("up", "app.focus_previous", "previous"),
    ]

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        twin: Callable[[Values], str],
        attempt: Callable[[Values], Awaitable[str]],
    ) -> None:
        """twin: the command line of what is typed; attempt: does it, and returns why it could not."""
        super().__init__()
        self._title = title
        self._fields = tuple(fields)
        self._twin = twin
        self._attempt = attempt
        self._is_busy = False
        self._is_done = False

    def compose(self) -> ComposeResult:
        """Lines, twin, answer."""
        with Vertical() as box:
            box.border_title = line(self._title)
            box.border_subtitle = line("enter: do it   ↑↓: line   esc: back")
            with VerticalScroll(can_focus=False):
                for field in self._fields:
                    with Horizontal():
                        yield Static(line(field.label))
                        made = Input(
                            field.value,
                            placeholder=field.hint,
                            id=f"field-{field.name}",
                            compact=True,
                            select_on_focus=False,
                        )
                        made.cursor_blink = False
                        yield made
            yield Static(id="twin")
            yield Static(id="answer")

    def on_mount(self) -> None:
        """The first empty line is where the typing begins."""
        empty = (field for field in self._fields if not field.value)
        first = next(empty, self._fields[0])
        self.query_one(f"#field-{first.name}").focus()
        self._show_twin()

    @property
    def values(self) -> dict[str, str]:
        """What stands in the lines."""
        return {f.name: self.query_one(f"#field-{f.name}", Input).value for f in self._fields}

    def on_input_changed(self, event: Input.Changed) -> None:
        """The twin follows."""
        event.stop()
        self._show_twin()

    def _show_twin(self) -> None:
        self.query_one("#twin", Static).update(joined("$ ", line(self._twin(self.values))))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Try it beside the event loop; what is wrong stands below and the form stays."""
        event.stop()
        if not self._is_busy:
            self._is_busy = True
            self.query_one("#answer", Static).update(line("working …"))
            self.run_worker(self._try())

    async def _try(self) -> None:
        try:
            reason = await self._attempt(self.values)
        finally:
            self._is_busy = False
        if self not in self.app.screen_stack:
            return  # left with escape meanwhile
        self._is_done = not reason
        self.query_one("#answer", Static).update(line(f"! {reason}", "$error") if reason else "")
        self._leave_if_done()

    def on_screen_resume(self) -> None:
        """It may have worked while something lay over this."""
        self._leave_if_done()

    def _leave_if_done(self) -> None:
        if self._is_done and self.is_active:
            self._is_done = False
            self.dismiss(True)
