"""Boxes, bars and distributions: one name a row or more, over one value axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from synthlab.analysis.charts.descriptions import (
    Axis,
    Bar,
    BarChart,
    Box,
    BoxChart,
    Histogram,
    Sample,
    quantile,
)
from synthlab.analysis.charts.grid import DIM, Grid, Sheet, Style, cell_width, cut
from synthlab.analysis.charts.layout import (
    Area,
    Room,
    axis_text,
    clean,
    draw_notes,
    draw_title,
    draw_x_axis,
    label_width,
    message,
    share_rows,
)
from synthlab.analysis.charts.palette import Look, looks
from synthlab.analysis.charts.scales import Ruler, ruler, short

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_STEPS = " ▁▂▃▄▅▆▇█"
_FEWEST_BINS = 5


@dataclass(frozen=True)
class _Rows:
    """A sheet with its frame drawn, and which rows belong to which name."""

    sheet: Sheet
    area: Area
    ruler: Ruler
    room: Room
    shown: int
    """Names that have rows; the others are told in a note."""
    each: int
    """Rows of one name."""
    notes: tuple[str, ...]
    spare: int
    """Rows at the foot that neither names nor axis need."""

    def top(self, number: int) -> int:
        return self.area.top + number * self.each

    def finish(self) -> Grid:
        return self.sheet.finish(draw_notes(self.sheet, self.notes, self.spare))


@dataclass(frozen=True)
class _Labels:
    """The texts left and right of the rows."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    looks: tuple[Look, ...]


def draw_boxes(chart: BoxChart, width: int, height: int) -> Grid:
    """Quartile boxes with whiskers, median, mean and outliers; n stands beside each."""
    usable = [box for box in chart.boxes if box.n]
    if not usable:
        return message(width, height, chart.title, _nothing(chart.axis, len(chart.boxes)))
    values = [v for b in usable for v in (b.low, b.high, b.median, b.mean, *b.outliers)]
    left_out = sum(box.left_out for box in chart.boxes)
    notes = chart.notes
    if left_out:
        reason = "not above 0" if chart.axis.scale == "log" else "not finite"
        notes = (*notes, f"{left_out} values are left out: {reason}")
    names = [box.name for box in chart.boxes]
    labels = _Labels(tuple(names), tuple(f"n={box.n}" for box in chart.boxes), looks(names))
    made = _frame(
        chart.title, chart.axis, notes, labels, ruler(chart.axis, values), width, height, 4
    )
    for i, box in enumerate(chart.boxes[: made.shown]):
        if box.n:
            _put_box(made, box, i, Style(labels.looks[i].colour))
    return made.finish()


def _put_box(made: _Rows, box: Box, number: int, style: Style) -> None:
    sheet, area = made.sheet, made.area
    thick = made.each >= 3
    middle = made.top(number) + (1 if thick else 0)
    low, first, median, third, high, mean = (
        _column(made, v)
        for v in (box.low, box.lower_quartile, box.median, box.upper_quartile, box.high, box.mean)
    )
    for outlier in box.outliers:
        place = made.ruler.place(outlier)
        if place is not None and 0 <= place <= 1:
            sheet.write(middle, area.column(place), "∘", style)
    sheet.write(
        middle, low, "├" + "─" * max(0, high - low - 1) + ("┤" if high > low else ""), style
    )
    if thick:
        inner = max(0, third - first - 1)
        for row, left, fill, right in (
            (middle - 1, "┌", "─", "┐"),
            (middle, "┤", " ", "├"),
            (middle + 1, "└", "─", "┘"),
        ):
            sheet.write(row, first, left + fill * inner + (right if third > first else ""), style)
        for row, sign in ((middle - 1, "┬"), (middle, "│"), (middle + 1, "┴")):
            sheet.write(row, median, sign, style)
    else:
        sheet.write(middle, first, "▒" * (third - first + 1), style)
        sheet.write(middle, median, "┃", style)
    sheet.write(middle, mean, "◆", Style(bold=True))


def draw_bars(chart: BarChart, width: int, height: int) -> Grid:
    """Bars from zero with their intervals; value and n stand beside each."""
    known = [bar for bar in chart.bars if _drawable(bar.value, chart.axis)]
    has_limits = chart.axis.lower is not None and chart.axis.upper is not None
    if not known and not (chart.bars and has_limits):
        reason = next((bar.reason for bar in chart.bars if bar.reason), "")
        return message(width, height, chart.title, reason or _nothing(chart.axis, len(chart.bars)))
    values = [v for bar in known for v in (bar.value, bar.low, bar.high)]
    scale = ruler(chart.axis, values, zero=True)
    right = tuple(
        f"{'≠ ' if b.is_unlike else ''}"
        f"{short(b.value / scale.factor) if math.isfinite(b.value) else '—'}"
        + (f" n={b.n}" if b.n is not None else "")
        for b in chart.bars
    )
    labels = _Labels(
        tuple(bar.name for bar in chart.bars), right, looks([b.name for b in chart.bars])
    )
    made = _frame(chart.title, chart.axis, chart.notes, labels, scale, width, height, 2)
    _put_zero_line(made)
    for i, bar in enumerate(chart.bars[: made.shown]):
        if _drawable(bar.value, chart.axis):
            _put_bar(made, bar, made.top(i), labels.looks[i])
        else:
            text = cut(clean(bar.reason or "undefined"), made.area.width)
            made.sheet.write(made.top(i), made.area.left, text, DIM)
    return made.finish()


def _put_zero_line(made: _Rows) -> None:
    """Where bars start, if that is inside the canvas; names without a value have it too."""
    base = made.ruler.clamp(0.0)
    if base and made.ruler.scale != "log":
        for row in range(made.area.top, made.area.bottom):
            made.sheet.write(row, made.area.column(base), "│", DIM)


def _put_bar(made: _Rows, bar: Bar, row: int, look: Look) -> None:
    sheet, area, scale = made.sheet, made.area, made.ruler
    base = 0.0 if scale.scale == "log" else scale.clamp(0.0) or 0.0
    end = scale.clamp(bar.value) or 0.0
    style = Style(look.colour)
    start, cells = area.left + base * area.width, (end - base) * area.width
    if cells >= 0:
        first, full = round(start), int(cells)
        text = "█" * full + _EIGHTHS[int((cells - full) * 8)]
        sheet.write(row, first, text[: area.width].rstrip(), style)
    else:
        full = max(1, round(-cells))
        sheet.write(row, max(area.left, round(start) - full), "█" * full, style)
    if base > 0:
        sheet.write(row, area.column(base), "│", DIM)
    low, high = scale.clamp(bar.low), scale.clamp(bar.high)
    if low is None or high is None:
        return
    first, last = area.column(low), area.column(high)
    text = "├" + "─" * max(0, last - first - 1) + ("┤" if last > first else "")
    sheet.write(row, first, text, Style(bold=True))
    sheet.write(row, area.column(end), look.marker, Style(look.colour, bold=True))


def draw_histogram(chart: Histogram, width: int, height: int) -> Grid:
    """Shares of each sample in common bins; median and n stand beside each."""
    usable = {s.name: _usable(s, chart.axis) for s in chart.samples}
    values = [value for kept in usable.values() for value in kept]
    if not values:
        return message(width, height, chart.title, _nothing(chart.axis, len(chart.samples)))
    scale = ruler(chart.axis, values)
    names = [sample.name for sample in chart.samples]
    right = tuple(_centre(usable[name], scale.factor) for name in names)
    left_out = sum(len(s.values) - len(usable[s.name]) for s in chart.samples)
    notes = [*chart.notes]
    if left_out:
        reason = "not finite, or not above 0" if chart.axis.scale == "log" else "not finite"
        notes.append(f"{left_out} values are left out: {reason}")
    bins = _bin_count(max(map(len, usable.values())), width)
    shares = [_shares(usable[name], scale, bins) for name in names]
    highest = max(max(row) for row in shares) or 1.0
    notes.append(f"height: share of the sample in a bin; the highest is {highest:.0%}")
    labels = _Labels(tuple(names), right, looks(names))
    made = _frame(chart.title, chart.axis, tuple(notes), labels, scale, width, height, 6, bins)
    for i, row in enumerate(shares[: made.shown]):
        rows = made.each - (1 if made.each >= 3 else 0)
        heights = [share / highest * rows for share in row]
        _put_columns(made, made.top(i), rows, heights, Style(labels.looks[i].colour))
    return made.finish()


def _put_columns(made: _Rows, top: int, rows: int, heights: Sequence[float], style: Style) -> None:
    area = made.area
    for column in range(area.width):
        filled = heights[min(len(heights) - 1, column * len(heights) // area.width)]
        for row in range(rows):
            part = min(1.0, max(0.0, filled - (rows - 1 - row)))
            step = round(part * 8)
            # A bin that is not empty shows at least its lowest step.
            if row == rows - 1 and filled > 0:
                step = max(1, step)
            made.sheet.overlay(top + row, area.left + column, _STEPS[step], style)


def _frame(
    title: str,
    axis: Axis,
    notes: tuple[str, ...],
    labels: _Labels,
    scale: Ruler,
    width: int,
    height: int,
    most_rows: int,
    parts: int = 1,
) -> _Rows:
    """Draw all but the data; every name gets the same number of rows, at most `most_rows`.

    parts: the width of the canvas is a multiple of this, where it is large enough.
    """
    sheet = Sheet(width, height)
    room = _room(height, len(labels.left), notes, width)
    left = label_width([f"  {name}" for name in labels.left], width) + 2
    right = max(map(cell_width, labels.right), default=0) + 1
    right = right if width - left - right >= max(10, width // 3) else 0
    rows = max(1, height - 1 - room.below)
    columns = max(1, width - left - right)
    columns -= columns % parts if columns >= parts else 0
    count = len(labels.left)
    shown = min(count, rows)
    each = max(1, min(most_rows, rows // max(1, count)))
    if shown < count:
        notes = (*notes, f"{count - shown} of {count} rows are not shown: the chart is too low")
    if not right:
        told = zip(labels.left, labels.right, strict=True)
        notes = (*notes, "; ".join(f"{clean(name)}: {text}" for name, text in told))
    used = Area(1, left, columns, max(1, min(rows, each * shown)))
    draw_title(sheet, title)
    spare = room.notes + rows - used.height
    made = _Rows(sheet, used, scale, room, shown, each, notes, spare)
    _draw_labels(made, labels, right)
    for row in range(used.top, used.bottom):
        sheet.write(row, left - 1, "│", DIM)
    draw_x_axis(sheet, used, scale, room, axis_text(axis, scale))
    if shown < count and room.below:
        sheet.write(used.bottom, 0, cut(f"+{count - shown} more", left - 1), DIM)
    return made


def _room(height: int, names: int, notes: tuple[str, ...], width: int) -> Room:
    """Rows around the canvas; on a low chart a name's row comes before all but the tick labels."""
    room = share_rows(height, (), notes, width)
    missing = names - (height - 1 - room.below)
    for part in ("notes", "axis", "frame"):
        given = min(max(0, missing), getattr(room, part))
        room = replace(room, **{part: getattr(room, part) - given})
        missing -= given
    return room


def _draw_labels(made: _Rows, labels: _Labels, right: int) -> None:
    sheet, area = made.sheet, made.area
    for i in range(made.shown):
        look = labels.looks[i]
        row = made.top(i) + (1 if made.each >= 3 else 0)
        sheet.write(row, 0, look.marker, Style(look.colour))
        sheet.write(row, 2, cut(clean(labels.left[i]), area.left - 3))
        if right:
            sheet.write(row, sheet.width - cell_width(labels.right[i]), labels.right[i], DIM)


def _column(made: _Rows, value: float) -> int:
    return made.area.column(made.ruler.clamp(value) or 0.0)


def _drawable(value: float, axis: Axis) -> bool:
    return math.isfinite(value) and (axis.scale == "linear" or value > 0)


def _usable(sample: Sample, axis: Axis) -> list[float]:
    return [value for value in sample.values if _drawable(value, axis)]


def _centre(values: list[float], factor: float) -> str:
    if not values:
        return "n=0"
    middle = quantile(sorted(values), 0.5)
    return f"median {short(middle / factor, 3)} n={len(values)}"


def _bin_count(n: int, width: int) -> int:
    """Twice the cube root of n (the Rice rule), as far as there are columns for it."""
    return max(_FEWEST_BINS, min(width // 3, math.ceil(2 * math.cbrt(n))))


def _shares(values: list[float], scale: Ruler, bins: int) -> list[float]:
    counts = [0] * bins
    for value in values:
        place = scale.place(value)
        if place is not None and 0 <= place <= 1:
            counts[min(bins - 1, int(place * bins))] += 1
    return [count / len(values) if values else 0.0 for count in counts]


def _nothing(axis: Axis, count: int) -> str:
    if not count:
        return "nothing to show"
    return "no value is finite" + (" and above 0" if axis.scale == "log" else "")
