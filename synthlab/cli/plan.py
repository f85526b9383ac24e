"""`synthlab plan FILE`: what `run` would do, step by step, and why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from storage.catalog.connection import open_reader
from storage.catalog.imports import imported_sets
from storage.home import LabHome
from synthlab.cli.output import Column
from synthlab.cli.session import Session
from synthlab.errors import ExitCode
from synthlab.execution.resolve import StepStatus, previous_params, resolve
from synthlab.execution.submission import Submission
from synthlab.experiment.absent import AbsentAllowed
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.load import load_spec
from synthlab.experiment.plan import build_plan
from synthlab.experiment.recipes import find_recipe
from synthlab.experiment.resolver import LocalResolver


def read_submission(session: Session, home: LabHome, name: str) -> Submission:
    """The experiment that `name` means, planned: a path if it looks like one, else a recipe.

    Raises SpecError or NotFoundError with file, line and key.
    """
    path = Path(name)
    if path.suffix != ".toml" and not path.exists():
        path = find_recipe(name).path
    spec = load_spec(path)
    imported = imported_sets(home)
    with LocalResolver(
        path.parent, FileHashes(home.cache), session.environment, imported
    ) as resolver:
        plan = build_plan(spec, AbsentAllowed(resolver))
    for warning in dict.fromkeys(step.observing.get("warning") for step in plan.steps):
        if warning:
            session.output.say(f"note: {warning}")
    text = path.read_text(encoding="utf-8")
    return Submission(spec.name, spec.description, str(path.absolute()), text, plan.steps)


def plan_experiment(session: Session) -> ExitCode:
    """Print the plan; nothing is queued and nothing is written but file hashes."""
    home = session.home
    submission = read_submission(session, home, session.arguments.file)
    connection = open_reader(home)
    try:
        earlier = previous_params(connection, submission.name)
        statuses = list(resolve(connection, home, submission.steps, earlier).values())
    finally:
        connection.close()
    rows = [_row(status) for status in statuses]
    if session.arguments.json:
        session.output.json("plan", {"experiment": submission.name, "steps": rows})
        return ExitCode.DONE
    columns = (
        Column("step", lambda row: row["label"]),
        Column("action", lambda row: row["action"]),
        Column("key", lambda row: row["key"][:12]),
        Column("run", lambda row: row["run"] or "—"),
        Column("why", lambda row: row["reason"]),
    )
    session.output.table(columns, rows)
    session.output.say(f"{submission.name}: {summary(statuses)}")
    return ExitCode.DONE


def summary(statuses: list[StepStatus]) -> str:
    """`24 steps: 20 cached, 4 run`."""
    counts = Counter(status.action.value for status in statuses)
    parts = ", ".join(f"{count} {action}" for action, count in counts.most_common())
    return f"{len(statuses)} steps: {parts}"


def _row(status: StepStatus) -> dict[str, str | None]:
    return {
        "label": status.step.label,
        "kind": status.step.kind,
        "action": status.action.value,
        "key": status.step.key,
        "run": status.run_id,
        "reason": status.reason,
    }
