"""The foot of every screen: the keys that can be pressed now; what is not possible is dim, not gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.widget import Widget

from screens.actions import ActionHost, key_text
from screens.safety import joined, line

if TYPE_CHECKING:
    from screens.app import LabApp


class KeyLine(Widget):
    """One row, as many keys as fit; `?` shows all."""

    DEFAULT_CSS = "KeyLine { height: 1; background: $panel; color: $text; }"

    def __init__(self) -> None:
        super().__init__()
        self._content = Content("")
        self._hosts: Sequence[ActionHost] = ()

    def show_hosts(self, hosts: Sequence[ActionHost]) -> None:
        """Show the keys of these; drawn only if they differ from what stands there."""
        self._hosts = hosts
        made = self._make(self.size.width)
        if made != self._content or made.spans != self._content.spans:
            self._content = made
            self.refresh()

    def on_resize(self) -> None:
        """More or fewer keys fit."""
        self.show_hosts(self._hosts)

    def render(self) -> Content:
        """The row."""
        return self._content

    def _make(self, width: int) -> Content:
        app = cast("LabApp", self.app)
        tail = joined(line(" ?", "bold $accent"), " help")
        parts: list[Content] = []
        used = tail.cell_length
        taken: set[str] = set()
        for host in self._hosts:
            for action in host.ACTIONS:
                keys = set(action.keys.split(","))
                # A key that a widget further in has taken means something else here.
                if action.hidden or keys <= taken:
                    continue
                taken |= keys
                off = bool(app.refusal(host, action))
                part = joined(
                    line(f" {key_text(action.keys)}", "$lab-muted" if off else "bold $accent"),
                    line(f" {action.label} ", "$lab-muted" if off else ""),
                )
                if used + part.cell_length <= width:
                    parts.append(part)
                    used += part.cell_length
        return joined(*parts, tail)
