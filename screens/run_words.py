"""How a run reads: its columns in the list, and its facts in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from screens.overview_words import bar
from screens.safety import joined, line
from screens.snapshots.run import Link, NumberRow
from screens.snapshots.run_about import RunAbout
from screens.snapshots.runs import NumberColumn, RunRow
from screens.theme import state_sign
from screens.widgets.facts import Fact
from screens.widgets.lab_table import TableColumn
from synthlab.cli.words import duration, figure, moment, when

if TYPE_CHECKING:
    from screens.app import LabApp

FEW_PARAMS = 12


def state_content(state: str, *, unicode: bool) -> Content:
    """Sign, word and colour of a state."""
    sign, style = state_sign(state, unicode=unicode)
    return line(f"{sign} {state}", style)


def silent_text(seconds: float) -> str:
    """What is said of a running job that reports nothing: neither that it runs nor that it failed."""
    return f"silent for {duration(seconds)}"


def run_columns(app: LabApp, number: NumberColumn | None) -> Sequence[TableColumn[RunRow]]:
    """Columns of the list; the chosen number stands beside the label."""
    unicode = app.symbols != "ascii"

    def progress(row: RunRow) -> Content:
        if row.silent_s is not None:
            return line(silent_text(row.silent_s), "$warning")
        if row.share is not None:
            drawn = line(bar(row.share, 6, unicode=unicode), "$primary on $panel")
            # The rate is told beside the list, where there is room for it.
            return joined(drawn, line(f" {row.detail.partition(',')[0]}"))
        if row.state == "queued":
            return line(f"priority {row.priority}" if row.priority else "")
        if row.reason:
            return line(row.reason, "$lab-muted")
        return line(f"took {duration(row.took_s)}" if row.took_s is not None else "", "$lab-muted")

    def created(row: RunRow) -> Content:
        return line(when(row.created_at, app.clock()))

    columns = [
        TableColumn[RunRow](
            "state", lambda row: state_content(row.state, unicode=unicode), 15, priority=0
        ),
        TableColumn[RunRow]("run", lambda row: line(row.label), 20, priority=0, grows=True),
        TableColumn[RunRow]("progress", progress, 22, priority=2, grows=True),
        TableColumn[RunRow]("created", created, 7, priority=3, right=True),
        TableColumn[RunRow]("id", lambda row: line(row.run_id, "$lab-muted"), 8, priority=4),
    ]
    if number is not None:
        title = number_title(number)
        columns.insert(2, TableColumn[RunRow](title, _number, 12, priority=1, right=True))
    return columns


def number_title(number: NumberColumn) -> str:
    """Short enough for a column; the name itself is said when it is chosen."""
    name = number.name
    return name if len(name) <= 12 else "…" + name[-11:]


def _number(row: RunRow) -> Content:
    if row.number is None:
        return line("—", "$lab-muted")
    if isinstance(row.number, str):
        return line(row.number, "$lab-muted")
    return line(figure(row.number))


def run_head(about: RunAbout, overlaid: Sequence[str], *, unicode: bool) -> Content:
    """State, label, how far, and why it ended."""
    parts = [
        line(" "),
        state_content(about.state, unicode=unicode),
        line(f"  {about.label}", "bold"),
        line(f"  {about.kind} {about.run_id}", "$lab-muted"),
    ]
    if about.silent_s is not None:
        parts.append(line(f"  {silent_text(about.silent_s)}", "$warning"))
    if about.share is not None:
        parts.append(
            joined("  ", line(bar(about.share, 10, unicode=unicode), "$primary on $panel"))
        )
        parts.append(line(f" {about.progress}"))
    if about.left_s is not None:
        parts.append(line(f", about {duration(about.left_s)} left"))
    if about.reason:
        parts.append(line(f"  {about.reason}: {about.message}"))
    if overlaid:
        parts.append(line(f"  with {', '.join(overlaid)}", "$lab-muted"))
    return joined(*parts)


def number_columns() -> Sequence[TableColumn[NumberRow]]:
    """Results with interval and n; what was reported live with its last step."""
    return (
        TableColumn[NumberRow]("number", lambda row: line(row.name), 14, priority=0, grows=True),
        TableColumn[NumberRow]("value", _value, 9, priority=0, right=True),
        TableColumn[NumberRow]("interval", _interval, 17, priority=2, right=True),
        TableColumn[NumberRow]("n", _counted, 10, priority=1, right=True),
    )


def _value(row: NumberRow) -> Content:
    style = "" if row.value is not None else "$warning"
    return line(figure(row.value), style)


def _interval(row: NumberRow) -> Content:
    if row.low is None or row.high is None:
        return line("")
    return line(f"{figure(row.low)} to {figure(row.high)}")


def _counted(row: NumberRow) -> Content:
    if not row.is_result:
        return line(f"step {row.step}", "$lab-muted")
    whole = row.n == row.n_total
    return line(f"{row.n}" if whole else f"{row.n} of {row.n_total}")


def link_columns(app: LabApp) -> Sequence[TableColumn[Link]]:
    """What is read, then who reads."""
    unicode = app.symbols != "ascii"
    signs = {True: "reads", False: "read by"}
    return (
        TableColumn[Link]("", lambda row: line(signs[row.reads], "$lab-muted"), 7, priority=0),
        TableColumn[Link]("role", lambda row: line(row.role), 12, priority=2),
        TableColumn[Link]("run", lambda row: line(row.label), 16, priority=0, grows=True),
        TableColumn[Link](
            "state", lambda row: state_content(row.state, unicode=unicode), 13, priority=1
        ),
        TableColumn[Link](
            "content", lambda row: line(row.digest[:12], "$lab-muted"), 12, priority=3
        ),
    )


def about_facts(about: RunAbout, *, unicode: bool, whole: bool) -> list[Fact]:
    """State with reason and evidence, timing, process and place. whole: with digests and every parameter."""
    facts: list[Fact] = [("run", about.label)]
    facts.append(("state", _state(about, unicode)))
    facts += [("", text) for text in (about.message, about.hint) if text]
    if about.evidence and about.state != "succeeded":
        facts.append(("evidence", about.evidence))
    if about.progress:
        facts.append(("done", about.progress))
    if about.left_s is not None:
        facts.append(("left", f"about {duration(about.left_s)}"))
    if about.state == "queued" or about.priority:
        facts.append(("priority", str(about.priority)))
    facts += _timing(about)
    facts += [
        ("experiment" if not place else "", name)
        for place, name in enumerate(dict.fromkeys(name for name, _ in about.experiments))
    ]
    facts.append(("kind", about.kind))
    facts.append(("id", about.run_id))
    facts += _process(about)
    if about.evidence and about.state == "succeeded":
        facts.append(("evidence", about.evidence))
    if whole:
        facts.append(("key", about.key))
        if about.digest:
            facts.append(("content", about.digest))
        facts.append(("directory", about.directory))
        return facts
    facts.append(("parameters", ""))
    given = [(name, value) for name, value in about.params if value not in ("null", "[]", "{}")]
    facts += given[:FEW_PARAMS]
    left = len(given) - FEW_PARAMS
    if left > 0:
        facts.append(("…", f"{left} more: enter opens the run"))
    return facts


def _state(about: RunAbout, unicode: bool) -> Content:
    parts = [state_content(about.state, unicode=unicode)]
    if about.silent_s is not None:
        parts.append(line(f", {silent_text(about.silent_s)}", "$warning"))
    if about.reason:
        parts.append(line(f" ({about.reason})"))
    if about.attempt > 1:
        parts.append(line(f", attempt {about.attempt}"))
    return joined(*parts)


def _timing(about: RunAbout) -> list[Fact]:
    facts: list[Fact] = []
    if about.started_at is not None and about.ended_at is not None:
        facts.append(("took", duration(about.ended_at - about.started_at)))
    stamps = (("ended", about.ended_at), ("started", about.started_at))
    facts += [(name, moment(stamp)) for name, stamp in stamps if stamp is not None]
    return [*facts, ("created", moment(about.created_at))]


def _process(about: RunAbout) -> list[Fact]:
    facts: list[Fact] = []
    pids = [
        f"{who} {pid}" for who, pid in (("job", about.job_pid), ("runner", about.runner_pid)) if pid
    ]
    if about.host or pids:
        facts.append(("process", ", ".join([*pids, *([f"on {about.host}"] if about.host else [])])))
    facts += [("GPU" if not number else "", gpu) for number, gpu in enumerate(about.gpus)]
    return facts
