"""The live charts of the overview: probes of each axis while a model is trained, then its results."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.catalog.queries import Row
from storage.catalog.series import SeriesPoint, bounded_series, reported_by
from synthlab.analysis.headline import headlines_of

if TYPE_CHECKING:
    from synthlab.analysis.charts.descriptions import Chart, LineChart, Scale, Series

PROBE = "probe/"
LOSS = "loss"
STEP = "optimiser step"


def axis_chart(
    catalog: sqlite3.Connection, axis: str, steps: Sequence[Row], results: Sequence[Row], turn: int
) -> tuple[Chart | None, str]:
    """The chart of one axis, or why there is none.

    While a fine-tuning of the experiment goes on, or where nothing else is there yet, its probes;
    afterwards the headline results with their intervals. turn: how often another metric was asked for.
    """
    own = [row for row in results if row["axis"] == axis]
    trains = [step for step in _trainings(steps) if step["state"] in ("running", "succeeded")]
    is_training = any(step["state"] == "running" for step in trains)
    if is_training or not own:
        chart = _probe_chart(catalog, axis, trains, turn)
        if chart is not None:
            return chart, ""
    if own:
        return _result_chart(axis, own, turn), ""
    if any(step["axis"] == axis for step in steps):
        return None, f"{axis}\nnothing measured yet"
    return None, f"{axis}\nnot asked for in this experiment"


def loss_chart(
    catalog: sqlite3.Connection, steps: Sequence[Row], *, log: bool, smoothing: float
) -> tuple[Chart | None, str]:
    """Training loss of every fine-tuning, or why there is none."""
    from synthlab.analysis.charts.descriptions import Axis, LineChart

    series = []
    for step in _trainings(steps):
        points = bounded_series(catalog, step["id"], LOSS)
        if points:
            series.extend(_smoothed(_series(_cell_name(step), points), smoothing))
    if not series:
        return None, "training loss\nnothing trained yet"
    title = "training loss" + (f", smoothed {smoothing:g}" if smoothing else "")
    scale: Scale = "log" if log and any(y > 0 for one in series for y in one.y) else "linear"
    return LineChart(title, Axis(STEP), Axis("loss", scale, "nats"), tuple(series)), ""


def _probe_chart(
    catalog: sqlite3.Connection, axis: str, trains: Sequence[Row], turn: int
) -> LineChart | None:
    from synthlab.analysis.charts.descriptions import Axis, LineChart

    names: dict[str, None] = {}
    for step in trains:
        names.update(dict.fromkeys(reported_by(catalog, step["id"])))
    offered = [
        name for name in names if name.startswith(f"{PROBE}{axis}/") and not name.endswith("/n")
    ]
    if not offered:
        return None
    name = offered[turn % len(offered)]
    series = [
        _series(_cell_name(step), points)
        for step in trains
        if (points := bounded_series(catalog, step["id"], name))
    ]
    if not series:
        return None
    title = f"{axis}: {name.rpartition('/')[2]} (probe, small n)"
    return LineChart(title, Axis(STEP), Axis(name.rpartition("/")[2]), tuple(series))


def _result_chart(axis: str, results: Sequence[Row], turn: int) -> Chart:
    from synthlab.analysis.charts.result_cells import result_bars

    names = list(dict.fromkeys(row["name"] for row in results if row["value"] is not None))
    heads = [headline.metric for headline in headlines_of(axis, names)] or names
    if not heads:
        heads = [results[0]["name"]]
    chosen = heads[turn % len(heads)]
    chart = result_bars(chosen, results, each_seed=False)
    from dataclasses import replace

    return replace(chart, title=f"{axis}: {chosen}")


def _trainings(steps: Sequence[Row]) -> list[Row]:
    """One row for each fine-tuning, under its first label."""
    seen: dict[str, Row] = {}
    for step in steps:
        if step["kind"] == "finetune":
            seen.setdefault(step["id"], step)
    return list(seen.values())


def _cell_name(step: Row) -> str:
    return f"{step['condition'] or step['label']} s{step['seed']}"


def _series(name: str, points: Sequence[SeriesPoint]) -> Series:
    from synthlab.analysis.charts.descriptions import Series

    return Series(
        name,
        tuple(float(point.step) for point in points),
        tuple(math.nan if point.value is None else point.value for point in points),
    )


def _smoothed(series: Series, factor: float) -> list[Series]:
    """The curve, or with a factor the raw curve dim and its exponential mean over it."""
    from dataclasses import replace

    from synthlab.analysis.smoothing import exponential_mean

    if not factor:
        return [series]
    return [replace(series, dim=True), replace(series, y=exponential_mean(series.y, factor))]
