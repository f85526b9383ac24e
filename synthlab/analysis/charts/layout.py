"""What stands around a chart: title, legend, axes, notes; the less room, the less of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from synthlab.analysis.charts.descriptions import Axis
from synthlab.analysis.charts.grid import BOLD, DIM, Grid, Sheet, Style, cell_width, cut
from synthlab.analysis.charts.palette import Look
from synthlab.analysis.charts.scales import Ruler, Tick
from synthlab.text import safe_line

LONGEST_LABEL = 500
"""Letters of a text that are looked at; no terminal shows more in one line."""
_CELLS_PER_X_TICK = 9


@dataclass(frozen=True)
class Area:
    """Cells inside the frame."""

    top: int
    left: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        return self.top + self.height

    def column(self, place: float) -> int:
        """The column of the sheet for a place on the x axis: 0 is the first cell's centre."""
        return self.left + round(place * (self.width - 1))

    def row(self, place: float) -> int:
        """The row of the sheet for a place on the y axis."""
        return self.bottom - 1 - round(place * (self.height - 1))


@dataclass(frozen=True)
class Room:
    """How many rows each part of a chart gets."""

    legend: int
    ticks: int
    frame: int
    axis: int
    notes: int

    @property
    def below(self) -> int:
        return self.frame + self.ticks + self.axis + self.notes


@dataclass(frozen=True)
class LegendEntry:
    """One name beside the marker that the chart shows it with."""

    text: str
    look: Look


def clean(text: str) -> str:
    """A text of the data as it may stand in a drawing."""
    return safe_line(text[:LONGEST_LABEL])


def share_rows(height: int, legend: Sequence[str], notes: Sequence[str], width: int) -> Room:
    """Give out the rows: a chart of four rows has a title and a canvas, others come as rows do."""
    legend_rows = len(wrap(legend, width, 3)) if height >= 7 and legend else 0
    note_rows = min(len(note_lines(notes, width)), (height - 10) // 4) if height >= 14 else 0
    return Room(
        legend=min(legend_rows, 1 if height < 12 else 2 if height < 16 else 4),
        ticks=1 if height >= 5 else 0,
        frame=1 if height >= 6 else 0,
        axis=1 if height >= 8 else 0,
        notes=max(0, note_rows),
    )


def wrap(texts: Sequence[str], width: int, gap: int) -> list[list[int]]:
    """Numbers of the texts for each line when they are set one after the other."""
    lines: list[list[int]] = [[]]
    used = 0
    for i, text in enumerate(texts):
        size = min(cell_width(text), width)
        if lines[-1] and used + gap + size > width:
            lines.append([])
            used = 0
        used += size + (gap if lines[-1] else 0)
        lines[-1].append(i)
    return lines if texts else []


def note_lines(notes: Sequence[str], width: int) -> list[str]:
    """The notes cut into lines at blanks."""
    lines = []
    for note in notes:
        line = ""
        for word in clean(note).split(" "):
            if line and cell_width(line) + 1 + cell_width(word) > width:
                lines.append(line)
                line = ""
            line = f"{line} {word}" if line else word
        lines.append(cut(line, width))
    return lines


def draw_title(sheet: Sheet, title: str) -> None:
    """The first row."""
    sheet.write(0, 0, cut(clean(title), sheet.width), BOLD)


def draw_legend(sheet: Sheet, entries: Sequence[LegendEntry], rows: int) -> tuple[str, ...]:
    """Markers and names below the title; returns the entries that found no room, as notes."""
    texts = [f"{entry.look.marker} {clean(entry.text)}" for entry in entries]
    lines = wrap(texts, sheet.width, 3)
    for row, line in enumerate(lines[:rows]):
        column = 0
        for i in line:
            shown = cut(texts[i], sheet.width - column)
            sheet.write(1 + row, column, shown)
            sheet.write(1 + row, column, entries[i].look.marker, Style(entries[i].look.colour))
            column += cell_width(shown) + 3
    hidden = [texts[i] for line in lines[rows:] for i in line]
    return (f"not in the legend: {', '.join(hidden)}",) if hidden else ()


def draw_notes(sheet: Sheet, notes: Sequence[str], room: int) -> tuple[str, ...]:
    """Dim lines in at most the last `room` rows; returns all notes if one of them has no place."""
    lines = note_lines(notes, sheet.width)
    shown = lines[:room]
    for row, line in enumerate(shown):
        sheet.write(sheet.height - len(shown) + row, 0, line, DIM)
    return tuple(clean(note) for note in notes) if len(lines) > room else ()


def axis_text(axis: Axis, ruler: Ruler) -> str:
    """The label of an axis with its unit and scale: `training time (min), log`."""
    text = clean(axis.label)
    if ruler.suffix and ruler.suffix not in text:
        text += f" ({ruler.suffix})"
    return text + (", log" if ruler.scale == "log" else "")


def draw_x_axis(sheet: Sheet, area: Area, ruler: Ruler, room: Room, text: str) -> None:
    """Frame line, tick labels and the name of the axis below the canvas."""
    ticks = fitting_ticks(ruler, area, sheet.width)
    row = area.bottom
    if room.frame:
        sheet.write(row, area.left - 1, "└" + "─" * area.width, DIM)
        for tick in ticks:
            sheet.write(row, area.column(tick.place), "┬", DIM)
        row += 1
    if room.ticks:
        for tick in ticks:
            sheet.write(row, _start(tick, area, sheet.width), tick.label)
        row += 1
    if room.axis:
        shown = cut(text, sheet.width)
        middle = area.left + (area.width - cell_width(shown)) // 2
        sheet.write(row, max(0, min(middle, sheet.width - cell_width(shown))), shown, DIM)


def fitting_ticks(ruler: Ruler, area: Area, width: int) -> tuple[Tick, ...]:
    """As many x ticks as stand side by side with a blank between them; else the limits."""
    if ruler.names:
        each = max(1, area.width // len(ruler.names) - 1)
        named = (Tick(tick.place, cut(clean(tick.label), each)) for tick in ruler.named_ticks())
        return tuple(named)
    for most in range(max(4, area.width // _CELLS_PER_X_TICK), 1, -1):
        ticks = ruler.ticks(most)
        if len(ticks) > 1 and _stand_apart(ticks, area, width):
            return ticks
    limits = ruler.limit_ticks()
    return limits if _stand_apart(limits, area, width) else limits[:1]


def _stand_apart(ticks: Sequence[Tick], area: Area, width: int) -> bool:
    spans = [(_start(tick, area, width), len(tick.label)) for tick in ticks]
    return all(a + size < b for (a, size), (b, _) in itertools.pairwise(spans))


def _start(tick: Tick, area: Area, width: int) -> int:
    size = cell_width(tick.label)
    return max(0, min(area.column(tick.place) - size // 2, width - size))


def draw_y_axis(sheet: Sheet, area: Area, ticks: Sequence[Tick]) -> None:
    """The line left of the canvas and its labels."""
    for row in range(area.top, area.bottom):
        sheet.write(row, area.left - 1, "│", DIM)
    for tick in ticks:
        row = area.row(tick.place)
        label = cut(tick.label, area.left - 1)
        sheet.write(row, area.left - 1 - cell_width(label), label)
        sheet.write(row, area.left - 1, "┤", DIM)


def y_ticks(ruler: Ruler, height: int) -> tuple[Tick, ...]:
    """Y ticks on rows of their own; on a low canvas that has no two round values, the limits."""
    for most in range(max(2, (height + 1) // 2), 1, -1):
        ticks = ruler.ticks(most)
        rows = [round(tick.place * (height - 1)) for tick in ticks]
        if len(ticks) > 1 and len(set(rows)) == len(rows):
            return ticks
    return ruler.limit_ticks() if height > 1 else ()


def label_width(texts: Sequence[str], width: int) -> int:
    """Cells for a column of labels: what they need, but never more than a third of the chart."""
    return min(max((cell_width(clean(text)) for text in texts), default=0), max(3, width // 3))


def message(width: int, height: int, title: str, text: str) -> Grid:
    """A chart that cannot be drawn: its title and why, in a grid of the asked size all the same."""
    sheet = Sheet(width, height)
    draw_title(sheet, title)
    for row, line in enumerate(note_lines([text], max(1, width))):
        sheet.write(1 + row, 0, line, DIM)
    fits = height > len(note_lines([text], max(1, width))) and width >= 8
    return sheet.finish(() if fits else (clean(text),))
