"""Text from models, data and files on its way to a terminal: controls become visible, never active."""

from __future__ import annotations

import re

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ZERO_WIDTH = "\u200b-\u200d\u2060-\u2064\ufeff\u00ad\u180e\ufff9-\ufffb"
_LINE_SEPARATORS = "\u0085\u2028\u2029"
_HOSTILE = re.compile(
    f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}{_ZERO_WIDTH}{_LINE_SEPARATORS}\ud800-\udfff]"
)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"\u27e6U+{code:04X}\u27e7"


def safe_text(text: str) -> str:
    """The text with every control, bidi, zero-width and surrogate character made visible.

    Line feeds and tabs stay. Applying it twice changes nothing more.
    """
    return _HOSTILE.sub(_visible, text)


def safe_line(text: str) -> str:
    """Like `safe_text`, for places that hold one line: line feeds and tabs become visible too."""
    return safe_text(text).replace("\n", "\u240a").replace("\t", "\u2409")
