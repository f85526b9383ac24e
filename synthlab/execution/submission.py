"""An experiment on its way from a client to the supervisor, and what the supervisor makes of it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from storage.catalog.connection import write_transaction
from storage.catalog.experiments import (
    Experiment,
    ExperimentStep,
    index_experiment,
    read_experiment,
    write_experiment,
)
from storage.catalog.ingest import index_run
from storage.home import LabHome
from storage.rundir import RunDir, RunId, RunInput, RunSpec, new_run_id
from synthlab.errors import NotAtHandError
from synthlab.execution.resolve import Action, StepStatus, resolve
from synthlab.experiment.steps import Cell, Step, StepAlias, StepInput


@dataclass(frozen=True)
class Submission:
    """An experiment file with the steps that its plan lists."""

    name: str
    description: str
    file: str
    spec_text: str
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        """As the arguments of a request."""
        return {**asdict(self), "steps": [asdict(step) for step in self.steps]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Submission:
        """Read the arguments of a request."""
        steps = tuple(_step_from_json(step) for step in value["steps"])
        return cls(**{**value, "steps": steps})


def _step_from_json(value: Mapping[str, Any]) -> Step:
    return Step(
        **{
            **value,
            "inputs": tuple(StepInput(**given) for given in value["inputs"]),
            "cell": _cell_from_json(value["cell"]),
            "aliases": tuple(
                StepAlias(alias["label"], _cell_from_json(alias["cell"]))
                for alias in value["aliases"]
            ),
        }
    )


def _cell_from_json(value: Mapping[str, Any] | None) -> Cell | None:
    return Cell(**value) if value is not None else None


def accept(
    connection: sqlite3.Connection, home: LabHome, submission: Submission, now: float
) -> dict[str, Any]:
    """Queue what is not cached and record the experiment; returns what the client shows.

    Directories come first and the catalog last: if the power fails in between, the same request is
    handled again and finds the runs that it already queued. Raises NotAtHandError if something that a
    step needs is not on this machine.
    """
    statuses = resolve(connection, home, submission.steps)
    refuse_blocked(submission.name, statuses.values())
    run_ids: dict[str, RunId] = {}
    for step in submission.steps:
        run_ids[step.label] = _prepare_run(home, statuses[step.label], run_ids, now)
    experiment = _experiment(connection, home, submission, run_ids, now)
    write_experiment(home, experiment)
    with write_transaction(connection):
        for label, status in statuses.items():
            if status.action in (Action.RUN, Action.RESUME):
                index_run(connection, RunDir(home.run(run_ids[label])))
        index_experiment(connection, experiment)
    counts = Counter(status.action.value for status in statuses.values())
    return {"experiment": experiment.id, "runs": run_ids, "actions": dict(counts)}


def refuse_blocked(name: str, statuses: Iterable[StepStatus]) -> None:
    """Raises NotAtHandError that lists everything a person has to bring here before this can run."""
    reasons = [s.step.blocked for s in statuses if s.action is Action.BLOCKED and s.step.blocked]
    if reasons:
        listed = "\n  ".join(dict.fromkeys(reasons))
        raise NotAtHandError(
            f"{name} cannot run here yet:\n  {listed}",
            f"synthlab plan {name} shows what waits for it, and what it would cost",
        )


def _prepare_run(
    home: LabHome, status: StepStatus, run_ids: Mapping[str, RunId], now: float
) -> RunId:
    step = status.step
    if status.run_id is not None:
        if status.action is Action.RESUME:
            directory = RunDir(home.run(status.run_id))
            directory.archive_attempt()
            directory.relocate(step.locate, step.observing)
        return status.run_id
    run_id = new_run_id()
    spec = RunSpec(
        run_id=run_id,
        kind=step.kind,
        key=step.key,
        label=step.label,
        params=step.params,
        inputs=tuple(RunInput(given.role, run_ids[given.step]) for given in step.inputs),
        locate=step.locate,
        needs_model=step.needs_model,
        created_at=now,
        observing=step.observing,
    )
    RunDir(home.run(run_id)).create(spec)
    return run_id


def _experiment(
    connection: sqlite3.Connection,
    home: LabHome,
    submission: Submission,
    run_ids: Mapping[str, RunId],
    now: float,
) -> Experiment:
    digest = hashlib.sha256(submission.spec_text.encode()).hexdigest()
    rows = connection.execute(
        "SELECT id, revision, spec_sha256 FROM experiments WHERE name = ? ORDER BY revision",
        (submission.name,),
    ).fetchall()
    same = next((row for row in rows if row["spec_sha256"] == digest), None)
    revision = same["revision"] if same else (rows[-1]["revision"] + 1 if rows else 1)
    identity = f"{submission.name}.{revision}"
    created = read_experiment(home.experiment(identity)).created_at if same else now
    steps = tuple(
        ExperimentStep(
            alias.label,
            run_ids[step.label],
            alias.cell.condition if alias.cell else None,
            alias.cell.seed if alias.cell else None,
            alias.cell.axis if alias.cell else None,
        )
        for step in submission.steps
        for alias in (StepAlias(step.label, step.cell), *step.aliases)
    )
    return Experiment(
        identity,
        submission.name,
        revision,
        submission.description,
        submission.file,
        digest,
        submission.spec_text,
        created,
        steps,
    )
