"""A judge's word as the label in a reply that it writes: read strictly, asked for once more, or not had."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from synthlab.engines.chat import question as chat_turns
from synthlab.engines.protocol import Generation, Generator, Prompt, Sampling
from synthlab.experiment.rubrics import Question
from synthlab.jobs.context import JobStopped
from synthlab.jobs.judging import JUDGE_FAILED, TOO_LONG, Ask, JudgeIdentity, Judgement, Replies
from synthlab.jobs.responses import ERROR_PREFIX, TRUNCATED

REPLIES_AT_ONCE = 60
"""A killed job loses at most these."""
NO_LABEL = "no label in the judge's reply"
PROMPT_TOO_LONG = "prompt_too_long"
TRIES = 2


def parsed_replies(
    generator: Generator, who: JudgeIdentity, stopping: Callable[[], bool], asks: Sequence[Ask]
) -> Replies:
    """Judgements, group by group: each label with the share of the draws that name it.

    A reply that names no label, or several, is asked for once more with a reminder; then the draw
    counts for no label. Raises JobStopped between two steps of the generator if `stopping` says so.
    """
    size = max(1, REPLIES_AT_ONCE // who.draws)
    for start in range(0, len(asks), size):
        group = asks[start : start + size]
        found: dict[tuple[str, int], int] = {}
        faults: dict[str, str] = {}
        for attempt in range(TRIES):
            wanted = {
                f"{ask.key}/{draw}": (ask, draw)
                for ask in group
                for draw in range(who.draws)
                if (ask.key, draw) not in found and (attempt == 0 or ask.key not in faults)
            }
            for answer in _answers(generator, who, stopping, wanted, attempt):
                ask, draw = wanted[answer.key]
                if answer.finish_reason.startswith(ERROR_PREFIX):
                    faults.setdefault(ask.key, answer.finish_reason.removeprefix(ERROR_PREFIX))
                    continue
                truncated = answer.finish_reason == TRUNCATED
                label = parse_label(answer.text, ask.question, truncated=truncated)
                if label is not None:
                    found[ask.key, draw] = label
        yield [(ask.key, _judgement(ask, who.draws, found, faults)) for ask in group]


def _answers(
    generator: Generator,
    who: JudgeIdentity,
    stopping: Callable[[], bool],
    wanted: Mapping[str, tuple[Ask, int]],
    attempt: int,
) -> Iterator[Generation]:
    prompts = [
        Prompt(key, tuple(chat_turns(_text(ask, attempt), ask.rubric.system)), _seed(key, attempt))
        for key, (ask, _) in wanted.items()
    ]
    if not prompts:
        return
    for step in generator.generate(prompts, Sampling(who.temperature, 1.0, who.reply_tokens)):
        yield from step.finished
        if stopping():
            raise JobStopped


def _text(ask: Ask, attempt: int) -> str:
    if attempt == 0:
        return ask.text
    labels = ", ".join(one.label for one in ask.question.labels)
    return f"{ask.text}\nYour whole reply must be one of {labels}. Write nothing else."


def _seed(key: str, attempt: int) -> int:
    """The draw's own random stream, whatever is asked beside it."""
    return int.from_bytes(hashlib.sha256(f"{key}/{attempt}".encode()).digest()[:4]) >> 1


def parse_label(reply: str, question: Question, *, truncated: bool = False) -> int | None:
    """Place of the one label that the reply names; None if it names none or more than one.

    A label counts where it is all that a line holds: alone, after the words that a reply opens with,
    or with its own meaning. "4 out of 5", "between 3 and 4", a 7 and a list of all labels are no label.
    truncated: the reply ran into its token limit, so that its last line may have been about to go on.
    """
    lines = reply.strip().splitlines()
    if truncated:
        lines = lines[:-1]
    named = {
        place
        for line in lines
        for place, label in enumerate(question.labels)
        if re.fullmatch(
            rf"(?:{re.escape(question.opening)})?\s*{re.escape(label.label)}"
            rf"(?:[.)]|\s*=\s*{re.escape(label.meaning)})?",
            line.strip().replace("**", ""),
        )
    }
    return named.pop() if len(named) == 1 else None


def _judgement(
    ask: Ask, draws: int, found: Mapping[tuple[str, int], int], faults: Mapping[str, str]
) -> Judgement:
    named = [found[ask.key, draw] for draw in range(draws) if (ask.key, draw) in found]
    if not named:
        fault = faults.get(ask.key)
        if fault is None:
            return Judgement((), NO_LABEL)
        return Judgement((), TOO_LONG if fault == PROMPT_TOO_LONG else f"{JUDGE_FAILED}{fault}")
    return Judgement(tuple(named.count(place) / draws for place in range(len(ask.question.labels))))
