"""Panes of a screen: the digits hide and show them; where there is room for one only, they take turns."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual import on
from textual.content import Content
from textual.events import Mount, Resize
from textual.screen import Screen
from textual.widget import Widget

AWAY, ALONE = "-away", "-alone"
"""Classes that the style sheet of all screens gives their meaning: not seen; takes all room there is."""


def entitle(pane: Widget, title: Content) -> None:
    """Give a pane its title; an equal one would paint the whole pane again."""
    if pane.border_title != title.markup:
        pane.border_title = title


def is_typed_into(widget: Widget) -> bool:
    """Whether letters are a text of the widget rather than keys."""
    return widget.check_consume_key("a", "a")


class Room(NamedTuple):
    """Cells of a terminal."""

    width: int
    height: int


class PaneScreen(Screen[None]):
    """A screen that knows its panes by their ids."""

    PANES: ClassVar[tuple[str, ...]] = ()
    """Ids of the panes that the digits hide and show, in reading order."""
    MAIN_PANE: ClassVar[str] = ""
    """The one that is seen first where they take turns; the first of all where nothing is said."""
    STRIP_PANE: ClassVar[str] = ""
    """Stays below the others where they take turns, unless the terminal is very small."""
    TURNS_BELOW: ClassVar[Room] = Room(60, 16)
    """In a terminal narrower or lower than this there is room for one pane."""

    def __init__(self) -> None:
        super().__init__()
        self._hidden_panes: frozenset[str] = frozenset()
        self._pane_in_turn = self.MAIN_PANE or next(iter(self.PANES), "")

    @property
    def takes_turns(self) -> bool:
        """Whether the panes are seen one at a time."""
        return len(self.PANES) > 1 and self._is_below(self.TURNS_BELOW)

    def _is_below(self, room: Room) -> bool:
        width, height = self.app.size
        return width < room.width or height < room.height

    @on(Mount)
    def arrange_panes_first(self) -> None:
        """Before anything is painted."""
        self._arrange_panes()

    def on_resize(self, event: Resize) -> None:
        """There may be room for all of them now, or for one only."""
        self._arrange_panes()

    def toggle_pane(self, number: int) -> str:
        """Show pane `number`, counted from 0, or hide it; returns the reason if that is not possible."""
        if number >= len(self.PANES):
            count = len(self.PANES)
            return f"there are {count} panes here" if count > 1 else "there is nothing to hide here"
        name = self.PANES[number]
        if self.takes_turns:
            self.bring(name)
            return ""
        hidden = self._hidden_panes ^ {name}
        if len(hidden) == len(self.PANES):
            return "the last pane stays"
        self._hidden_panes = hidden
        self._arrange_panes()
        return ""

    def show_all_panes(self) -> None:
        """As they stood at first."""
        self._hidden_panes = frozenset()
        self._arrange_panes()

    def bring(self, name: str) -> None:
        """Have a pane seen, and the focus in it; text is typed only where `enter` leads to it."""
        self._pane_in_turn = name
        self._hidden_panes -= {name}
        self._arrange_panes()
        pane = self.query_one(f"#{name}")
        inside = (one for one in pane.walk_children(Widget, with_self=True) if _is_on(one))
        able = (one for one in inside if one.focusable and not is_typed_into(one))
        self.set_focus(next(able, None))

    def _arrange_panes(self) -> None:
        if not self.is_attached or len(
            self.query(", ".join(f"#{name}" for name in self.PANES))
        ) < len(self.PANES):
            return  # on its way out
        turns = self.takes_turns
        strip = "" if self._is_below(PaneScreen.TURNS_BELOW) else self.STRIP_PANE
        rooms: dict[Widget, dict[Widget, None]] = {}
        for name in self.PANES:
            one: Widget = self.query_one(f"#{name}")
            has_turn = name in (self._pane_in_turn, strip)
            one.set_class(not has_turn if turns else name in self._hidden_panes, AWAY)
            while one.id != "body" and isinstance(one.parent, Widget):
                rooms.setdefault(one.parent, {})[one] = None
                one = one.parent
        # The innermost first: what holds panes would keep its room with nothing in it.
        for room in sorted(rooms, key=lambda widget: -len(widget.ancestors)):
            seen = [one for one in rooms[room] if not one.has_class(AWAY)]
            for one in rooms[room]:
                one.set_class(seen == [one] and len(rooms[room]) > 1, ALONE)
            room.set_class(not seen, AWAY)


def _is_on(widget: Widget) -> bool:
    return all(one.display for one in widget.ancestors_with_self if isinstance(one, Widget))
