"""Texts that try to act on a terminal or on the framework; data may hold any of them."""

from __future__ import annotations

CONTROLS = (
    "\x1b]0;title\x07",
    "\x1b]2;title\x1b\\",
    "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;aGVsbG8=\x07",
    "\x1b]1337;File=inline=1:AAAA\x07",
    "\x1bP$q\x1b\\",
    "\x1b_Gq\x1b\\",
    "\x9b2J\x9d0;t\x9c",
    "\x1b[6n\x1b[2J\x1bc",
    "\x1b[?1049l\x1b[31m",
    "a\x08\x08\x7f\x07\x0e\x0f",
    "\u202eright to left\u202c\u2066\u2069",
    "zero\u200bwidth\u200d\ufeff\u00ad",
    "\u0085\u2028\u2029",
    "\x00nul",
)
MARKUP = (
    "[/",
    "[b",
    "[0]",
    "[/a/b]",
    "[@click=app.quit]quit[/]",
    "[link=http://x]y[/link]",
    "[bold red]loud[/]",
    "\\[escaped",
    "$text-muted",
    "{run}",
)
PAYLOADS = (*CONTROLS, *MARKUP)
ACTIVE = "".join(map(chr, [*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)])) + (
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200d\ufeff\u2028\u2029"
)
"""Characters none of which may reach the terminal from data."""


def is_harmless(frame: str) -> bool:
    """Whether a frame holds nothing that acts on a terminal."""
    return not set(frame) & set(ACTIVE)
