"""`synthlab samples EXPERIMENT`: what the conditions answered, side by side, prompt by prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthlab.analysis.sample_index import Answer, PromptSamples, SampleIndex, SampleRow
from synthlab.analysis.samples import mask, open_samples
from synthlab.cli.output import Output
from synthlab.cli.session import Session
from synthlab.cli.words import figure
from synthlab.errors import ExitCode, NotFoundError, UsageError

EXCERPT = 200
"""Characters of a text in a list; `--prompt ID` and `--json` show all of them."""


def samples(session: Session) -> ExitCode:
    """Print aligned answers that a filter lets pass, or everything answered to one prompt."""
    arguments, output = session.arguments, session.output
    if arguments.limit < 1 or arguments.offset < 0:
        raise UsageError("--limit is at least 1 and --offset at least 0")
    with (
        session.catalog() as connection,
        open_samples(session.home, connection, arguments.experiment, _Narrator(output)) as index,
    ):
        if arguments.prompt:
            _show_prompt(session, index)
        else:
            _show_page(session, index)
    return ExitCode.DONE


def _show_page(session: Session, index: SampleIndex) -> None:
    arguments, output = session.arguments, session.output
    total = index.count(arguments.filter)
    rows = index.page(arguments.filter, arguments.order, arguments.offset, arguments.limit)
    if arguments.json:
        output.json(
            "samples",
            {
                "experiment": index.contents.experiment,
                "conditions": index.conditions,
                "metrics": index.metrics,
                "total": total,
                "offset": arguments.offset,
                "rows": [_row_document(row, unmask=arguments.unmask) for row in rows],
            },
        )
        return
    for row in rows:
        _print_row(output, index, row, unmask=arguments.unmask)
    shown = f"{arguments.offset + 1} to {arguments.offset + len(rows)} of " if rows else ""
    output.say(f"{index.contents.experiment}: {shown}{total} aligned rows")
    if any(row.is_harmful for row in rows) and not arguments.unmask:
        output.say("  texts of harmful prompt sets are masked: --unmask shows them")


def _show_prompt(session: Session, index: SampleIndex) -> None:
    arguments, output = session.arguments, session.output
    prompt_set, slash, prompt_id = arguments.prompt.partition("/")
    try:
        found = index.prompt(prompt_id, prompt_set) if slash else index.prompt(arguments.prompt)
    except KeyError:
        try:
            found = index.prompt(arguments.prompt)  # an id may hold a slash itself
        except KeyError:
            raise NotFoundError(
                f"{index.contents.experiment} has no prompt {arguments.prompt!r}",
                "--filter prompt:TEXT looks for ids; SET/ID names one of several sets",
            ) from None
    if arguments.json:
        output.json("prompt-samples", _prompt_document(found, unmask=arguments.unmask))
        return
    hidden = found.is_harmful and not arguments.unmask
    output.data(f"{found.set}/{found.prompt_id}" + (f" ({found.category})" * bool(found.category)))
    output.data(_shown(found.prompt, is_hidden=hidden))
    if found.reference:
        output.data("\n--- human answer")
        output.data(_shown(found.reference, is_hidden=hidden))
    for row in found.rows:
        for answer in row.answers:
            output.data(f"\n--- {answer.condition}, seed {row.seed}, sample {row.sample}")
            output.data(_facts(answer, index.metrics))
            output.data(_shown(answer.text, is_hidden=hidden))
    if hidden:
        output.say("  texts of harmful prompt sets are masked: --unmask shows them")


def _print_row(output: Output, index: SampleIndex, row: SampleRow, *, unmask: bool) -> None:
    hidden = row.is_harmful and not unmask
    prompt = _excerpt(_shown(row.prompt, is_hidden=hidden))
    output.data(f"{row.set}/{row.prompt_id} seed {row.seed} sample {row.sample}: {prompt}")
    width = max(map(len, index.conditions))
    for answer in row.answers:
        grade = f"[{answer.state or answer.reason}] " if answer.state or answer.reason else ""
        text = _excerpt(_shown(answer.text, is_hidden=hidden))
        output.data(f"  {answer.condition:<{width}}  {grade}{text}")


def _facts(answer: Answer, metrics: Sequence[str]) -> str:
    parts = [f"{answer.tokens} tokens", answer.finish_reason, answer.state, answer.reason]
    parts += [f"{name} {figure(answer.scores[name])}" for name in metrics if name in answer.scores]
    return ", ".join(part for part in parts if part)


def _shown(text: str, *, is_hidden: bool) -> str:
    return mask(text) if is_hidden else text


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def _row_document(row: SampleRow, *, unmask: bool) -> dict[str, Any]:
    hidden = row.is_harmful and not unmask
    return {
        "set": row.set,
        "prompt_id": row.prompt_id,
        "category": row.category,
        "prompt": _shown(row.prompt, is_hidden=hidden),
        "is_harmful": row.is_harmful,
        "is_masked": hidden,
        "seed": row.seed,
        "sample": row.sample,
        "answers": [
            {
                "condition": one.condition,
                "response_id": one.response_id,
                "text": _shown(one.text, is_hidden=hidden),
                "state": one.state,
                "reason": one.reason,
                "finish_reason": one.finish_reason,
                "tokens": one.tokens,
                "scores": dict(one.scores),
            }
            for one in row.answers
        ],
    }


def _prompt_document(found: PromptSamples, *, unmask: bool) -> dict[str, Any]:
    hidden = found.is_harmful and not unmask
    return {
        "set": found.set,
        "prompt_id": found.prompt_id,
        "category": found.category,
        "prompt": _shown(found.prompt, is_hidden=hidden),
        "reference": _shown(found.reference, is_hidden=hidden) if found.reference else "",
        "is_harmful": found.is_harmful,
        "is_masked": hidden,
        "rows": [_row_document(row, unmask=unmask) for row in found.rows],
    }


class _Narrator:
    """Says once that an index is being built."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def __call__(self, done: int, total: int, what: str) -> None:
        if not done:
            self._output.say(f"reading {total} runs into an index …")
