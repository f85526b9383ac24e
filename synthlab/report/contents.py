"""What a report is made of, read once: the experiment, its steps and results, items and comparisons."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.catalog.connection import open_reader
from storage.catalog.queries import (
    Row,
    experiment_results,
    experiment_steps,
    find_experiment,
    metric_series,
    metrics_reported,
    run_details,
)
from storage.home import LabHome
from synthlab.analysis.bias_comparison import BiasComparison, compare_judges
from synthlab.analysis.compare_conditions import compare_conditions
from synthlab.analysis.comparison import Comparison
from synthlab.analysis.expected import ExpectedTable, check_expectations
from synthlab.analysis.measured import MeasuredCell, read_cells
from synthlab.analysis.pareto import ParetoPlane, pareto_plane
from synthlab.errors import NotFoundError, UsageError
from synthlab.experiment.load import parse_spec
from synthlab.lineage.harmful import harmful_sets
from synthlab.lineage.hops import trace

_PLANES = ((None, None), ("self-bleu-4", "ppl2-log"), ("self-bleu-4", "distinct-2"))
"""The first two axes; within the first where the second has no values, such as withheld biases."""


@dataclass(frozen=True)
class Step:
    """One step of the experiment and the run that did it."""

    row: Row
    params: Mapping[str, Any]
    info: Mapping[str, Any]
    """What its manifest says of the output; empty for a run that has not succeeded."""
    process: Mapping[str, Any]
    inputs: Mapping[str, str]
    """Run ids by role."""
    notes: tuple[str, ...]
    """What its job had to tell."""

    @property
    def label(self) -> str:
        """`finetune/human.s0`."""
        return str(self.row["label"])

    @property
    def kind(self) -> str:
        """`finetune`."""
        return str(self.row["kind"])

    @property
    def run_id(self) -> str:
        """The run that did it."""
        return str(self.row["id"])

    @property
    def is_finished(self) -> bool:
        """Whether it has an output."""
        return bool(self.row["state"] == "succeeded")


@dataclass(frozen=True)
class Failed:
    """Something that could not be compared, and why."""

    axis: str
    reason: str


@dataclass(frozen=True)
class Contents:
    """Everything that is known of one experiment."""

    home: LabHome
    experiment: Row
    steps: tuple[Step, ...]
    results: Sequence[Row]
    cells: Mapping[str, Sequence[MeasuredCell]]
    """Finished measurements by axis, in plan order; an axis without any is not there."""
    series: Mapping[str, Mapping[str, Sequence[Row]]]
    """Points of what was reported while training, by metric and run."""
    comparisons: tuple[Comparison, ...]
    judges: BiasComparison | None
    not_compared: tuple[Failed, ...]
    plane: ParetoPlane | None
    """Conditions by two metrics; None where nothing can be compared."""
    foretold: ExpectedTable | None
    """What the file said would come, with what came; None where it says nothing."""
    harmful_sets: frozenset[str]
    """Prompt sets whose texts must be asked for."""

    @property
    def id(self) -> str:
        """`demo.1`."""
        return str(self.experiment["id"])

    @property
    def conditions(self) -> tuple[str, ...]:
        """In the order in which they are measured."""
        measured = [s.row["condition"] for s in self.steps if s.row["axis"]]
        trained = [s.row["condition"] for s in self.steps if s.row["condition"]]
        return tuple(dict.fromkeys([*measured, *trained]))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the steps, ascending."""
        return tuple(sorted({s.row["seed"] for s in self.steps if s.row["seed"] is not None}))

    def of_kind(self, *kinds: str) -> list[Step]:
        """Finished steps of these kinds, in plan order."""
        return [step for step in self.steps if step.kind in kinds and step.is_finished]

    def of_run(self, run_id: str) -> Step | None:
        """The step that a run of this experiment did."""
        return next((step for step in self.steps if step.run_id == run_id), None)


def read_contents(home: LabHome, experiment: str, *, swaps: int) -> Contents:
    """Read an experiment and compare its conditions on every axis that has two of them.

    experiment: an id or a name. swaps: of each corpus metric. Raises NotFoundError if there is no
    such experiment, or nothing of it is measured.
    """
    connection = open_reader(home)
    try:
        found = find_experiment(connection, experiment)
        if found is None:
            raise NotFoundError(
                f"there is no experiment {experiment!r}", "`synthlab experiments` lists them"
            )
        identity = str(found["id"])
        results = experiment_results(connection, identity)
        if not results:
            raise NotFoundError(
                f"{identity}: nothing is measured yet",
                f"`synthlab show {identity}` tells how far it is",
            )
        rows = experiment_steps(connection, identity)
        steps = tuple(_step(row, run_details(connection, row["id"])) for row in rows)
        axes = dict.fromkeys(str(row["axis"]) for row in results)
        cells = {axis: read_cells(connection, home, identity, axis) for axis in axes}
        series = {
            name: {step.run_id: metric_series(connection, step.run_id, name) for step in steps}
            for name in metrics_reported(connection, identity)
        }
        compared, failed = _compare(connection, home, identity, tuple(cells), swaps)
        plane = _plane(connection, home, identity, swaps)
        foretold = _check_foretold(connection, home, found, swaps)
        lineage = trace(connection, [step.run_id for step in steps if step.row["axis"]])
        harmful = frozenset[str]().union(*harmful_sets(connection, lineage).values())
    finally:
        connection.close()
    return Contents(
        home,
        found,
        steps,
        results,
        cells,
        series,
        compared,
        _judges(cells),
        failed,
        plane,
        foretold,
        harmful,
    )


def _step(row: Row, details: Mapping[str, Sequence[Row]]) -> Step:
    params, info, process = (
        json.loads(row[name]) if row[name] else {} for name in ("params", "info", "process")
    )
    inputs = {one["role"]: one["input_run_id"] for one in details["inputs"]}
    notes = tuple(str(one["text"]) for one in details["notes"])
    return Step(row, params, info, process, inputs, notes)


def _compare(
    connection: sqlite3.Connection,
    home: LabHome,
    experiment: str,
    axes: Sequence[str],
    swaps: int,
) -> tuple[tuple[Comparison, ...], tuple[Failed, ...]]:
    compared, failed = [], []
    for axis in axes:
        try:
            found = compare_conditions(connection, home, [experiment], axis=axis, swaps=swaps)
        except (UsageError, NotFoundError) as error:
            failed.append(Failed(axis, error.message))
        else:
            compared.append(found)
    return tuple(compared), tuple(failed)


def _plane(
    connection: sqlite3.Connection, home: LabHome, experiment: str, swaps: int
) -> ParetoPlane | None:
    """Two axes if both have values to show, else two metrics of one axis."""
    for x, y in _PLANES:
        try:
            plane = pareto_plane(connection, home, experiment, x=x, y=y, swaps=swaps)
        except (UsageError, NotFoundError):
            # Fewer than two conditions, or not measured: the limits say what is not compared.
            continue
        shown = [p for p in plane.points if math.isfinite(p.x.value) and math.isfinite(p.y.value)]
        if len(shown) > 1:
            return plane
    return None


def _check_foretold(
    connection: sqlite3.Connection, home: LabHome, experiment: Row, swaps: int
) -> ExpectedTable | None:
    entries = parse_spec(experiment["spec_text"], Path(experiment["file"])).expected
    if not entries:
        return None
    return check_expectations(connection, home, experiment["id"], entries, swaps=swaps)


def _judges(cells: Mapping[str, Sequence[MeasuredCell]]) -> BiasComparison | None:
    panel = cells.get("bias", ())
    conditions = list(dict.fromkeys(cell.condition for cell in panel))
    return compare_judges(panel, conditions) if panel else None
