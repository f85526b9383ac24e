"""Colours and markers of conditions: the same name has the same look in every chart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

SHAPES = ("●○", "▲△", "■□", "◆◇", "★☆", "▼▽", "♦♢", "♠♤")
"""Filled and hollow: seeds of one condition take turns."""
BY_FAMILY = {
    # arXiv 2511.01490, style_setup.py; the second and third are shades for further names.
    "single": (("#4c72b0", "#87afd7", "#005faf"), "▲△"),
    "multi": (("#55a868", "#87d787", "#00875f"), "■□"),
    "human": (("#c44e52", "#ff8787", "#af005f"), "●○"),
    "vanilla": (("#8172b2", "#afafff", "#8700af"), "◆◇"),
}
# Okabe and Ito 2008 without black and without what is close to the four above.
OTHERS = ("#e69f00", "#56b4e9", "#d55e00", "#cc79a7", "#f0e442", "#009e73", "#0072b2", "#949494")
_SEED = re.compile(r"^(?P<condition>.+?)[ .]s\d+$")


@dataclass(frozen=True)
class Look:
    """How one name is drawn: never by colour alone."""

    colour: str
    marker: str


def looks(names: Sequence[str]) -> tuple[Look, ...]:
    """A look for each name: fixed by the name alone, moved on only where two in one chart collide.

    Seeds of one condition (`human s0`, `human s1`) share its colour and differ in the marker.
    """
    colours: dict[str, str] = {}
    taken_colours: set[str] = set()
    taken_markers: set[str] = set()
    found = []
    for name in names:
        condition = condition_of(name)
        if condition not in colours:
            colours[condition] = _first_free(_colours(condition), taken_colours)
            taken_colours.add(colours[condition])
        marker = _first_free(_markers(condition), taken_markers)
        taken_markers.add(marker)
        found.append(Look(colours[condition], marker))
    return tuple(found)


def condition_of(name: str) -> str:
    """The condition in the name of a cell: `multi` in `multi s1` and `multi.s1`."""
    match = _SEED.match(name)
    return match["condition"] if match else name


def _colours(condition: str) -> list[str]:
    family = _family(condition)
    if family in BY_FAMILY:
        shades = list(BY_FAMILY[family][0])
        return shades if condition == family else [*_turned(shades, condition), *OTHERS]
    return _turned(OTHERS, condition)


def _markers(condition: str) -> str:
    family = _family(condition)
    own = BY_FAMILY[family][1] if family in BY_FAMILY else ""
    # The shapes of the paper's conditions come last for others.
    others = [shape for shape in (*SHAPES[4:], *SHAPES[:4]) if shape != own]
    return own + "".join(_turned(others[:4], condition) + others[4:])


def _family(condition: str) -> str:
    """`single` of `single-llama`."""
    return re.split(r"[-_ .:]", condition, maxsplit=1)[0]


def _turned(choices: Sequence[str], name: str) -> list[str]:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    start = digest[0] % len(choices)
    return [*choices[start:], *choices[:start]]


def _first_free(choices: Sequence[str], taken: set[str]) -> str:
    free = [choice for choice in choices if choice not in taken]
    return free[0] if free else choices[0]
