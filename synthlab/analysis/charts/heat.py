"""Heatmaps: numbers in shaded cells, readable without colour."""

from __future__ import annotations

import math

from synthlab.analysis.charts.descriptions import Heatmap
from synthlab.analysis.charts.grid import DIM, Grid, Sheet, Style, cell_width, cut
from synthlab.analysis.charts.layout import (
    clean,
    draw_notes,
    draw_title,
    label_width,
    message,
    share_rows,
)
from synthlab.analysis.charts.scales import short

# Viridis (van der Walt and Smith 2015) at exact entries of the 256-colour palette.
_SHADES = ("#5f005f", "#5f5f87", "#005f87", "#00875f", "#5faf5f", "#afd700", "#ffff00")
_DARK_TEXT_FROM = 4
_DENSITY = "░▒▓█"
_HOLE = "·"
_WIDEST_CELL = 12


def draw_heatmap(chart: Heatmap, width: int, height: int) -> Grid:
    """One row of cells a row; numbers where they fit, else densities; holes are dots."""
    known = [v for row in chart.values for v in row if math.isfinite(v)]
    if not known:
        return message(width, height, chart.title, "no value is finite")
    low, high = min(known), max(known)
    left = label_width(chart.rows, width) + 1
    cell = min(_WIDEST_CELL, max(1, (width - left) // len(chart.columns)))
    columns = min(len(chart.columns), max(0, width - left) // cell)
    notes = _notes(chart, low, high)
    room = share_rows(height, (), notes, width)
    head = 2 if height >= 5 and cell >= 3 else 1
    rows = min(len(chart.rows), max(1, height - head - room.notes))
    if rows < len(chart.rows) or columns < len(chart.columns):
        shown = (
            f"shown: {rows} of {len(chart.rows)} rows, {columns} of {len(chart.columns)} columns"
        )
        notes = (shown, *notes)
    sheet = Sheet(width, height)
    draw_title(sheet, chart.title)
    if head == 2:
        for j, name in enumerate(chart.columns[:columns]):
            text = cut(clean(name), cell - 1)
            sheet.write(1, left + j * cell + (cell - cell_width(text)) // 2, text)
    for i, name in enumerate(chart.rows[:rows]):
        sheet.write(head + i, 0, cut(clean(name), left - 1))
        for j, value in enumerate(chart.values[i][:columns]):
            text, style = _cell(value, low, high, cell, is_marked=(i, j) in chart.marked)
            sheet.write(head + i, left + j * cell, text, style)
    return sheet.finish(draw_notes(sheet, notes, height - head - rows))


def _notes(chart: Heatmap, low: float, high: float) -> tuple[str, ...]:
    label = clean(chart.label) or "values"
    n = "" if chart.n is None else f", n={chart.n}"
    spread = f"{label}: {short(low)} (dark, ░) to {short(high)} (bright, █){n}; {_HOLE} no value"
    return (spread, *chart.notes)


def _cell(
    value: float, low: float, high: float, cell: int, *, is_marked: bool
) -> tuple[str, Style]:
    if not math.isfinite(value):
        return _HOLE.center(cell), DIM
    # Halved: the span of the two ends of the float range is no float.
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span > 0 else 0.5
    shade = min(len(_SHADES) - 1, int(share * len(_SHADES)))
    number = f"[{short(value, 3)}]" if is_marked else short(value, 3)
    text = number.center(cell)
    if len(number) > cell - 1:
        text = _DENSITY[min(3, int(share * 4))] * cell
        return text, Style(_SHADES[shade])
    colour = "#000000" if shade >= _DARK_TEXT_FROM else "#ffffff"
    return text, Style(colour, _SHADES[shade])
