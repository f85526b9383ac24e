"""The live charts of the overview: probes of each axis while a model is trained, then its results."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from screens.snapshots.curve_memory import CurveMemory, charted
from storage.catalog.queries import Row
from synthlab.analysis.headline import headlines_of

if TYPE_CHECKING:
    from synthlab.analysis.charts.descriptions import Chart, LineChart, Scale, Series

LOSS = "loss"
STEP = "optimiser step"


def axis_chart(
    catalog: sqlite3.Connection,
    axis: str,
    steps: Sequence[Row],
    results: Sequence[Row],
    turn: int,
    memory: CurveMemory | None = None,
) -> tuple[Chart | None, str]:
    """The chart of one axis, or why there is none.

    While a fine-tuning of the experiment goes on, or where nothing else is there yet, its probes;
    afterwards the headline results with their intervals. turn: how often another metric was asked for.
    """
    own = [row for row in results if row["axis"] == axis]
    trains = [step for step in _trainings(steps) if step["state"] in ("running", "succeeded")]
    is_training = any(step["state"] == "running" for step in trains)
    if is_training or not own:
        chart = _probe_chart(catalog, axis, trains, turn, memory or CurveMemory())
        if chart is not None:
            return chart, ""
    if own:
        return _result_chart(axis, own, turn), ""
    if any(step["axis"] == axis for step in steps):
        return None, f"{axis}\nnothing measured yet"
    return None, f"{axis}\nnot asked for in this experiment"


def loss_chart(
    catalog: sqlite3.Connection,
    steps: Sequence[Row],
    *,
    log: bool,
    smoothing: float,
    memory: CurveMemory | None = None,
) -> tuple[Chart | None, str]:
    """Training loss of every condition, or why there is none."""
    from synthlab.analysis.charts.descriptions import Axis, LineChart

    chosen = charted(_trainings(steps))
    curves = _curves(catalog, chosen.trains, LOSS, memory or CurveMemory())
    if not curves:
        return None, "training loss\nnothing trained yet"
    series = [part for one in curves for part in _smoothed(one, smoothing)]
    title = "training loss" + (f", smoothed {smoothing:g}" if smoothing else "") + chosen.note
    scale: Scale = "log" if log and any(y > 0 for one in series for y in one.y) else "linear"
    return LineChart(title, Axis(STEP), Axis("loss", scale, "nats"), tuple(series)), ""


def _probe_chart(
    catalog: sqlite3.Connection,
    axis: str,
    all_trains: Sequence[Row],
    turn: int,
    memory: CurveMemory,
) -> LineChart | None:
    from synthlab.analysis.charts.descriptions import Axis, LineChart, Series
    from synthlab.experiment.probes import PROBE_METRICS, REFERENCE_STEP

    chosen = charted(all_trains)
    reported = {name for step in chosen.trains for name in memory.names(catalog, step)}
    offered = [one for one in PROBE_METRICS.values() if one.axis == axis and one.name in reported]
    if not offered:
        return None
    metric = offered[turn % len(offered)]
    curves = _curves(catalog, chosen.trains, metric.name, memory)
    base = next(
        (one.y[0] for one in curves if one.x[0] == REFERENCE_STEP and math.isfinite(one.y[0])), None
    )
    if base is not None:
        last = max(one.x[-1] for one in curves)
        curves.insert(0, Series("vanilla", (0.0, last), (base, base), dim=True))
    title = f"{axis}: {metric.label} (probe, small n){chosen.note}"
    return LineChart(title, Axis(STEP), Axis(metric.label), tuple(curves))


def _curves(
    catalog: sqlite3.Connection, trains: Sequence[Row], name: str, memory: CurveMemory
) -> list[Series]:
    """One curve a condition, the mean of its finished seeds; what still trains has its own.

    A condition whose seeds are not all read yet is left out: a mean of some would be another number.
    """
    from synthlab.analysis.charts.collapse import Curve, merge_seeds
    from synthlab.analysis.charts.descriptions import Series

    done: list[Curve] = []
    going: list[Curve] = []
    found = [(step, memory.points(catalog, step, name)) for step in trains]
    unread = {step["condition"] for step, points in found if points is None}
    for step, points in found:
        if points and step["condition"] not in unread:
            x = tuple(float(point.step) for point in points)
            y = tuple(math.nan if point.value is None else point.value for point in points)
            curve = Curve(step["condition"] or step["label"], step["seed"], x, y, len(points))
            (going if step["state"] == "running" else done).append(curve)
    return [
        Series(one.condition if one.seed is None else f"{one.condition} s{one.seed}", one.x, one.y)
        for one in (*merge_seeds(done), *going)
    ]


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


def _smoothed(series: Series, factor: float) -> list[Series]:
    """The curve, or with a factor the raw curve dim and its exponential mean over it."""
    from dataclasses import replace

    from synthlab.analysis.smoothing import exponential_mean

    if not factor:
        return [series]
    return [replace(series, dim=True), replace(series, y=exponential_mean(series.y, factor))]
