"""How sources, mixtures and checkpoints read: columns, shares as bars, the detail pane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from textual.content import Content

from screens.overview_words import bar
from screens.safety import joined, line, shown
from screens.snapshots.material import CheckpointRow, Detail, MixtureRow, Part, SourceRow
from screens.widgets.lab_table import TableColumn
from synthlab.cli.words import many, when

if TYPE_CHECKING:
    from screens.app import LabApp

BAR_WIDTH = 16
SHARE_SIGNS = "█▓▒░"
PLAIN_SIGNS = "#=+-"


def source_columns(app: LabApp) -> Sequence[TableColumn[SourceRow]]:
    """Which step answered what; one generator may have answered many prompt sets, with many adapters."""
    return (
        TableColumn[SourceRow]("made by", lambda r: line(r.label), 20, priority=0, grows=True),
        TableColumn[SourceRow](
            "generator", lambda r: line(short_model(r.generator)), 18, priority=2
        ),
        TableColumn[SourceRow]("prompts", lambda r: line(r.prompts), 10, priority=1),
        TableColumn[SourceRow]("rows", lambda r: line(f"{r.rows}"), 6, priority=0, right=True),
        TableColumn[SourceRow](
            "tokens", lambda r: line("" if r.tokens is None else f"{r.tokens}"), 8, 3, right=True
        ),
        TableColumn[SourceRow]("kind", lambda r: line(r.kind), 7, priority=4),
        _made(app),
    )


def mixture_columns(app: LabApp) -> Sequence[TableColumn[MixtureRow]]:
    """Name, shares as one bar, rows."""
    signs = PLAIN_SIGNS if app.symbols == "ascii" else SHARE_SIGNS
    return (
        TableColumn[MixtureRow]("mixture", lambda r: line(r.label), 16, priority=0, grows=True),
        TableColumn[MixtureRow]("shares", lambda r: line(_share_bar(r.parts, signs)), BAR_WIDTH, 1),
        TableColumn[MixtureRow]("rows", lambda r: line(f"{r.rows}"), 6, priority=1, right=True),
        TableColumn[MixtureRow]("assign", lambda r: line(r.assign), 7, priority=3),
        TableColumn[MixtureRow]("seed", lambda r: line(f"{r.seed}"), 4, priority=4, right=True),
        _made(app),
    )


def checkpoint_columns(app: LabApp) -> Sequence[TableColumn[CheckpointRow]]:
    """Name, base, how it went."""
    return (
        TableColumn[CheckpointRow](
            "checkpoint", lambda r: line(r.label), 20, priority=0, grows=True
        ),
        TableColumn[CheckpointRow]("base", lambda r: line(short_model(r.base)), 21, priority=2),
        TableColumn[CheckpointRow]("seed", lambda r: line(f"{r.seed}"), 4, priority=3, right=True),
        TableColumn[CheckpointRow](
            "steps", lambda r: line(f"{r.steps}"), 6, priority=1, right=True
        ),
        TableColumn[CheckpointRow](
            "eval loss",
            lambda r: line("—" if r.eval_loss is None else f"{r.eval_loss:.4g}"),
            9,
            priority=1,
            right=True,
        ),
        _made(app),
    )


def short_model(name: str) -> str:
    """`owner/name@0123456789ab` without its owner and with the first letters of its revision."""
    body, at, revision = name.rpartition("@")
    short = (body if at else name).rpartition("/")[2]
    return (
        f"{short}@{revision[:7]}" if at and "+" not in revision else short + _adapter(revision, at)
    )


def _adapter(revision: str, at: str) -> str:
    _, plus, adapter = revision.partition("+")
    return f"+{adapter[:7]}" if at and plus else ""


class _Made(Protocol):
    @property
    def created_at(self) -> float: ...


def _made(app: LabApp) -> TableColumn[Any]:
    def show(row: _Made) -> Content:
        return line(when(row.created_at, app.clock()), "$lab-muted")

    return TableColumn[Any]("made", show, 7, 5, right=True)


def share_lines(parts: Sequence[Part], *, unicode: bool) -> list[Content]:
    """A bar for each part of a mixture, its generator below it."""
    rows = []
    for part in parts:
        drawn = bar(part.share, BAR_WIDTH, unicode=unicode)
        share = line(f" {part.share:6.1%} {part.rows:>6} rows")
        rows += [joined(line(drawn, "$primary on $panel"), share), line(part.generator)]
    return rows


def detail_facts(detail: Detail, picture: Sequence[Content]) -> Content:
    """The detail pane: facts, shares, texts, users, spec."""
    named = [*detail.facts]
    if detail.experiments:
        named.append(("experiments", ", ".join(detail.experiments)))
    rows = _named(named)
    if picture:
        rows += [line(""), line("shares", "bold"), *picture]
    if detail.texts or detail.why_no_texts:
        rows += [line(""), line("first rows", "bold")]
    if detail.why_no_texts:
        rows.append(line(detail.why_no_texts, "$lab-muted"))
    for text in detail.texts:
        rows.append(joined(line("? ", "bold $accent"), shown(text.asked)))
        rows.append(joined(line("→ ", "bold $primary"), shown(text.answered)))
    if detail.users:
        rows += [
            line(""),
            line(f"read by {many(len(detail.users), 'run')}", "bold"),
            *_named(detail.users),
        ]
    if detail.spec:
        rows += [line(""), line("spec", "bold"), *_named(detail.spec)]
    return Content("\n").join(rows)


def _named(facts: Sequence[tuple[str, str]]) -> list[Content]:
    width = max((len(name) for name, _ in facts), default=0)
    return [
        joined(line(name.ljust(width) + "  ", "$lab-muted"), shown(value)) for name, value in facts
    ]


def _share_bar(parts: Sequence[Part], signs: str) -> str:
    """One bar in which every part has a shade of its own, as many cells as its share."""
    drawn, done, total = "", 0.0, sum(part.share for part in parts) or 1.0
    for number, part in enumerate(parts):
        done += part.share / total
        drawn += signs[number % len(signs)] * (round(done * BAR_WIDTH) - len(drawn))
    return drawn
