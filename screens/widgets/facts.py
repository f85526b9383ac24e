"""Names with their values, one under the other: the detail panes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from screens.safety import joined, line
from synthlab.text import safe_text

Fact = tuple[str, str | Content]
DEFAULT_WIDTH = 40
LEAST_NAME = 10


class Facts(VerticalScroll, can_focus=True):
    """Scrolls by keys; redrawn only if what it says is something else."""

    DEFAULT_CSS = """
    Facts { height: 1fr; scrollbar-size-vertical: 1; padding: 0 1; }
    Facts > Static { width: 1fr; height: auto; }
    """
    BINDINGS = [
        ("j", "scroll_down", "down"),
        ("k", "scroll_up", "up"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = Static(Content(""))
        self.said: Content | None = None
        """What is shown."""
        self._facts: tuple[Fact, ...] = ()

    def compose(self):  # type: ignore[no-untyped-def]
        """One text."""
        yield self._text

    def show(self, facts: Sequence[Fact]) -> None:
        """Show these; a name of "" continues the value above, a value of "" makes a heading."""
        self._facts = tuple(facts)
        self._lay_out()

    def on_resize(self) -> None:
        """Values are folded at another width."""
        if self._facts:
            self._lay_out()

    def _lay_out(self) -> None:
        room = (self.scrollable_content_region.width or DEFAULT_WIDTH) - 1
        longest = max((len(name) for name, value in self._facts if value), default=0)
        width = min(longest, max(LEAST_NAME, room * 2 // 5))
        rows = []
        for name, value in self._facts:
            if not value:
                rows.append(line(name, "bold"))
                continue
            lead = line(name.ljust(width) + "  ", "$lab-muted")
            if isinstance(value, Content):
                rows.append(joined(lead, value))
                continue
            first, *rest = _folded(value, room - lead.cell_length, room - width - 2)
            rows.append(joined(lead, line(first)))
            rows += [line(" " * (width + 2) + part) for part in rest]
        self.say(Content("\n").join(rows))

    def say(self, content: Content) -> None:
        """Show a text."""
        if self.said is None or content != self.said or content.spans != self.said.spans:
            width = self._text.size.width
            heights = {_height(one, width) for one in (self.said, content)}
            self.said = content
            # A layout of the whole screen costs more than the text, and most changes need none.
            self._text.update(content, layout=len(heights) > 1 or None in heights)


def _height(content: Content | None, width: int) -> int | None:
    """Lines that a text takes; None where it is not known without wrapping it."""
    lines = content.split() if content is not None else []
    return len(lines) if lines and all(line.cell_length <= width for line in lines) else None


def _folded(text: str, first: int, room: int) -> list[str]:
    """A value in lines that fit; the first stands behind its name and may have less room."""
    short = " " * max(0, room - first)
    found = [
        part
        for one in safe_text(text).splitlines()
        for part in textwrap.wrap(short + one if one else one, max(8, room)) or [""]
    ]
    return [found[0].lstrip(), *found[1:]] if found else [""]
