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
        self._panes = 0
        self._is_typing = False

    def show_hosts(
        self, hosts: Sequence[ActionHost], panes: int = 0, *, is_typing: bool = False
    ) -> None:
        """Show the keys of these; drawn only if they differ from what stands there.

        panes: how many panes take turns, so that the digits are the way to the others.
        is_typing: keys are letters of a text now, and all but a few do nothing else.
        """
        self._hosts, self._panes, self._is_typing = hosts, panes, is_typing
        made = self._make(self.size.width)
        if made != self._content or made.spans != self._content.spans:
            self._content = made
            self.refresh()

    def on_resize(self) -> None:
        """More or fewer keys fit."""
        self.show_hosts(self._hosts, self._panes, is_typing=self._is_typing)

    def render(self) -> Content:
        """The row."""
        return self._content

    def _make(self, width: int) -> Content:
        app = cast("LabApp", self.app)
        if self._is_typing:
            return joined(
                line(" esc", "bold $accent"),
                " leave the text ",
                line(" f1", "bold $accent"),
                " help",
            )
        tail = joined(line(" ?", "bold $accent"), " help")
        if self._panes > 1:
            tail = joined(line(f" 1-{self._panes}", "bold $accent"), " panes ", tail)
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
