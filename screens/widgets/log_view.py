"""A log of any size: only the lines on the screen are read, and the end is followed while one is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from screens.actions import Action, ActionHost, bindings
from screens.live import start
from screens.safety import line
from screens.widgets.filter_line import FilterLine
from storage.log_pages import (
    LogLine,
    LogPage,
    find_line,
    last_page,
    log_size,
    page_before,
    page_from,
)
from synthlab.cli.words import size
from synthlab.text import safe_line

if TYPE_CHECKING:
    from screens.app import LabApp

SIDE_STEP = 20
WHEEL_LINES = 3
EMPTY = LogPage((), 0)


class LogView(Widget, ActionHost, can_focus=True):
    """Lines from one offset on. Reading happens in a thread; keys that come meanwhile are added up."""

    DEFAULT_CSS = "LogView { height: 1fr; width: 1fr; }"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("log.find", "slash", "find", "find a text in the log"),
        Action("log.next", "n", "next", "the next place that holds it"),
        Action("log.previous", "N", "previous", "the place before this one", hidden=True),
        Action("log.end", "G,end", "end", "the end, and follow it", hidden=True),
        Action("log.start", "g,home", "start", "the first line", hidden=True),
    )
    BINDINGS = [
        *bindings(ACTIONS),
        Binding("down,j", "move(1)", "down", show=False, id="log.down"),
        Binding("up,k", "move(-1)", "up", show=False, id="log.up"),
        Binding("pagedown", "page(1)", "page down", show=False, id="log.page-down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="log.page-up"),
        Binding("right,l", "side(1)", "right", show=False, id="log.right"),
        Binding("left,h", "side(-1)", "left", show=False, id="log.left"),
    ]

    class Moved(Message):
        """Other lines are shown, or the log has grown."""

    def __init__(self, path: Path, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._path = path
        self._page = EMPTY
        self._left = 0
        self._pending = 0
        self.follows = True
        """Whether the end is followed."""
        self.sought = ""
        """What was looked for last."""
        self._cancel = Event()

    @property
    def page(self) -> LogPage:
        """The lines that are shown."""
        return self._page

    @property
    def lab(self) -> LabApp:
        """The app, by its own type."""
        return cast("LabApp", self.app)

    async def action_do(self, identity: str) -> None:
        """What the keys of the table call."""
        await self.lab.dispatch(self, identity)

    async def catch_up(self) -> None:
        """Follow the end, if it is followed and there is something new."""
        if not self.is_mounted or not self.display or self.size.area == 0:
            return
        now = await self.lab.requests.in_thread(lambda: log_size(self._path))
        if now == self._page.size:
            return
        if self.follows or now < self._page.size or len(self._page.lines) < self.size.height:
            self._load(self._end)
        else:
            self._take(LogPage(self._page.lines, now))

    def on_mount(self) -> None:
        """Begin at the end."""
        self._load(self._end)

    def on_resize(self) -> None:
        """Another number of lines fits."""
        if self.follows:
            self._load(self._end)
        else:
            self._load(self._from(self._start))

    def on_unmount(self) -> None:
        """Nobody waits for a search any more."""
        self._cancel.set()

    @property
    def _start(self) -> int:
        return self._page.lines[0].start if self._page.lines else 0

    def _end(self) -> LogPage:
        return last_page(self._path, max(1, self.size.height))

    def _from(self, offset: int) -> Callable[[], LogPage]:
        return lambda: page_from(self._path, offset, max(1, self.size.height))

    def _load(self, read: Callable[[], LogPage]) -> None:
        async def work() -> None:
            self._take(await self.lab.requests.in_thread(read))

        if self.is_mounted and self.size.area:
            start(self, work, "log", exclusive=True)

    def _take(self, page: LogPage) -> None:
        if page == self._page:
            return
        before, self._page = self._page, page
        if before.lines != page.lines:
            self.refresh()
        self.post_message(self.Moved())

    # Moving

    def action_move(self, lines: int) -> None:
        """So many lines down, or up."""
        self._pending += lines
        if lines < 0:
            self.follows = False
        pending = self._pending

        def read() -> LogPage:
            return self._moved(pending)

        async def work() -> None:
            page = await self.lab.requests.in_thread(read)
            self._pending -= pending
            self.follows = page.at_end and lines > 0
            self._take(page)

        start(self, work, "log", exclusive=False)

    def _moved(self, lines: int) -> LogPage:
        height = max(1, self.size.height)
        if lines > 0:
            further = page_from(self._path, self._start, lines + height)
            if further.at_end:
                return last_page(self._path, height)
            return LogPage(further.lines[lines:], further.size)
        before = page_before(self._path, self._start, -lines)
        begin = before.lines[0].start if before.lines else 0
        return page_from(self._path, begin, height)

    def action_page(self, pages: int) -> None:
        """A screenful, less one line to keep one's place."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_side(self, steps: int) -> None:
        """Long lines are read sideways."""
        left = max(0, self._left + steps * SIDE_STEP)
        if left != self._left:
            self._left = left
            self.refresh()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self.action_move(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        self.action_move(-WHEEL_LINES)

    def do_end(self) -> None:
        """And follow it."""
        self.follows = True
        self._load(self._end)

    def do_start(self) -> None:
        """The first lines."""
        self.follows = False
        self._load(self._from(0))

    # Finding

    def do_find(self) -> None:
        """Type what to look for."""
        for pane in self.ancestors:
            if isinstance(pane, LogPane):
                pane.open_find()

    def why_not_next(self) -> str:
        """Something must have been looked for."""
        return "" if self.sought else "nothing is looked for; / asks for a text"

    why_not_previous = why_not_next

    def do_next(self) -> None:
        """Below the first line on the screen."""
        begin = self._page.lines[0].end if self._page.lines else 0
        self._find(begin, backwards=False)

    def do_previous(self) -> None:
        """Above it."""
        self._find(self._start, backwards=True)

    def seek(self, text: str) -> None:
        """Look for a text from the first line on the screen on, then from the start."""
        self.sought = text
        self.refresh()
        if text:
            self._find(self._start, backwards=False)

    def _find(self, offset: int, *, backwards: bool) -> None:
        self._cancel.set()
        cancel = self._cancel = Event()
        sought = self.sought

        def look() -> LogLine | None:
            found = find_line(
                self._path, sought, offset, backwards=backwards, cancelled=cancel.is_set
            )
            if found is None and not backwards and offset:
                return find_line(self._path, sought, 0, cancelled=cancel.is_set)
            return found

        async def work() -> None:
            found = await self.lab.requests.in_thread(look)
            if found is None:
                if not cancel.is_set():
                    self.lab.say(f"the log does not hold {sought!r}", "warning")
                return
            if found.start < offset and not backwards:
                self.lab.say("found from the start of the log on")
            self.follows = False
            self._load(self._from(found.start))

        self.lab.say(f"looking for {sought!r}")
        start(self, work, "find", exclusive=True)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line, cut to the width; what was looked for stands out by reverse video."""
        base = self.rich_style
        if y >= len(self._page.lines):
            nothing = "" if y or self._page.lines else "nothing written yet"
            return Strip([Segment(nothing, base + Style(dim=True))]).adjust_cell_length(
                self.size.width, base
            )
        text = safe_line(self._page.lines[y].text.expandtabs(8))
        strip = Strip(_marked(text, self.sought, base))
        return strip.crop(self._left, self._left + self.size.width).adjust_cell_length(
            self.size.width, base
        )


def _marked(text: str, sought: str, base: Style) -> list[Segment]:
    if not sought:
        return [Segment(text, base)]
    low, wanted = text.lower(), sought.lower()
    if len(low) != len(text):  # a letter whose lower case is two letters: do not mark wrongly
        return [Segment(text, base)]
    segments, begin = [], 0
    while (place := low.find(wanted, begin)) >= 0:
        segments.append(Segment(text[begin:place], base))
        end = place + len(wanted)
        segments.append(Segment(text[place:end], base + Style(reverse=True)))
        begin = end
    segments.append(Segment(text[begin:], base))
    return segments


class LogPane(Vertical):
    """A log with its find line; its title says where one is."""

    def __init__(self, path: Path, title: str, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self._title = title
        self.view = LogView(path, id="log")
        """The lines."""
        self.border_title = line(title)

    def compose(self) -> ComposeResult:
        """The find line is hidden until it is wanted."""
        yield FilterLine("a text in the log")
        yield self.view

    def open_find(self) -> None:
        """Type what to look for."""
        self.query_one(FilterLine).open()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        """Look for it."""
        event.stop()
        self.view.seek(event.text)

    def on_log_view_moved(self, event: LogView.Moved) -> None:
        """Where one is in the file."""
        event.stop()
        view, page = self.view, self.view.page
        if not page.size:
            where = "nothing written"
        elif view.follows:
            where = f"end of {size(page.size)}"
        else:
            share = page.lines[-1].end / page.size if page.lines else 0.0
            where = f"{share:.0%} of {size(page.size)}, G follows the end"
        title = line(f"{self._title}: {where}")
        if self.border_title != title:
            self.border_title = title
