"""Curves cut down to what a canvas can show: two points a column, nothing outside the window."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple


class Point(NamedTuple):
    """A place on the canvas, 0 to 1 from left to right and from bottom to top."""

    x: float
    y: float


Path = tuple[Point, ...]
"""Points joined by straight lines; one point alone is a dot."""


def decimate(points: Sequence[Point], columns: int) -> Path:
    """Keep of each column of the canvas its lowest and highest point, in their order, and both ends.

    What a line of braille dots would show is kept; the number of points is at most 2 a column + 2.
    Points need not be sorted: a column is a run of neighbouring points that share it.
    """
    if len(points) <= 2 * columns:
        return tuple(points)
    kept: list[Point] = [points[0]]
    start = 0
    for i in range(1, len(points) + 1):
        if i < len(points) and _column(points[i], columns) == _column(points[start], columns):
            continue
        chunk = range(start, i)
        lowest = min(chunk, key=lambda k: points[k].y)
        highest = max(chunk, key=lambda k: points[k].y)
        kept.extend(points[k] for k in sorted({lowest, highest}))
        start = i
    kept.append(points[-1])
    return tuple(p for i, p in enumerate(kept) if i == 0 or p != kept[i - 1])


def _column(point: Point, columns: int) -> int:
    return int(min(1e6, max(-1e6, point.x)) * columns)


def pieces(points: Sequence[Point | None]) -> list[tuple[Point, ...]]:
    """Cut at the gaps."""
    found: list[list[Point]] = [[]]
    for point in points:
        if point is None:
            found.append([])
        else:
            found[-1].append(point)
    return [tuple(part) for part in found if part]


def clip_path(points: Sequence[Point]) -> list[Path]:
    """The parts of a path that lie inside the unit square."""
    if len(points) == 1:
        return [tuple(points)] if _inside(points[0]) else []
    found: list[list[Point]] = []
    for start, end in itertools.pairwise(points):
        segment = clip_segment(start, end)
        if segment is None:
            continue
        first, last = segment
        if found and found[-1][-1] == first:
            found[-1].append(last)
        else:
            found.append([first, last])
    return [tuple(part) for part in found]


def clip_segment(start: Point, end: Point) -> tuple[Point, Point] | None:
    """The part of a segment inside the unit square, or None (Liang and Barsky 1984)."""
    dx, dy = end.x - start.x, end.y - start.y
    enter, leave = 0.0, 1.0
    for slope, room in (
        (-dx, start.x),
        (dx, 1.0 - start.x),
        (-dy, start.y),
        (dy, 1.0 - start.y),
    ):
        if slope == 0:
            if room < 0:
                return None
            continue
        at = room / slope
        if slope < 0:
            enter = max(enter, at)
        else:
            leave = min(leave, at)
    if enter > leave:
        return None
    first = start if enter == 0.0 else Point(start.x + enter * dx, start.y + enter * dy)
    last = end if leave == 1.0 else Point(start.x + leave * dx, start.y + leave * dy)
    return _pressed(first), _pressed(last)


def _inside(point: Point) -> bool:
    return 0.0 <= point.x <= 1.0 and 0.0 <= point.y <= 1.0


def _pressed(point: Point) -> Point:
    """Rounding may leave an end a hair outside, clipped or not."""
    return Point(min(1.0, max(0.0, point.x)), min(1.0, max(0.0, point.y)))
