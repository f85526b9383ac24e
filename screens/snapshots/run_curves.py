"""Curves of one run, or of several over each other: every metric that was reported while they ran."""

from __future__ import annotations

import bisect
import math
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from storage.catalog.growing_series import GrowingSeries, SeriesView
from storage.catalog.series import SeriesPoint, reported_by

if TYPE_CHECKING:
    from synthlab.analysis.charts.descriptions import Axis, LineChart, Series

XAxis = Literal["step", "tokens", "time"]
X_AXES: tuple[XAxis, ...] = ("step", "tokens", "time")
TOKENS = "tokens"
"""The metric that says how many tokens a run had read at a step."""
FIRST = ("loss", "eval_loss")
PROBE = "probe/"
LEAST_SMOOTHED = 30
"""A curve of fewer points shows better as it is."""
FIRST_LOOK_S = 0.05
LATER_LOOK_S = 0.1


@dataclass(frozen=True)
class CurveRun:
    """A run whose curves are drawn."""

    run_id: str
    label: str
    attempt: int
    state: str
    started_at: float | None


@dataclass(frozen=True)
class CurvesWanted:
    """Which curves, and how they are drawn."""

    page: int = 0
    per_page: int = 4
    x: XAxis = "step"
    log: bool = False
    smoothing: float = 0.0


@dataclass(frozen=True)
class Curves:
    """A page of charts."""

    charts: tuple[tuple[str, LineChart], ...] = ()
    page: int = 0
    pages: int = 1
    names: int = 0
    exact: bool = True
    """Whether every stretch shows its true extremes, or some are still being read."""
    has_tokens: bool = False


class CurveReader:
    """Remembers what it has read, so that a look costs what is new. Belongs to the reader's thread."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, int, str, str], GrowingSeries] = {}
        self._has_looked = False

    def read(
        self, catalog: sqlite3.Connection, runs: Sequence[CurveRun], wanted: CurvesWanted
    ) -> Curves:
        """The wanted page; the first run is drawn last, over the others."""
        budget = LATER_LOOK_S if self._has_looked else FIRST_LOOK_S
        self._has_looked = True
        deadline = time.monotonic() + budget
        reported = {run.run_id: reported_by(catalog, run.run_id) for run in runs}
        has_tokens = any(TOKENS in names for names in reported.values())
        names = _in_order({name for names in reported.values() for name in names} - {TOKENS})
        pages = max(1, -(-len(names) // wanted.per_page))
        page = wanted.page % pages
        charts, exact = [], True
        for name in names[page * wanted.per_page :][: wanted.per_page]:
            series: list[Series] = []
            for run in reversed(runs):
                if name in reported[run.run_id]:
                    view = self._view(catalog, run, name, deadline)
                    exact = exact and view.exact
                    tokens = (
                        self._view(catalog, run, TOKENS, deadline).points
                        if wanted.x == "tokens"
                        else ()
                    )
                    curve = _curve(run, name, view, tokens, wanted.x, alone=len(runs) == 1)
                    if curve is not None:
                        series += _smoothed(curve, wanted.smoothing, raw=len(runs) == 1)
            charts.append((name, _chart(name, series, wanted)))
        return Curves(tuple(charts), page, pages, len(names), exact, has_tokens)

    def _view(
        self, catalog: sqlite3.Connection, run: CurveRun, name: str, deadline: float
    ) -> SeriesView:
        # Another attempt may report a step again, and the end of a run is worth a fresh look.
        key = (run.run_id, run.attempt, run.state, name)
        if key not in self._series:
            self._series[key] = GrowingSeries(run.run_id, name)
        return self._series[key].look(catalog, deadline)


def _in_order(names: set[str]) -> list[str]:
    def place(name: str) -> tuple[int, str]:
        if name in FIRST:
            return FIRST.index(name), name
        return (2 if name.startswith(PROBE) else 3), name

    return sorted(names, key=place)


def _curve(
    run: CurveRun,
    name: str,
    view: SeriesView,
    tokens: Sequence[SeriesPoint],
    x_axis: XAxis,
    *,
    alone: bool,
) -> Series | None:
    from synthlab.analysis.charts.descriptions import Series

    x = tuple(_places(run, view.points, tokens, x_axis))
    if not x:
        return None
    y = tuple(math.nan if point.value is None else point.value for point in view.points)
    return Series(name if alone else run.label, x, y)


def _places(
    run: CurveRun, points: Sequence[SeriesPoint], tokens: Sequence[SeriesPoint], x_axis: XAxis
) -> Sequence[float]:
    if x_axis == "step":
        return [float(point.step) for point in points]
    if x_axis == "time":
        begin = run.started_at if run.started_at is not None else points[0].time if points else 0
        return [point.time - begin for point in points]
    known = [(point.step, point.value) for point in tokens if point.value is not None]
    return [tokens_at(point.step, known) for point in points] if known else []


def tokens_at(step: int, known: Sequence[tuple[int, float]]) -> float:
    """Tokens read at a step, on straight lines between the steps that reported it and from zero."""
    place = bisect.bisect_left(known, (step, -math.inf))
    if place < len(known) and known[place][0] == step:
        return known[place][1]
    before = known[place - 1] if place else (0, 0.0)
    if place == len(known):
        # Beyond the last report: at the pace that led there.
        return before[1] * step / before[0] if before[0] else before[1]
    after = known[place]
    share = (step - before[0]) / (after[0] - before[0])
    return before[1] + share * (after[1] - before[1])


def _smoothed(curve: Series, factor: float, *, raw: bool) -> list[Series]:
    from synthlab.analysis.smoothing import exponential_mean

    if not factor or len(curve.y) < LEAST_SMOOTHED:
        return [curve]
    smooth = replace(curve, y=exponential_mean(curve.y, factor))
    # Raw curves of several runs over each other would hide what is compared.
    return [replace(curve, dim=True), smooth] if raw else [smooth]


def _chart(name: str, series: Sequence[Series], wanted: CurvesWanted) -> LineChart:
    from synthlab.analysis.charts.descriptions import Axis, LineChart

    title = name
    if name.startswith(PROBE):
        title = f"{name.removeprefix(PROBE)} (probe, small n)"
    if wanted.smoothing and any(len(one.y) >= LEAST_SMOOTHED for one in series):
        title += f", smoothed {wanted.smoothing:g}"
    is_log = wanted.log and any(y > 0 for one in series for y in one.y)
    return LineChart(
        title, _x_axis(wanted.x), Axis("", "log" if is_log else "linear"), tuple(series)
    )


def _x_axis(x: XAxis) -> Axis:
    from synthlab.analysis.charts.descriptions import Axis

    if x == "time":
        return Axis("since the start", unit="s")
    return Axis("tokens", unit="tokens") if x == "tokens" else Axis("step")
