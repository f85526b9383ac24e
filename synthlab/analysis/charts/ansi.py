"""Styles as terminal codes: in 24 bits, or in the nearest of the 256 colours that SSH usually leaves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from synthlab.analysis.charts.grid import Style

Depth = Literal["256", "truecolor"]
_CUBE = (0, 95, 135, 175, 215, 255)


def colour_depth(environment: Mapping[str, str]) -> Depth:
    """What the terminal says that it can show."""
    told = environment.get("COLORTERM", "").lower()
    return "truecolor" if told in ("truecolor", "24bit") else "256"


def sgr(style: Style, depth: Depth) -> str:
    """The code that switches a style on; empty for a plain one."""
    codes = [code for code, on in (("1", style.bold), ("2", style.dim)) if on]
    if style.colour:
        codes.append(f"38;{_colour(style.colour, depth)}")
    if style.background:
        codes.append(f"48;{_colour(style.background, depth)}")
    return f"\x1b[{';'.join(codes)}m" if codes else ""


@lru_cache(maxsize=256)
def _colour(value: str, depth: Depth) -> str:
    red, green, blue = (int(value[i : i + 2], 16) for i in (1, 3, 5))
    if depth == "truecolor":
        return f"2;{red};{green};{blue}"
    return f"5;{_nearest((red, green, blue))}"


def _nearest(wanted: tuple[int, int, int]) -> int:
    """Number of the nearest entry of the fixed part of the xterm palette (cube and greys)."""
    entries = {
        16 + 36 * r + 6 * g + b: (_CUBE[r], _CUBE[g], _CUBE[b])
        for r in range(6)
        for g in range(6)
        for b in range(6)
    }
    entries.update({232 + i: (8 + 10 * i,) * 3 for i in range(24)})
    return min(
        entries,
        key=lambda n: sum((a - b) ** 2 for a, b in zip(entries[n], wanted, strict=True)),
    )
