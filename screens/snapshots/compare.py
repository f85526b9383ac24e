"""What can be compared in an experiment, and the comparison itself, worked out beside the event loop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from screens.live import Reading
from screens.snapshots.axis_charts import axis_chart, loss_chart
from storage.catalog.connection import open_reader
from storage.catalog.queries import Row, experiment_steps, find_experiment, newest_experiment
from storage.home import LabHome

if TYPE_CHECKING:
    from synthlab.analysis.charts.descriptions import Chart
    from synthlab.analysis.comparison import Comparison, ConfigDifference

AXES = ("collapse", "robustness", "bias")
ChartKind = Literal["intervals", "loss", "probes", "plane"]
CHART_KINDS: tuple[ChartKind, ...] = ("intervals", "loss", "probes", "plane")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Wanted:
    """What the screen asks the catalog for."""

    experiment: str | None
    conditions: tuple[str, ...] = ()
    """Whose curves are wanted; empty for all."""
    axis: str = ""
    kind: ChartKind = "intervals"
    turn: int = 0
    """How often another probe was asked for."""
    log: bool = False
    smoothing: float = 0.0


@dataclass(frozen=True)
class Basis:
    """What there is to compare."""

    experiment: str
    conditions: tuple[str, ...]
    """All of the experiment, `vanilla` first, the others as planned."""
    measured: tuple[tuple[str, tuple[str, ...]], ...]
    """Axis → conditions that have a finished measurement on it."""
    stamp: str
    """Another one as soon as a measurement is finished or made again."""
    curves: Chart | None
    why_no_curves: str

    @property
    def axes(self) -> tuple[str, ...]:
        """Those that were measured."""
        return tuple(axis for axis, _ in self.measured)

    def on(self, axis: str) -> tuple[str, ...]:
        """Conditions measured on an axis, in the order of the experiment."""
        return dict(self.measured).get(axis, ())


@dataclass(frozen=True)
class Question:
    """One comparison that can be asked for; equal questions have equal answers."""

    experiment: str
    conditions: tuple[str, ...]
    """Baseline first."""
    is_whole: bool
    """Whether these are all conditions that the axis has."""
    axis: str
    stamp: str


@dataclass(frozen=True)
class Answer:
    """A finished comparison with every setting of the compared conditions."""

    comparison: Comparison
    settings: tuple[ConfigDifference, ...]
    """All inputs; those that differ are in the comparison."""


def read_basis(reading: Reading, wanted: Wanted) -> Basis | None:
    """Read it; None for a catalog without an experiment."""
    catalog = reading.catalog
    row = find_experiment(catalog, wanted.experiment) if wanted.experiment else None
    row = row or newest_experiment(catalog)
    if row is None:
        return None
    steps = experiment_steps(catalog, row["id"])
    curves, why = None, ""
    own = [
        step for step in steps if not wanted.conditions or step["condition"] in wanted.conditions
    ]
    if wanted.kind == "loss":
        curves, why = loss_chart(catalog, own, log=wanted.log, smoothing=wanted.smoothing)
    elif wanted.kind == "probes":
        curves, why = axis_chart(catalog, wanted.axis, own, [], wanted.turn)
        why = why and f"{wanted.axis}: no probe was taken while these were trained"
    return Basis(row["id"], _conditions(steps), _measured(steps), _stamp(steps), curves, why)


def _conditions(steps: Sequence[Row]) -> tuple[str, ...]:
    names = dict.fromkeys(step["condition"] for step in steps if step["condition"] is not None)
    return tuple(sorted(names, key=lambda name: name != "vanilla"))


def _measured(steps: Sequence[Row]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    done = {
        (step["axis"], step["condition"])
        for step in steps
        if step["axis"] and step["state"] == "succeeded"
    }
    order = _conditions(steps)
    found = ((axis, tuple(name for name in order if (axis, name) in done)) for axis in AXES)
    return tuple((axis, names) for axis, names in found if names)


def _stamp(steps: Sequence[Row]) -> str:
    digest = hashlib.sha256()
    for step in steps:
        if step["axis"] and step["state"] == "succeeded":
            digest.update(f"{step['id']} {step['digest']} {step['condition']}\n".encode())
    return digest.hexdigest()


def answer(home: LabHome, question: Question, progress: Progress) -> Answer:
    """Compare; seconds for the first time, from a file afterwards. For a thread of its own.

    Raises NotFoundError and UsageError where these conditions cannot be compared.
    """
    from synthlab.analysis.compare_conditions import compare_conditions
    from synthlab.analysis.config_differences import all_settings

    names = [f"{question.experiment}:{name}" for name in question.conditions]
    words = [question.experiment] if question.is_whole else names
    with closing(open_reader(home)) as connection:
        comparison = compare_conditions(
            connection,
            home,
            words,
            axis=question.axis,
            baseline=question.conditions[0],
            progress=progress,
        )
        return Answer(comparison, all_settings(connection, home, question.experiment, comparison))


def plane(home: LabHome, experiment: str, metric: str | None, progress: Progress) -> Chart:
    """All conditions by two metrics, `metric` to the right; for a thread of its own.

    Raises NotFoundError and UsageError.
    """
    from synthlab.analysis.charts.pareto import pareto_chart
    from synthlab.analysis.pareto import pareto_plane

    with closing(open_reader(home)) as connection:
        found = pareto_plane(connection, home, experiment, x=metric, progress=progress)
        return pareto_chart(found)
