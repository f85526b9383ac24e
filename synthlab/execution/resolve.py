"""What a plan still has to do: which steps are cached, which run, which resume, and why."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from storage.home import LabHome
from storage.rundir import RunDir, RunId
from synthlab.experiment.keys import plan_difference
from synthlab.experiment.steps import Step

ACTIVE = ("queued", "starting", "running")
ENDED_BADLY = ("failed", "cancelled", "interrupted", "unknown")


class Action(StrEnum):
    """What `run` would do about a step."""

    CACHED = "cached"
    WAIT = "wait"
    """An equal run is queued or running already; it will be shared."""
    RESUME = "resume"
    RUN = "run"
    BLOCKED = "blocked"
    """It needs something that is not on this machine."""


@dataclass(frozen=True)
class StepStatus:
    """One line of a plan."""

    step: Step
    action: Action
    run_id: RunId | None
    """The run that does or did the step; None where a new one is needed."""
    reason: str


@dataclass(frozen=True)
class _Candidate:
    run_id: RunId
    state: str
    reason: str
    digest: str | None
    inputs: Mapping[str, tuple[RunId, str | None]]
    """By role: the run that was read, and the content it had then."""


def resolve(
    connection: sqlite3.Connection,
    home: LabHome,
    steps: Iterable[Step],
    previous: Mapping[str, Mapping[str, object]] | None = None,
) -> dict[str, StepStatus]:
    """Judge every step in topological order, by its label.

    A step is cached only if a run with its key succeeded *and* read inputs whose content is what
    they hold now: no number can come from data that has since been made again.
    previous: parameters of the same labels in an earlier revision, to say what changed.
    """
    found: dict[str, StepStatus] = {}
    for step in steps:
        found[step.label] = _resolve_step(connection, home, step, found, previous or {})
    return found


def _resolve_step(
    connection: sqlite3.Connection,
    home: LabHome,
    step: Step,
    found: Mapping[str, StepStatus],
    previous: Mapping[str, Mapping[str, object]],
) -> StepStatus:
    inputs = {given.role: found[given.step] for given in step.inputs}
    missing = list(dict.fromkeys(s.step.label for s in inputs.values() if s.run_id is None))
    candidates = _candidates(connection, step.key)
    if not missing:
        current = {role: status.run_id for role, status in inputs.items()}
        for candidate in candidates:
            if candidate.state == "succeeded" and _reads_current(connection, candidate, inputs):
                if RunDir(home.run(candidate.run_id)).manifest.exists():
                    return StepStatus(step, Action.CACHED, candidate.run_id, "")
                continue
            same_inputs = {r: i for r, (i, _) in candidate.inputs.items()} == current
            if candidate.state in ACTIVE and same_inputs:
                return StepStatus(step, Action.WAIT, candidate.run_id, candidate.state)
            if candidate.state in ENDED_BADLY and same_inputs:
                why = f"was {candidate.state}" + (
                    f" ({candidate.reason})" if candidate.reason else ""
                )
                return StepStatus(step, Action.RESUME, candidate.run_id, why)
    if step.blocked:
        return StepStatus(step, Action.BLOCKED, None, step.blocked)
    blocked = [s.step.label for s in inputs.values() if s.action is Action.BLOCKED]
    if blocked:
        return StepStatus(step, Action.BLOCKED, None, f"needs {_few(blocked)}")
    return StepStatus(step, Action.RUN, None, _why_run(step, candidates, missing, previous))


def _why_run(
    step: Step,
    candidates: list[_Candidate],
    missing: list[str],
    previous: Mapping[str, Mapping[str, object]],
) -> str:
    earlier = previous.get(step.label)
    if earlier is not None and not candidates:
        changes = plan_difference(earlier, step.params)
        if changes:
            return ", ".join(changes[:3]) + (" …" if len(changes) > 3 else "")
    if missing:
        return f"after {_few(missing)}"
    if any(candidate.state == "succeeded" for candidate in candidates):
        return "its inputs were made again, or its output is gone"
    return "new"


def _few(labels: list[str]) -> str:
    different = list(dict.fromkeys(labels))
    return ", ".join(different[:2]) + (" …" if len(different) > 2 else "")


def _reads_current(
    connection: sqlite3.Connection, candidate: _Candidate, inputs: Mapping[str, StepStatus]
) -> bool:
    for role, status in inputs.items():
        if status.action is not Action.CACHED:
            return False
        row = connection.execute(
            "SELECT digest FROM runs WHERE id = ?", (status.run_id,)
        ).fetchone()
        recorded = candidate.inputs.get(role)
        if row is None or recorded is None or recorded[1] != row["digest"]:
            return False
    return True


def _candidates(connection: sqlite3.Connection, key: str) -> list[_Candidate]:
    rows = connection.execute(
        "SELECT id, state, reason, digest FROM runs WHERE key = ?"
        " ORDER BY state = 'succeeded' DESC, created_at DESC",
        (key,),
    ).fetchall()
    return [
        _Candidate(
            RunId(row["id"]),
            row["state"],
            row["reason"],
            row["digest"],
            {
                i["role"]: (RunId(i["input_run_id"]), i["digest"])
                for i in connection.execute(
                    "SELECT role, input_run_id, digest FROM run_inputs WHERE run_id = ?",
                    (row["id"],),
                )
            },
        )
        for row in rows
    ]


def previous_params(connection: sqlite3.Connection, name: str) -> dict[str, Mapping[str, object]]:
    """Parameters of each label in the newest revision of an experiment, to explain an edit."""
    rows = connection.execute(
        "SELECT s.label, r.params FROM experiment_steps s JOIN runs r ON r.id = s.run_id"
        " WHERE s.experiment_id = (SELECT id FROM experiments WHERE name = ?"
        " ORDER BY revision DESC LIMIT 1)",
        (name,),
    )
    return {row["label"]: json.loads(row["params"]) for row in rows}
