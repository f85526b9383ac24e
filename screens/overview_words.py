"""How the overview reads: columns, the head line, the machine, and what an empty lab says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from screens.safety import joined, line
from screens.snapshots.machine import GpuRow, Machine
from screens.snapshots.overview import AXES, ConditionRow, Overview, QueueRow
from screens.theme import state_sign
from screens.widgets.lab_table import TableColumn
from synthlab.cli.words import duration, size

if TYPE_CHECKING:
    from screens.app import LabApp

AXIS_LETTERS = {"collapse": "C", "robustness": "R", "bias": "B"}
BLOCKS = " ▏▎▍▌▋▊▉█"


def bar(share: float, width: int, *, unicode: bool) -> str:
    """A progress bar of `width` cells."""
    if not unicode:
        return ("#" * round(share * width)).ljust(width, ".")
    eighths = round(share * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (BLOCKS[rest] if rest else "")).ljust(width)


def head_line(overview: Overview) -> Content:
    """Experiment, how far, how long still."""
    counts = dict(overview.counts)
    done = counts.get("succeeded", 0)
    parts = [
        line(f" {overview.experiment} ", "bold"),
        line(f" {done}/{overview.total} steps"),
    ]
    for state in ("running", "queued", "failed", "interrupted", "cancelled", "unknown"):
        if counts.get(state):
            sign, style = state_sign(state)
            parts.append(line(f"  {sign} {counts[state]} {state}", style))
    if overview.is_active:
        left = overview.remaining_s
        parts.append(
            line(
                "  about " + duration(left) + " left"
                if left is not None
                else "  time left not known"
            )
        )
    elif done == overview.total:
        parts.append(line("  ✓ all done", "$success"))
    if overview.description:
        parts.append(line(f"   {overview.description}", "$lab-muted"))
    return joined(*parts)


def condition_columns(app: LabApp) -> Sequence[TableColumn[ConditionRow]]:
    """Name with its colour and marker, then a sign for each seed of training and of each axis."""
    unicode = app.symbols != "ascii"
    columns = [
        TableColumn[ConditionRow]("condition", _condition_name(unicode), 9, priority=0, grows=True),
        TableColumn[ConditionRow](
            "trn", lambda row: _signs(row.train, unicode) if row.train else line("—"), 3
        ),
    ]
    for axis in AXES:
        columns.append(TableColumn(AXIS_LETTERS[axis], _axis_signs(axis, unicode), 3, priority=2))
    return columns


def _condition_name(unicode: bool) -> Callable[[ConditionRow], Content]:
    def show(row: ConditionRow) -> Content:
        from synthlab.analysis.charts.palette import looks
        from synthlab.analysis.charts.plain_signs import plain

        look = looks([row.name])[0]
        marker = look.marker if unicode else plain(look.marker)
        return joined(line(f"{marker} ", look.colour), line(row.name))

    return show


def _axis_signs(axis: str, unicode: bool):  # type: ignore[no-untyped-def]
    def show(row: ConditionRow) -> Content:
        return _signs(dict(row.axes).get(axis, ()), unicode)

    return show


def _signs(states: Sequence[str], unicode: bool) -> Content:
    """One sign a seed; more than three seeds as counts."""
    if len(states) <= 3:
        return joined(*(line(*state_sign(state, unicode=unicode)) for state in states))
    done = Counter(states)["succeeded"]
    return line(f"{done}/{len(states)}", "$success" if done == len(states) else "")


def queue_title(overview: Overview) -> Content:
    """What waits, what ended badly, or that nothing is to be done any more."""
    counts = dict(overview.counts)
    bad = sum(counts.get(state, 0) for state in ("failed", "interrupted", "unknown"))
    said = f"{overview.waiting} waiting" if overview.is_active else "empty; what ended last"
    return line(f"3 queue ({said})" + (f", {bad} ended badly" if bad else ""))


def queue_columns(app: LabApp) -> Sequence[TableColumn[QueueRow]]:
    """State, what, how far, how long."""
    unicode = app.symbols != "ascii"

    def state(row: QueueRow) -> Content:
        sign, style = state_sign(row.state, unicode=unicode)
        return line(f"{sign} {row.state}", style)

    def progress(row: QueueRow) -> Content:
        if row.silent_s is not None:
            return line(f"silent for {duration(row.silent_s // 60 * 60)}", "$warning")
        if row.share is None:
            waiting = "loading" if row.state == "running" else row.reason or row.detail
            return line(waiting, "$lab-muted")
        return joined(
            line(bar(row.share, 8, unicode=unicode), "$primary on $panel"), line(f" {row.detail}")
        )

    def left(row: QueueRow) -> Content:
        return line(duration(row.left_s) if row.left_s is not None else "")

    return (
        TableColumn[QueueRow]("state", state, 13, priority=0),
        TableColumn[QueueRow]("run", lambda row: line(row.label), 16, priority=0, grows=True),
        TableColumn[QueueRow]("progress", progress, 16, priority=1, grows=True),
        TableColumn[QueueRow]("left", left, 8, priority=2, right=True),
    )


def machine_lines(machine: Machine) -> Content:
    """A line for each device, or for the slots."""
    if machine.gpus:
        return Content("\n").join(_gpu_line(gpu) for gpu in machine.gpus)
    rows = [line(f"CPU  {len(machine.in_slots)} of {machine.slots} slots busy")]
    rows += [line(f" ▶ {label}", "$primary") for label in machine.in_slots]
    rows += [line(f" ▷ {label}", "$lab-muted") for label in machine.light]
    return Content("\n").join(rows)


def _gpu_line(gpu: GpuRow) -> Content:
    used = "N/A" if gpu.used_mib is None else size(gpu.used_mib * 2**20)
    total = "N/A" if gpu.total_mib is None else size(gpu.total_mib * 2**20)
    owner = ", ".join(gpu.runs) or ("others" if gpu.foreign else "free")
    return joined(
        line(f"GPU {gpu.index} ", "bold"),
        line(f"{used} of {total}  "),
        line(owner, "$primary" if gpu.runs else "$lab-muted"),
    )


def nothing_yet(home: str) -> Content:
    """The commands that fill an empty lab."""
    return Content("\n").join(
        [
            line("This lab is empty.", "bold"),
            line(""),
            joined(
                line("L", "bold $accent"), line("  launches an experiment from a recipe or a file;")
            ),
            line("   `tiny` shows every kind of step in two minutes, without a GPU"),
            line(""),
            line("The same from a shell:"),
            line("   synthlab recipes", "$lab-muted"),
            line("   synthlab run tiny", "$lab-muted"),
            line(""),
            line(f"lab home: {home}", "$lab-muted"),
        ]
    )
