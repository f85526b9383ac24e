"""What runs reported, kept between two looks: an experiment of thousands of runs is read bit by bit."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from storage.catalog.growing_series import GrowingSeries
from storage.catalog.queries import Row
from storage.catalog.series import SeriesPoint, reported_by

MOST_CONDITIONS = 12
"""More curves than this in one chart cannot be told apart."""
READ_S = 0.1
"""Processor time that a look spends on series it has not read before."""
ENDED = ("succeeded", "failed", "cancelled", "interrupted")


@dataclass(frozen=True)
class Charted:
    """The trainings of the conditions that a chart has room for."""

    trains: tuple[Row, ...]
    conditions: int
    """How many there are in all."""

    @property
    def note(self) -> str:
        """For the title, where some are left out."""
        left_out = self.conditions > MOST_CONDITIONS
        return f", {MOST_CONDITIONS} of {self.conditions} conditions" if left_out else ""


def charted(trains: Sequence[Row]) -> Charted:
    """The first conditions in plan order, those that train at the moment before all."""
    by_condition: dict[str, list[Row]] = {}
    for step in trains:
        by_condition.setdefault(step["condition"] or step["label"], []).append(step)
    going = [
        name
        for name, steps in by_condition.items()
        if any(step["state"] == "running" for step in steps)
    ]
    if len(by_condition) <= MOST_CONDITIONS:
        return Charted(tuple(trains), len(by_condition))
    chosen = list(dict.fromkeys([*going, *by_condition]))[:MOST_CONDITIONS]
    kept = [step for step in trains if (step["condition"] or step["label"]) in chosen]
    return Charted(tuple(kept), len(by_condition))


class CurveMemory:
    """Series by run and metric. What has ended is read once; what goes on, only where it is new.

    Belongs to one thread. budget_s: processor time for unread series between two calls of `begin`;
    one series is read in any case. By processor time, so that a busy machine shows the same.
    """

    def __init__(self, budget_s: float = math.inf) -> None:
        self._budget_s = budget_s
        self._left_s = budget_s
        self._has_read = False
        self._series: dict[tuple[str, int, str, str], GrowingSeries] = {}
        self._ended: dict[tuple[str, int, str, str], tuple[SeriesPoint, ...]] = {}
        self._names: dict[tuple[str, int, str], tuple[str, ...]] = {}
        self.is_whole = True
        """Whether nothing that was asked for since `begin` had to wait."""

    def begin(self) -> None:
        """Another look."""
        self._left_s = self._budget_s
        self._has_read = False
        self.is_whole = True

    def names(self, catalog: sqlite3.Connection, step: Row) -> Sequence[str]:
        """Metrics that a run has reported."""
        key = _key(step)
        if key in self._names:
            return self._names[key]
        names = tuple(reported_by(catalog, step["id"]))
        if step["state"] in ENDED:
            self._names[key] = names
        return names

    def points(
        self, catalog: sqlite3.Connection, step: Row, name: str
    ) -> tuple[SeriesPoint, ...] | None:
        """A series in bounded size; None if its turn comes with a later look."""
        key = (*_key(step), name)
        if key in self._ended:
            return self._ended[key]
        if key not in self._series:
            if self._left_s <= 0 and self._has_read:
                self.is_whole = False
                return None
            self._has_read = True
            self._series[key] = GrowingSeries(step["id"], name)
        begun = time.thread_time()
        points = self._series[key].look(catalog, math.inf).points
        self._left_s -= time.thread_time() - begun
        if step["state"] in ENDED:
            self._ended[key] = points
            del self._series[key]
        return points


def _key(step: Row) -> tuple[str, int, str]:
    # Another attempt may report a step again, and the end of a run is worth a fresh look.
    return (step["id"], step["attempt"] or 0, step["state"])
