"""Signs of charts where the terminal has ASCII only; lists beside a chart use the same."""

from __future__ import annotations

_ASCII_FOR = {
    "-": "─—",
    "|": "│┤├┃",
    "+": "┌┐└┘┬┴┼",
    "#": "█▉▊▋▌▍▇▆▅▓■",
    "=": "▒▄▃□",
    ":": "░▎▏",
    "_": "▂▁",
    "o": "●",
    "0": "○",
    "^": "▲",
    "A": "△",
    "x": "◆",
    "X": "◇",
    "@": "★",
    "a": "☆",
    "v": "▼",
    "V": "▽",
    "%": "♦",
    "&": "♢",
    "s": "♠",
    "S": "♤",
    ".": "·…∘",
    "!": "≠",
}
"""Filled and hollow markers stay apart."""
_ASCII = str.maketrans({sign: plain for plain, signs in _ASCII_FOR.items() for sign in signs})


def plain(text: str) -> str:
    """A text with the signs of charts in ASCII; everything else is left as it is."""
    return text.translate(_ASCII)
