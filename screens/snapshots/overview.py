"""What the overview shows, read at once and frozen."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.live import Reading
from screens.snapshots.axis_charts import axis_chart, loss_chart
from screens.snapshots.curve_memory import CurveMemory
from screens.snapshots.machine import Machine, read_machine
from storage.catalog.queries import (
    Row,
    experiment_results,
    experiment_steps,
    find_experiment,
    newest_experiment,
)
from synthlab.cli.words import duration
from synthlab.execution.eta import estimate_remaining, has_settled

if TYPE_CHECKING:
    from synthlab.analysis.charts.descriptions import Chart

AXES = ("collapse", "robustness", "bias")
UNFINISHED = ("running", "starting", "queued")
MOST_QUEUED = 200
MOST_ENDED = 20
"""The last runs that succeeded stand below the queue."""
SILENT_AFTER_S = 120.0
"""A running job reports at least every few seconds; this much silence is worth saying."""


@dataclass(frozen=True)
class ConditionRow:
    """One arm of the comparison: how far training and each axis are, seed by seed."""

    name: str
    seeds: tuple[int, ...]
    train: tuple[str, ...]
    """State of the fine-tuning of each seed; empty for a condition that is not trained."""
    axes: tuple[tuple[str, tuple[str, ...]], ...]
    """Axis → state of its measurement for each seed."""


@dataclass(frozen=True)
class QueueRow:
    """One run: going on, waiting, ended badly, or among the last that succeeded."""

    run_id: str
    label: str
    kind: str
    state: str
    reason: str
    priority: int
    share: float | None
    detail: str
    """`12 of 40 answers, 3.1/s`."""
    left_s: float | None
    silent_s: float | None
    """How long nothing was heard of a running job, where that is long."""


@dataclass(frozen=True)
class Overview:
    """Everything on the screen."""

    experiment: str
    description: str
    counts: tuple[tuple[str, int], ...]
    total: int
    remaining_s: float | None
    conditions: tuple[ConditionRow, ...]
    queue: tuple[QueueRow, ...]
    machine: Machine
    charts: tuple[tuple[str, Chart | None, str], ...]
    """Axis (or `loss`), its chart, and what stands there if it has none."""
    is_whole: bool = True
    """Whether the charts show all they can, or some curves are still to be read."""

    @property
    def waiting(self) -> int:
        """Runs that have not begun."""
        return dict(self.counts).get("queued", 0)

    @property
    def is_active(self) -> bool:
        """Whether anything runs or waits."""
        return any(state in UNFINISHED for state, _ in self.counts)


@dataclass(frozen=True)
class Wanted:
    """What the screen asks for."""

    experiment: str | None
    metrics: tuple[tuple[str, int], ...] = ()
    """How often the metric of an axis was turned on."""
    log_loss: bool = False
    smoothing: float = 0.0


def read_overview(
    reading: Reading, wanted: Wanted, memory: CurveMemory | None = None
) -> Overview | None:
    """Read it; None for a catalog without an experiment. memory: what earlier looks have read."""
    catalog = reading.catalog
    memory = memory or CurveMemory()
    memory.begin()
    row = find_experiment(catalog, wanted.experiment) if wanted.experiment else None
    row = row or newest_experiment(catalog)
    if row is None:
        return None
    steps = experiment_steps(catalog, row["id"])
    runs = list({step["id"]: step for step in reversed(steps)}.values())[::-1]
    counts = Counter(run["state"] for run in runs)
    charts = _charts(catalog, row["id"], steps, wanted, memory)
    return Overview(
        experiment=row["id"],
        description=row["description"] or "",
        counts=tuple(counts.items()),
        total=len(runs),
        remaining_s=_rounded(estimate_remaining(runs, reading.now))
        if _unfinished(counts)
        else None,
        conditions=_conditions(steps),
        queue=tuple(_queue(runs, reading.now)),
        machine=read_machine(reading, _active_elsewhere(catalog)),
        charts=charts,
        is_whole=memory.is_whole,
    )


def _unfinished(counts: Counter[str]) -> bool:
    return any(counts[state] for state in UNFINISHED)


def _conditions(steps: Sequence[Row]) -> tuple[ConditionRow, ...]:
    seeds: dict[str, dict[int, None]] = defaultdict(dict)
    train: dict[tuple[str, int], str] = {}
    measured: dict[tuple[str, str, int], str] = {}
    for step in steps:
        name, seed = step["condition"], step["seed"]
        if name is None:
            continue
        seeds[name][seed] = None
        if step["kind"] == "finetune":
            train[name, seed] = step["state"]
        elif step["axis"]:
            measured[step["axis"], name, seed] = step["state"]
    axes = [axis for axis in AXES if any(key[0] == axis for key in measured)]
    return tuple(
        ConditionRow(
            name,
            tuple(own),
            tuple(train[name, seed] for seed in own if (name, seed) in train),
            tuple(
                (axis, tuple(measured.get((axis, name, seed), "") for seed in own)) for axis in axes
            ),
        )
        for name, own in _in_order(seeds)
    )


def _in_order(seeds: Mapping[str, dict[int, None]]) -> list[tuple[str, list[int]]]:
    """Vanilla, the reference of all, first; the others in plan order; seeds by number."""
    names = sorted(seeds, key=lambda name: name != "vanilla")
    return [(name, sorted(seeds[name])) for name in names]


def _queue(runs: Sequence[Row], now: float) -> list[QueueRow]:
    states = ("running", "starting", "failed", "interrupted", "unknown", "queued", "cancelled")
    order = {state: place for place, state in enumerate(states)}
    shown = [run for run in runs if run["state"] in order]
    shown.sort(key=lambda run: order[run["state"]])
    ended = [run for run in runs if run["state"] == "succeeded" and run["ended_at"]]
    ended.sort(key=lambda run: -run["ended_at"])
    return [_queue_row(run, now) for run in (*shown[:MOST_QUEUED], *ended[:MOST_ENDED])]


def _queue_row(run: Row, now: float) -> QueueRow:
    done, total = run["progress_done"], run["progress_total"]
    detail, share = "", None
    if run["state"] == "running" and done is not None and total:
        share = min(1.0, done / total)
        detail = f"{done:g} of {total:g} {run['progress_unit'] or ''}".rstrip()
        if run["progress_rate"]:
            detail += f", {run['progress_rate']:.3g}/s"
    if run["state"] == "succeeded" and run["started_at"]:
        detail = f"took {duration(run['ended_at'] - run['started_at'])}"
    silent = now - run["heard_at"] if run["state"] == "running" and run["heard_at"] else 0.0
    return QueueRow(
        run["id"],
        run["label"],
        run["kind"],
        run["state"],
        run["reason"] or "",
        run["priority"],
        share,
        detail,
        _rounded(run["progress_eta_s"]) if has_settled(run) else None,
        silent if silent >= SILENT_AFTER_S else None,
    )


def _active_elsewhere(catalog: sqlite3.Connection) -> list[Row]:
    rows = catalog.execute(
        "SELECT id, label, state, needs_model, process FROM runs WHERE state IN ('running', 'starting')"
        " ORDER BY started_at"
    )
    return [dict(row) for row in rows]


def _charts(
    catalog: sqlite3.Connection,
    experiment: str,
    steps: Sequence[Row],
    wanted: Wanted,
    memory: CurveMemory,
) -> tuple[tuple[str, Chart | None, str], ...]:
    results = experiment_results(catalog, experiment)
    turns = dict(wanted.metrics)
    charts = []
    for axis in AXES:
        chart, empty = axis_chart(catalog, axis, steps, results, turns.get(axis, 0), memory)
        charts.append((axis, chart, empty))
    loss, empty = loss_chart(
        catalog, steps, log=wanted.log_loss, smoothing=wanted.smoothing, memory=memory
    )
    charts.append(("loss", loss, empty if memory.is_whole else "training loss\nreading"))
    return tuple(charts)


def _rounded(seconds: float | None) -> float | None:
    """To what a reader needs: a number that changes with every look would be drawn with every look."""
    if seconds is None:
        return None
    return round(seconds / 10) * 10.0 if seconds > 60 else round(seconds / 5) * 5.0
