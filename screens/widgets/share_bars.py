"""Shares of a mixture as bars that the arrow keys lengthen and shorten."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message
from textual.widgets import Static

from screens.overview_words import bar
from screens.safety import joined, line

MOST = 100
NUMBERS = 26
"""Cells of share, percentage and rows beside a bar."""
NAME_SHARE = 0.4
"""Part of what is left that names may take."""


class ShareBars(Static, can_focus=True):
    """One line for each source; `←` `→` change the share under the cursor, `↑` `↓` go on."""

    BINDINGS = [
        Binding("left,h", "change(-1)", "less", show=False, id="shares.less"),
        Binding("right,l", "change(1)", "more", show=False, id="shares.more"),
        Binding("shift+left,H", "change(-10)", "much less", show=False, id="shares.much-less"),
        Binding("shift+right,L", "change(10)", "much more", show=False, id="shares.much-more"),
        Binding("up,k", "go(-1)", "up", show=False, id="shares.up"),
        Binding("down,j", "go(1)", "down", show=False, id="shares.down"),
    ]

    class Changed(Message):
        """A share is another."""

        def __init__(self, shares: tuple[int, ...]) -> None:
            super().__init__()
            self.shares = shares

    def __init__(self, names: Sequence[str], *, unicode: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names = tuple(names)
        self._unicode = unicode
        self._cursor = 0
        self._counts: tuple[int, ...] = (0,) * len(names)
        self.shares: tuple[int, ...] = (1,) * len(names)

    def on_resize(self, event: Resize) -> None:
        """Bars are as wide as there is room."""
        self._draw()

    def on_focus(self) -> None:
        """The cursor is seen only while the keys come here."""
        self._draw()

    def on_blur(self) -> None:
        """And not otherwise."""
        self.call_after_refresh(self._draw)

    def show_counts(self, counts: Sequence[int]) -> None:
        """How many rows each source gives."""
        self._counts = tuple(counts)
        self._draw()

    def on_click(self, event: Click) -> None:
        """The line that was clicked on."""
        if 0 <= event.y < len(self._names):
            self._cursor = event.y
            self._draw()

    def action_go(self, step: int) -> None:
        """To another line."""
        self._cursor = (self._cursor + step) % len(self._names)
        self._draw()

    def action_change(self, step: int) -> None:
        """Another share; never below 0."""
        old = self.shares[self._cursor]
        new = max(0, min(MOST, old + step))
        if new != old:
            shares = list(self.shares)
            shares[self._cursor] = new
            self.shares = tuple(shares)
            self._draw()
            self.post_message(self.Changed(self.shares))

    def _draw(self) -> None:
        room = max(20, (self.size.width or 70) - NUMBERS - 4)
        longest = max(len(name) for name in self._names)
        wide = min(longest, int(room * NAME_SHARE))
        total = sum(self.shares) or 1
        rows = []
        for number, (name, share) in enumerate(zip(self._names, self.shares, strict=True)):
            here = number == self._cursor and self.has_focus
            cut = name if len(name) <= wide else name[: wide - 1] + "…"
            part = share / total
            rows.append(
                joined(
                    line("> " if here else "  ", "bold $accent"),
                    line(cut.ljust(wide) + " ", "bold" if here else ""),
                    line(bar(part, room - wide, unicode=self._unicode), "$primary on $panel"),
                    line(f" {share:>3} {part:6.1%} {self._counts[number]:>7} rows"),
                )
            )
        self.update(Content("\n").join(rows))
