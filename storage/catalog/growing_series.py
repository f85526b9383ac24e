"""A metric series that is followed while it grows: read in slices of time, never twice, never whole."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

from storage.catalog.series import (
    MOST_POINTS,
    SeriesKey,
    SeriesPoint,
    extremes,
    is_longer_than,
    point_at,
    series_key,
    step_bounds,
    whole_series,
)

SAMPLES = 150
"""Stretches that show a point of theirs before they are read: enough for the shape of a curve."""


@dataclass(frozen=True)
class SeriesView:
    """What is known of a series so far."""

    points: tuple[SeriesPoint, ...] = ()
    exact: bool = True
    """Whether every stretch shows its true extremes; until then some show the first point they have."""


class GrowingSeries:
    """One metric of one run, for whoever looks again and again.

    A short series is read whole. A long one is cut into stretches of steps; a look shows the extremes
    of those that were read before its deadline and a sample of the others. A stretch that is complete
    is not read again; as the series grows, stretches are joined two by two.
    """

    def __init__(self, run_id: str, name: str, most: int = MOST_POINTS) -> None:
        self._run_id = run_id
        self._name = name
        self._most = most
        self._key: SeriesKey | None = None
        self._origin = 0
        self._stretch = 0
        self._last = -1
        self._read: dict[int, frozenset[SeriesPoint]] = {}
        self._samples: dict[int, SeriesPoint] = {}
        self._view = SeriesView()

    def look(self, connection: sqlite3.Connection, deadline: float) -> SeriesView:
        """Read on until the series is known or `deadline` (of time.monotonic) has passed."""
        self._key = self._key or series_key(connection, self._run_id, self._name)
        bounds = step_bounds(connection, self._key) if self._key else None
        if self._key is None or bounds is None:
            return SeriesView()
        if not self._stretch and not is_longer_than(connection, self._key, self._most):
            if bounds[1] != self._last:
                self._last = bounds[1]
                self._view = SeriesView(whole_series(connection, self._key))
            return self._view
        if bounds[1] == self._last and self._stretch and self._view.exact:
            return self._view
        self._grow(*bounds)
        self._sample(connection, self._key, deadline)
        done = self._scan(connection, self._key, deadline)
        points: set[SeriesPoint] = set().union(*self._read.values())
        points.update(point for place, point in self._samples.items() if place not in self._read)
        newest = point_at(connection, self._key, bounds[1])
        if newest.value is not None:
            points.add(newest)
        self._view = SeriesView(tuple(sorted(points, key=lambda point: point.step)), done)
        return self._view

    def _grow(self, first: int, last: int) -> None:
        if not self._stretch:
            self._origin = first
            self._stretch = max(1, -(-(last - first + 1) // max(1, self._most // 2)))
        elif last != self._last:
            # The stretch that was the last one has more steps now.
            self._read.pop(self._place(self._last), None)
        self._last = last
        while self._place(last) >= self._most:
            self._join()

    def _join(self) -> None:
        self._stretch *= 2
        joined: dict[int, frozenset[SeriesPoint]] = {}
        for place in sorted({place // 2 for place in self._read}):
            both = [self._read.get(2 * place), self._read.get(2 * place + 1)]
            if both[0] is not None and both[1] is not None:
                points = both[0] | both[1]
                defined = [(p.value, p) for p in points if p.value is not None]
                joined[place] = frozenset(
                    choose(defined, key=lambda pair: pair[0])[1] for choose in (min, max) if defined
                )
        self._read = joined
        self._samples = {}

    def _place(self, step: int) -> int:
        return (step - self._origin) // self._stretch

    def _sample(self, connection: sqlite3.Connection, key: SeriesKey, deadline: float) -> None:
        places = self._place(self._last) + 1
        for place in range(0, places, max(1, places // SAMPLES)):
            if place in self._read or place in self._samples:
                continue
            if time.monotonic() >= deadline:
                return
            row = connection.execute(
                "SELECT step, value, time FROM metrics WHERE run = ? AND name = ? AND step >= ?"
                " AND step < ? AND value IS NOT NULL ORDER BY step LIMIT 1",
                (*key, *self._range(place)),
            ).fetchone()
            if row is not None:
                self._samples[place] = SeriesPoint(*row)

    def _scan(self, connection: sqlite3.Connection, key: SeriesKey, deadline: float) -> bool:
        for place in range(self._place(self._last), -1, -1):
            if place in self._read:
                continue
            if time.monotonic() >= deadline:
                return False
            self._read[place] = frozenset(extremes(connection, key, *self._range(place)))
        return True

    def _range(self, place: int) -> tuple[int, int]:
        begin = self._origin + place * self._stretch
        return begin, begin + self._stretch
