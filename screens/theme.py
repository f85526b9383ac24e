"""Colours and signs of the console. Status is a sign and a word before it is a colour.

The colours lie on entries of the 256-colour palette, so that a terminal without true colour shows them
as they are here.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from textual.theme import Theme

STYLES = Path(str(files("assets"))) / "styles"

DARK = Theme(
    name="lab-dark",
    dark=True,
    primary="#5fafff",
    secondary="#87afaf",
    accent="#ffaf5f",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#303030",
    success="#87d787",
    warning="#ffd75f",
    error="#ff8787",
    variables={"block-cursor-text-style": "none", "footer-key-foreground": "#ffaf5f"},
)
LIGHT = Theme(
    name="lab-light",
    dark=False,
    primary="#005faf",
    secondary="#5f8787",
    accent="#af5f00",
    foreground="#1c1c1c",
    background="#ffffff",
    surface="#eeeeee",
    panel="#dadada",
    success="#008700",
    warning="#875f00",
    error="#af0000",
    variables={"block-cursor-text-style": "none", "footer-key-foreground": "#af5f00"},
)
MUTED = {"lab-dark": "#8a8a8a", "lab-light": "#6c6c6c", "ansi-light": "ansi_bright_black"}
"""Text of second rank. The framework's own is a shade of what lies below, which text in a table lacks."""
THEMES = {
    "dark": "lab-dark",
    "light": "lab-light",
    "ansi-dark": "ansi-dark",
    "ansi-light": "ansi-light",
}
"""What the preference `theme` may say, and the theme's name for the framework."""


class StateLook(NamedTuple):
    """How the state of a run is shown."""

    sign: str
    plain: str
    """The sign on a terminal without Unicode."""
    style: str


STATES = {
    "queued": StateLook("·", ".", "$lab-muted"),
    "starting": StateLook("▷", ">", "$primary"),
    "running": StateLook("▶", ">", "$primary"),
    "succeeded": StateLook("✓", "+", "$success"),
    "failed": StateLook("✗", "x", "$error"),
    "interrupted": StateLook("!", "!", "$warning"),
    "cancelled": StateLook("–", "-", "$warning"),
    "unknown": StateLook("?", "?", "$warning"),
}
NO_STATE = StateLook(" ", " ", "$lab-muted")


def state_sign(state: str, *, unicode: bool = True) -> tuple[str, str]:
    """Sign and style of a state."""
    look = STATES.get(state, NO_STATE)
    return (look.sign if unicode else look.plain), look.style
