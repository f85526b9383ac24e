"""A screen without colour codes: what stood out by its background is reversed instead."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

STANDS_OUT = 24
"""Difference in one of red, green and blue from the screen's own background, of 255."""


class NoColour(LineFilter):
    """Keeps bold, dim, underline and reverse, and drops every colour (no-color.org)."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Segments of one screen line without colours."""
        return [
            segment
            if segment.style is None
            else Segment(segment.text, _plain(segment.style, background), segment.control)
            for segment in segments
        ]


def _plain(style: Style, background: Color) -> Style:
    reverse = bool(style.reverse) != _stands_out(style, background)
    return Style(
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        reverse=reverse,
        meta=style.meta,
    )


def _stands_out(style: Style, background: Color) -> bool:
    if style.bgcolor is None or style.bgcolor.triplet is None:
        return False
    own = style.bgcolor.triplet
    pairs = zip(own, (background.r, background.g, background.b), strict=True)
    return any(abs(a - b) > STANDS_OUT for a, b in pairs)
