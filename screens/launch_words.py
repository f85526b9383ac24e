"""How the launch screen reads: its columns, the plan, and where the faults of a file are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from screens.safety import joined, line
from screens.widgets.lab_table import TableColumn
from synthlab.cli.words import count, duration, many, size

if TYPE_CHECKING:
    from synthlab.execution.planning import Planned

ACTION_STYLES = {
    "cached": "$success",
    "run": "$primary",
    "resume": "$warning",
    "wait": "$primary",
    "blocked": "$error",
}


@dataclass(frozen=True)
class FileRow:
    """A recipe, or an experiment file."""

    key: str
    name: str
    path: str
    about: str
    is_recipe: bool


@dataclass(frozen=True)
class PlanRow:
    """One step of the plan."""

    label: str
    action: str
    reason: str


def file_columns() -> Sequence[TableColumn[FileRow]]:
    """Name and what it is."""
    return (
        TableColumn[FileRow]("name", lambda row: line(row.name), 20, priority=0, grows=True),
        TableColumn[FileRow](
            "",
            lambda row: line("recipe" if row.is_recipe else "file", "$lab-muted"),
            6,
            priority=1,
        ),
    )


def plan_columns() -> Sequence[TableColumn[PlanRow]]:
    """What would be done about each step, and why."""
    return (
        TableColumn[PlanRow](
            "action", lambda row: line(row.action, ACTION_STYLES.get(row.action, "")), 7, priority=0
        ),
        TableColumn[PlanRow]("step", lambda row: line(row.label), 26, priority=0),
        TableColumn[PlanRow](
            "why", lambda row: line(row.reason, "$lab-muted"), 20, priority=1, grows=True
        ),
    )


def plan_rows(planned: Planned) -> dict[str, PlanRow]:
    """What is to be done comes first; cached steps follow."""
    rows = [PlanRow(s.step.label, s.action.value, s.reason) for s in planned.statuses]
    rows.sort(key=lambda row: row.action == "cached")
    return {row.label: row for row in rows}


def plan_title(planned: Planned) -> str:
    """`24 steps: 20 cached, 4 run`."""
    counts = Counter(status.action.value for status in planned.statuses)
    parts = ", ".join(f"{number} {action}" for action, number in counts.most_common())
    return f"{many(len(planned.statuses), 'step')}: {parts}" + cost_words(planned)


def cost_words(planned: Planned) -> str:
    """`; about 2:10 min, 1.2M tokens, 80 MiB` of what is still to do; empty if nothing is."""
    cost = planned.cost
    if not cost.steps:
        return ""
    parts = []
    if cost.gpu_hours:
        parts.append(f"about {duration(cost.gpu_hours * 3600)} on {cost.gpu}")
    if cost.cpu_hours:
        parts.append(f"about {duration(cost.cpu_hours * 3600)} of a CPU slot")
    parts.append(f"{count(cost.tokens)} tokens")
    parts.append(size(cost.disk_bytes))
    if cost.cost:
        parts.append(f"{cost.cost:,.2f} {cost.currency}")
    if cost.unknown:
        parts.append("not all of it known")
    return "; " + ", ".join(parts)


def problem_lines(problems: str, path: Path | None) -> tuple[tuple[int, ...], Content]:
    """The faulty lines of the file, from 1, and the messages with what they have in common cut off."""
    if not problems:
        return (), Content("")
    place = re.compile(rf"^{re.escape(str(path))}:(\d+): ?")
    numbers: list[int] = []
    rows: list[Content] = []
    for message in problems.splitlines():
        found = place.match(message)
        if found:
            numbers.append(int(found[1]))
            rows.append(
                joined(line(f"line {found[1]:>3}  ", "bold $error"), line(message[found.end() :]))
            )
        else:
            rows.append(line(message))
    return tuple(numbers) or (1,), Content("\n").join(rows)
