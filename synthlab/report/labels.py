"""Names in figures: one line each, and short enough to leave room for the data."""

from __future__ import annotations

from synthlab.text import safe_line

_LONGEST_LABEL, _LONGEST_TITLE = 44, 84


def figure_label(text: str) -> str:
    """A name in a figure: one line, shortened in its middle where it would push the data aside."""
    return _shortened(safe_line(text), _LONGEST_LABEL)


def figure_title(text: str) -> str:
    """The title or axis label of a figure: one line that fits the width of a page."""
    return _shortened(safe_line(text), _LONGEST_TITLE)


def _shortened(line: str, longest: int) -> str:
    if len(line) <= longest:
        return line
    kept = (longest - 1) // 2
    return f"{line[:kept]}…{line[-kept:]}"
