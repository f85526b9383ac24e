"""The bridge from a chart to the terminal: drawn in one thread, refreshed row by row, only if changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from screens.live import start
from synthlab.text import safe_line

if TYPE_CHECKING:
    from screens.app import LabApp
    from synthlab.analysis.charts.descriptions import Chart
    from synthlab.analysis.charts.grid import Grid, Style


class ChartView(Widget, can_focus=True):
    """A chart in as many cells as the widget has; `enter` asks for it on the whole screen."""

    DEFAULT_CSS = """
    ChartView { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    ChartView:focus { background: $surface; }
    """
    BINDINGS = [("enter", "enlarge", "enlarge")]

    class Enlarge(Message):
        """The user wants this chart on the whole screen."""

        def __init__(self, view: ChartView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> ChartView:
            """The chart that was asked for."""
            return self.view

    def __init__(self, *, id: str | None = None, empty: str = "", compact: bool = False) -> None:
        """compact: leave the notes to the enlarged chart, where there is room for them."""
        super().__init__(id=id)
        self._compact = compact
        self.chart: Chart | None = None
        self.grid: Grid | None = None
        self._empty = empty
        self._drawn: tuple[object, ...] = ()

    def show(self, chart: Chart | None, empty: str = "") -> None:
        """Draw another chart, or say why there is none; an equal chart costs nothing."""
        self._empty = empty or self._empty
        self.chart = chart
        self._ask_to_draw()

    def on_resize(self) -> None:
        """Another size is another drawing."""
        self._ask_to_draw()

    def notify_style_update(self) -> None:
        """Another theme: the same signs in other colours."""
        super().notify_style_update()
        self.refresh()

    def action_enlarge(self) -> None:
        """Tell whoever holds this widget."""
        if self.chart is not None:
            self.post_message(self.Enlarge(self))

    def _ask_to_draw(self) -> None:
        if self.is_mounted and self.display and self.size.area:
            start(self, self._draw, "draw", exclusive=True)

    async def _draw(self) -> None:
        # All charts are drawn in one thread of the app: the figure of plotext is one global object.
        app = cast("LabApp", self.app)
        wanted = (self.chart, self.size, app.symbols, self._empty)
        if wanted == self._drawn:
            return
        chart, size, symbols, empty = wanted
        if chart is None:
            grid = await asyncio.get_running_loop().run_in_executor(
                app.drawing, _say, empty, size.width, size.height
            )
        else:
            drawn = replace(chart, notes=()) if self._compact else chart
            grid = await asyncio.get_running_loop().run_in_executor(
                app.drawing, _draw, drawn, size.width, size.height, symbols
            )
        self._drawn = wanted
        self._replace(grid, size)

    def _replace(self, grid: Grid, size: Size) -> None:
        before, self.grid = self.grid, grid
        if before is None or (before.width, before.height) != (grid.width, grid.height):
            self.refresh()
            return
        changed = [y for y, row in enumerate(grid.rows) if row != before.rows[y]]
        if changed:
            self.refresh(*(Region(0, y, size.width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        """One row of the drawing; cells without a colour of their own get the theme's."""
        base = self.rich_style
        if self.grid is None or y >= len(self.grid.rows):
            return Strip.blank(self.size.width, base)
        segments = [
            Segment(safe_line(run.text), base + _rich(run.style)) for run in self.grid.rows[y]
        ]
        return Strip(segments).adjust_cell_length(self.size.width, base)


def _draw(chart: Chart, width: int, height: int, symbols: str) -> Grid:
    # Imported after the first paint: plotext takes a tenth of a second.
    from synthlab.analysis.charts.adapter import draw
    from synthlab.analysis.charts.sizes import MAX_HEIGHT, MAX_WIDTH

    return draw(chart, min(width, MAX_WIDTH), min(height, MAX_HEIGHT), symbols)  # type: ignore[arg-type]


def _say(text: str, width: int, height: int) -> Grid:
    from synthlab.analysis.charts.grid import DIM, Sheet

    sheet = Sheet(width, height)
    lines = _wrapped(text, max(1, width - 2))
    for row, one in enumerate(lines, max(0, (height - len(lines)) // 2)):
        sheet.write(row, max(0, (width - len(one)) // 2), one, DIM)
    return sheet.finish()


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return [part for line in text.splitlines() for part in textwrap.wrap(line, width) or [""]]


_STYLES: dict[Style, RichStyle] = {}


def _rich(style: Style) -> RichStyle:
    known = _STYLES.get(style)
    if known is None:
        known = _STYLES[style] = RichStyle(
            color=style.colour, bgcolor=style.background, bold=style.bold, dim=style.dim
        )
    return known
