"""Names with their values, one under the other: the detail panes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from screens.safety import joined, line, shown

Fact = tuple[str, str | Content]


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
        self._said: Content | None = None

    def compose(self):  # type: ignore[no-untyped-def]
        """One text."""
        yield self._text

    def show(self, facts: Sequence[Fact]) -> None:
        """Show these; a name of "" continues the value above, a value of "" makes a heading."""
        width = max((len(name) for name, value in facts if value), default=0)
        rows = []
        for name, value in facts:
            if not value:
                rows.append(line(name, "bold"))
                continue
            content = value if isinstance(value, Content) else shown(value)
            rows.append(joined(line(name.ljust(width) + "  ", "$text-muted"), content))
        self.say(Content("\n").join(rows))

    def say(self, content: Content) -> None:
        """Show a text."""
        if self._said is None or content != self._said or content.spans != self._said.spans:
            self._said = content
            self._text.update(content)
