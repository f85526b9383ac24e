"""The way of foreign text onto the screen: no control character, no markup, no action.

Every widget is given `Content` made here. The line filter is a second net below all of them, for a
text that some widget of the framework takes from elsewhere.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter

from synthlab.text import safe_line, safe_text


def shown(text: str, style: str = "") -> Content:
    """A text of several lines as it is, with whatever could act on a terminal made visible."""
    return Content.styled(safe_text(text), style) if style else Content(safe_text(text))


def line(text: str, style: str = "") -> Content:
    """The same for a place that holds one line."""
    return Content.styled(safe_line(text), style) if style else Content(safe_line(text))


def joined(*parts: Content | str) -> Content:
    """Pieces side by side; a plain string is made safe."""
    return Content("").join(part if isinstance(part, Content) else line(part) for part in parts)


class HostileTextFilter(LineFilter):
    """Makes controls visible in whatever reaches the screen by another way."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Segments of one screen line; the usual line comes back as it went in."""
        if all(segment.control or safe_line(segment.text) == segment.text for segment in segments):
            return segments
        return [
            segment if segment.control else Segment(safe_line(segment.text), segment.style)
            for segment in segments
        ]
