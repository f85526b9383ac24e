"""The head of every screen: all places with the letter that leads there, and what the console is on."""

from __future__ import annotations

from typing import NamedTuple

from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from screens.safety import joined, line


class Place(NamedTuple):
    """A screen that a capital letter leads to."""

    name: str
    title: str
    key: str


PLACES = (
    Place("overview", "Overview", "O"),
    Place("launch", "Launch", "L"),
    Place("runs", "Runs", "R"),
    Place("sources", "Sources", "S"),
    Place("mixtures", "Mixtures", "M"),
    Place("checkpoints", "Checkpoints", "C"),
    Place("compare", "comPare", "P"),
    Place("samples", "sAmples", "A"),
)


class PlaceLine(Widget):
    """One row; the place that is on top stands out by weight and background, not by colour alone."""

    DEFAULT_CSS = "PlaceLine { height: 1; background: $panel; color: $text; }"

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place
        self._note = ""
        self._warns = False

    def tell(self, note: str, *, warns: bool = False) -> None:
        """What stands at the right end: `frozen`, `looking only`."""
        if (note, warns) != (self._note, self._warns):
            self._note, self._warns = note, warns
            self.refresh()

    def render(self) -> Content:
        """The row, shortened to the place on top where there is no room for all."""
        tabs = joined(*(self._tab(place) for place in PLACES))
        here = [self._tab(place) for place in PLACES if place.name == self._place]
        if not here:
            here = [joined(" ", line(self._place, "bold reverse"))]
            tabs = joined(tabs, " ", *here)
        if tabs.cell_length + len(self._note) + 1 > self.size.width:
            tabs = joined(*here)
        gap = self.size.width - tabs.cell_length - len(self._note) - 1
        note = line(self._note, "bold $warning" if self._warns else "$lab-muted")
        return joined(tabs, " " * max(1, gap), note)

    def on_click(self, event: Click) -> None:
        """A click on a title goes there."""
        column = 0
        for place in PLACES:
            width = len(place.title) + 1
            if column <= event.x < column + width:
                self.app.call_later(self.app.run_action, f"do('go.{place.name}')")
                return
            column += width

    def _tab(self, place: Place) -> Content:
        before, _, after = place.title.partition(place.key)
        here = "bold reverse" if place.name == self._place else ""
        return joined(
            " ",
            line(before, here),
            line(place.key, here or "bold underline $accent"),
            line(after, here),
        )
