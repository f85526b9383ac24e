"""How answers read: the list of prompts, the prompt, a column for each condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from screens.safety import joined, line, shown
from screens.snapshots.samples import ListRow
from screens.widgets.lab_table import TableColumn
from synthlab.cli.words import figure

if TYPE_CHECKING:
    from synthlab.analysis.charts.palette import Look
    from synthlab.analysis.samples import Answer, SampleRow

MOST_CHARACTERS = 20_000
"""Of one text: more than anyone reads, and little enough to lay out at once."""
STATE_STYLES = {
    "refusal": "bold $warning",
    "partial": "$warning",
    "compliance": "bold $primary",
    "off-topic": "$lab-muted",
    "empty": "$lab-muted",
    "unscored": "$lab-muted",
}


def list_columns(*, seeds: bool, samples: bool) -> Sequence[TableColumn[ListRow]]:
    """Prompt id and first words; seed and sample where rows differ in them."""
    columns = [
        TableColumn[ListRow]("prompt", lambda r: line(r.prompt_id), 16, priority=0),
        TableColumn[ListRow](
            "first words",
            lambda r: line(r.words, "$lab-muted" if r.is_harmful else ""),
            12,
            priority=1,
            grows=True,
        ),
    ]
    if seeds:
        columns.insert(
            1, TableColumn[ListRow]("seed", lambda r: line(f"{r.seed}"), 4, 2, right=True)
        )
    if samples:
        columns.insert(
            1, TableColumn[ListRow]("smp", lambda r: line(f"{r.sample}"), 4, 3, right=True)
        )
    return columns


def prompt_text(row: SampleRow, reference: str, *, masked: bool) -> Content:
    """The prompt with what is known of it; the human answer below it, if there is one."""
    about = [row.set, row.prompt_id]
    if row.category and row.category != row.set:
        about.append(row.category)
    about.append(f"seed {row.seed}")
    if row.sample:
        about.append(f"sample {row.sample}")
    parts = [line(" · ".join(about), "$lab-muted"), line("\n")]
    parts += [line("? ", "bold $accent"), text_of(row.prompt, masked=masked, style="bold")]
    if reference:
        parts += [line("\n"), line("human: ", "$lab-muted")]
        parts.append(text_of(reference, masked=masked, style="italic"))
    return _together(parts)


def answer_text(
    condition: str, answer: Answer | None, look: Look, *, masked: bool, stacked: bool
) -> Content:
    """A condition's answer: what it was graded as, the text, its scores.

    stacked: answers stand one under the other; then scores run on instead of having a line each.
    """
    parts = [line(f"{look.marker} ", look.colour), line(condition, "bold")]
    if answer is None:
        return _together([*parts, line("\n"), line("no answer here", "$lab-muted")])
    if answer.state:
        parts += [line("  "), line(answer.state, STATE_STYLES.get(answer.state, "bold"))]
    parts.append(line(f"  {answer.tokens} tokens", "$lab-muted"))
    if answer.finish_reason == "length":
        parts.append(line(", cut off", "$lab-muted"))
    if answer.reason:
        parts += [line("\n"), line(f"! {answer.reason}", "$warning")]
    parts += [line("\n"), text_of(answer.text, masked=masked)]
    if stacked and answer.scores:
        said = "  ".join(f"{name} {figure(value)}" for name, value in answer.scores.items())
        parts += [line("\n"), line(said, "$lab-muted")]
    elif answer.scores:
        width = max(map(len, answer.scores))
        for name, value in answer.scores.items():
            parts += [line("\n"), line(f"{name.ljust(width)}  {figure(value)}", "$lab-muted")]
    return _together(parts)


def text_of(text: str, *, masked: bool, style: str = "") -> Content:
    """A text of data, or what stands in the place of one that nobody has asked to see."""
    if masked:
        from synthlab.analysis.samples import mask

        return line(f"{mask(text)} m shows it", "$warning")
    if not text:
        return line("(empty)", "$lab-muted")
    cut = text[:MOST_CHARACTERS]
    more = len(text) - len(cut)
    made = shown(cut, style)
    return joined(made, line(f" … {more} characters more", "$lab-muted")) if more else made


def _together(parts: Sequence[Content]) -> Content:
    """Side by side; a part that is a line feed begins a new line."""
    return Content("").join(Content("\n") if part.plain == "␊" else part for part in parts)
