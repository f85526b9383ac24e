"""`synthlab plan FILE`: what `run` would do, step by step, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import fill

from synthlab.cli.output import Column, Output
from synthlab.cli.session import Session
from synthlab.cli.words import TEXT_WIDTH, count, many, size
from synthlab.errors import ExitCode
from synthlab.execution.planning import Planned, plan_file
from synthlab.execution.resolve import Action, StepStatus
from synthlab.experiment.estimates import KindEstimate, PlanEstimate
from synthlab.experiment.recipes import find_recipe
from synthlab.experiment.spec import VANILLA
from synthlab.experiment.steps import Step


def read_plan(session: Session, name: str) -> Planned:
    """The experiment that `name` means, planned: a path if it looks like one, else a recipe.

    Says what the plan warns of. Raises SpecError or NotFoundError with file, line and key.
    """
    path = Path(name)
    if path.suffix != ".toml" and not path.exists():
        path = find_recipe(name).path
    planned = plan_file(session.home, session.environment, path)
    for warning in planned.warnings:
        session.output.say(f"note: {warning}")
    return planned


def plan_experiment(session: Session) -> ExitCode:
    """Print the plan; nothing is queued and nothing is written but file hashes."""
    planned = read_plan(session, session.arguments.file)
    submission, statuses, cost = planned.submission, planned.statuses, planned.cost
    conditions = _conditions(submission.steps)
    rows = [_row(status) for status in statuses]
    if session.arguments.json:
        document = {"experiment": submission.name, "steps": rows, "conditions": conditions}
        session.output.json("plan", {**document, "estimate": asdict(cost)})
        return ExitCode.DONE
    columns = (
        Column("step", lambda row: row["label"]),
        Column("action", lambda row: row["action"]),
        Column("key", lambda row: row["key"][:12]),
        Column("run", lambda row: row["run"] or "—"),
        Column("why", lambda row: row["reason"]),
    )
    session.output.table(columns, rows)
    if cost.steps:
        session.output.data()
        print_estimate(session.output, cost)
    session.output.say(f"\n{submission.name}: {summary(statuses)}")
    session.output.say(f"{many(len(conditions), 'evaluated model')}: {', '.join(conditions)}")
    _say_missing(session, statuses)
    return ExitCode.DONE


def _conditions(steps: Sequence[Step]) -> list[str]:
    """Every condition that the plan trains, answers for or measures."""
    cells = (c for s in steps for c in (s.cell, *(a.cell for a in s.aliases)) if c is not None)
    named = dict.fromkeys(cell.condition for cell in cells)
    return sorted(named, key=lambda name: not name.startswith(VANILLA))


def _say_missing(session: Session, statuses: Sequence[StepStatus]) -> None:
    blocked = [s.step.blocked for s in statuses if s.action is Action.BLOCKED and s.step.blocked]
    if blocked:
        session.output.say("\nblocked until it is here:")
        for reason in dict.fromkeys(blocked):
            session.output.say(f"  {reason}")


def print_estimate(output: Output, cost: PlanEstimate) -> None:
    """What the steps still to do will take, one row for each kind, and what the numbers rest on."""
    lines: list[KindEstimate | PlanEstimate] = [*cost.kinds, cost]
    columns = [
        Column("still to do", lambda row: _kind_name(row["line"])),
        Column("steps", lambda row: str(_count(row["line"])), True),
        Column("tokens", lambda row: count(row["line"].tokens), True),
        Column("GPU-hours", lambda row: _hours(row["line"].gpu_hours), True),
        Column("CPU-hours", lambda row: _hours(row["line"].cpu_hours), True),
        Column("disk", lambda row: size(row["line"].disk_bytes), True),
        Column("by", lambda row: getattr(row["line"], "basis", "")),
    ]
    if cost.cost:
        money = Column(cost.currency, lambda row: f"{row['line'].cost:,.2f}", True)
        columns.insert(6, money)
    if not any(line.cpu_hours for line in lines):
        del columns[4]
    output.table(columns, [{"line": line} for line in lines])
    for line in cost.assumptions:
        output.data(fill(line, TEXT_WIDTH, initial_indent="  ", subsequent_indent="    "))
    if cost.most_gpus > 1:
        output.data(
            f"  the largest step needs the memory of {cost.most_gpus} × {cost.gpu}, and a step is "
            "computed on one GPU:\n    name a larger one in settings.toml (gpu), or smaller models"
        )
    for line in cost.unknown:
        output.data(f"  not in the numbers: {line}")


def _kind_name(line: KindEstimate | PlanEstimate) -> str:
    return line.kind if isinstance(line, KindEstimate) else "sum"


def _count(line: KindEstimate | PlanEstimate) -> int:
    return line.steps if isinstance(line, KindEstimate) else len(line.steps)


def _hours(hours: float) -> str:
    return "—" if not hours else f"{hours:.1f}" if hours >= 0.05 else "< 0.1"


def summary(statuses: Sequence[StepStatus]) -> str:
    """`24 steps: 20 cached, 4 run`."""
    counts = Counter(status.action.value for status in statuses)
    parts = ", ".join(f"{count} {action}" for action, count in counts.most_common())
    return f"{many(len(statuses), 'step')}: {parts}"


def _row(status: StepStatus) -> dict[str, str | None]:
    return {
        "label": status.step.label,
        "kind": status.step.kind,
        "action": status.action.value,
        "key": status.step.key,
        "run": status.run_id,
        "reason": status.reason,
    }
