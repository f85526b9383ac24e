"""From the text of an experiment file to what would be done: the one way of command line and console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.catalog.connection import open_reader
from storage.catalog.fetched import FetchedModels
from storage.catalog.imports import imported_sets
from storage.home import LabHome
from synthlab.execution.checkpoints import Checkpoints
from synthlab.execution.gpus import NvmlProbe
from synthlab.execution.paces import estimate_plan
from synthlab.execution.resolve import StepStatus, previous_params, resolve
from synthlab.execution.settings import load_settings
from synthlab.execution.submission import Submission
from synthlab.experiment.absent import AbsentAllowed
from synthlab.experiment.estimates import PlanEstimate
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.load import load_spec, parse_spec
from synthlab.experiment.plan import build_plan
from synthlab.experiment.resolver import LocalResolver


@dataclass(frozen=True)
class Planned:
    """An experiment with its steps, and what each of them would be."""

    submission: Submission
    statuses: tuple[StepStatus, ...]
    warnings: tuple[str, ...]
    cost: PlanEstimate
    """Of the steps that are not cached."""


def plan_file(home: LabHome, environment: Mapping[str, str], path: Path) -> Planned:
    """Plan a file as it lies on disk; raises as `plan_text` does, and for a file that is no text."""
    load_spec(path)  # for what can be wrong with a file before it is a text
    return plan_text(home, environment, path.read_text(encoding="utf-8-sig"), path)


def plan_text(home: LabHome, environment: Mapping[str, str], text: str, path: Path) -> Planned:
    """Plan the text of a file; `path` names it and anchors its relative paths. Nothing is queued.

    Raises SpecError with every fault, each as `file:line: key: message`, and NotFoundError.
    """
    spec = parse_spec(text, path)
    imported = imported_sets(home)
    hashes, trained, fetched = FileHashes(home.cache), Checkpoints(home), FetchedModels(home)
    with LocalResolver(path.parent, hashes, environment, imported, trained, fetched) as resolver:
        plan = build_plan(spec, AbsentAllowed(resolver))
    warnings = dict.fromkeys(
        str(step.observing["warning"]) for step in plan.steps if step.observing.get("warning")
    )
    submission = Submission(spec.name, spec.description, str(path.absolute()), text, plan.steps)
    connection = open_reader(home)
    try:
        earlier = previous_params(connection, submission.name)
        statuses = tuple(resolve(connection, home, submission.steps, earlier).values())
        cost = estimate_plan(connection, load_settings(home), NvmlProbe(environment), statuses)
    finally:
        connection.close()
    return Planned(submission, statuses, tuple(warnings), cost)
