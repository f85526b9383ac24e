"""Jump mode: a letter on everything that can have the focus, and the letter goes there."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.events import Key
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from screens.safety import line

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class Jump(ModalScreen[None]):
    """Lies over the screen until a key is pressed."""

    DEFAULT_CSS = """
    Jump > Static { position: absolute; width: 3; height: 1; background: $accent; color: $background;
        text-style: bold; }
    """

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        targets = [widget for widget in below.focus_chain if widget.region.area]
        self._targets: dict[str, Widget] = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """A label at the upper left corner of each target."""
        for letter, widget in self._targets.items():
            label = Static(line(f" {letter} "))
            label.styles.offset = (widget.region.x, widget.region.y)
            yield label

    def on_key(self, event: Key) -> None:
        """Any key ends it; a letter that stands somewhere goes there."""
        event.stop()
        event.prevent_default()
        target = self._targets.get(event.key)
        self.dismiss()
        if target is not None:
            self.app.call_later(target.focus)
