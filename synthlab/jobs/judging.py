"""Asking a judge about responses: what it is asked, what decides its reply, and its memory.

A judgement is a probability for each label: read from raw logits, or the share of its parsed replies
that name the label. Everything that decides it is in the key, so asking again gives the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from storage import durable
from storage.durable import canonical_json
from synthlab.experiment.rubrics import Question, Rubric
from synthlab.jobs.context import JobContext

JUDGE_VERSION = 1
"""Raised whenever the same question may get another reply; part of the judge's identity."""
LOG = "judgements.jsonl"
"""The memory of a run in `work/`, and what a finished one publishes in `out/`."""
KEY_LETTERS = 32
SERVED = "served"
"""Stands for what nobody can know of a model behind a server."""
JUDGE_FAILED = "the judge failed: "
"""How the reason begins where it was no fault of the response."""
TOO_LONG = "longer than the judge's context"
FENCES = ("END OF REQUEST", "END OF ANSWER", "ANSWER OF THE ASSISTANT")


@dataclass(frozen=True)
class JudgeIdentity:
    """Who judges, and how its word is taken: a calibration, or a judgement, holds for exactly this."""

    model: str
    pinned: str
    """Revision and digest of its weights, or what its user calls the version behind a server."""
    dtype: str
    method: str
    """`labels` or `parsed`."""
    draws: int = 1
    temperature: float = 0.0
    reply_tokens: int = 0
    """Longest reply; 0 where none is written."""

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> JudgeIdentity:
        """The judge that the parameters of a step name."""
        model, judging = params["model"], params["judging"]
        revision = model.get("revision") or ""
        is_served = params.get("engine", "transformers") == "openai"
        pinned = f"{SERVED}:{revision}" if is_served else f"{revision}:{model.get('digest') or ''}"
        name, dtype = str(model["id"]), SERVED if is_served else str(params["dtype"])
        if judging["method"] == "labels":
            return cls(name, pinned, dtype, "labels")
        return cls(
            name,
            pinned,
            dtype,
            str(judging["method"]),
            int(judging["draws"]),
            float(judging["temperature"]),
            int(judging["reply_tokens"]),
        )

    @property
    def name(self) -> str:
        """As it stands in the keys of results."""
        revision, _, digest = self.pinned.partition(":")
        pinned = f"{self.model}@{(digest or revision)[:12]}"
        return f"{pinned}, {self.taken}, {self.dtype}.{JUDGE_VERSION}"

    @property
    def taken(self) -> str:
        """How its word is taken, in words."""
        if self.method == "labels":
            return "raw logits"
        replies = "1 reply" if self.draws == 1 else f"{self.draws} replies"
        drawn = (
            f"{replies} of at most {self.reply_tokens} tokens at temperature {self.temperature:g}"
        )
        return f"parsed: {drawn}"


class Ask(NamedTuple):
    """One question about one response."""

    key: str
    rubric: Rubric
    question: Question
    request: str
    response: str

    @property
    def text(self) -> str:
        """What the judge reads; neither text can end its own place in it."""
        return self.question.ask(_inside(self.request), _inside(self.response))

    @property
    def question_key(self) -> str:
        """The same for every response that is asked about in the same words."""
        return f"{self.rubric.sha256}/{self.question.id}"


@dataclass(frozen=True)
class Judgement:
    """What the judge says: a probability for each label, in the rubric's order, or why it says nothing."""

    probabilities: tuple[float, ...]
    reason: str = ""


Replies: TypeAlias = Iterator[list[tuple[str, Judgement]]]
"""Judgements by key of their question, group by group."""
Judge: TypeAlias = Callable[[Sequence[Ask]], Replies]
"""Answers every question once, and raises JobStopped early if the run is to stop."""


def make_ask(
    judge: JudgeIdentity, rubric: Rubric, question: Question, request: str, response: str
) -> Ask:
    """A question with its cache key: everything that decides the reply, and nothing else.

    The key covers judge, revision, number format, the way its word is taken, rubric, question, request
    and response; not the condition, the prompt set or the place in it.
    """
    content = [
        JUDGE_VERSION,
        judge.model,
        judge.pinned,
        judge.dtype,
        judge.method,
        judge.draws,
        judge.temperature,
        judge.reply_tokens,
        rubric.sha256,
        question.id,
        _digest(request),
        _digest(response),
    ]
    return Ask(_digest(canonical_json(content))[:KEY_LETTERS], rubric, question, request, response)


def _digest(text: str) -> str:
    # Data may hold half of a surrogate pair, which strict UTF-8 refuses.
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()


def read_judgements(context: JobContext) -> dict[str, Judgement]:
    """Judgements of earlier attempts by key; a torn last line is cut first.

    A question at which the judge itself failed is asked again.
    """
    durable.repair_tail(context.work / LOG)
    found = _by_key(context.read_records(context.work / LOG))
    return {key: one for key, one in found.items() if not one.reason.startswith(JUDGE_FAILED)}


def published_judgements(context: JobContext, role: str) -> dict[str, Judgement]:
    """The judgements that the run of an input has published, by key."""
    return _by_key(context.read_records(context.input(role) / LOG))


def _by_key(records: Sequence[Mapping[str, Any]]) -> dict[str, Judgement]:
    return {record["key"]: Judgement(tuple(record["p"]), record["reason"]) for record in records}


def judgement_record(ask: Ask, judgement: Judgement) -> dict[str, Any]:
    """One line of the log: no text of a request or a response."""
    return {
        "key": ask.key,
        "question": ask.question.id,
        "p": list(judgement.probabilities),
        "reason": judgement.reason,
    }


def judge_all(
    context: JobContext,
    open_judge: Callable[[], AbstractContextManager[Judge]],
    asks: Sequence[Ask],
    known: dict[str, Judgement],
) -> None:
    """Ask what is not known yet, log each reply as soon as it is there, and add it to `known`.

    open_judge: called only if there is something to ask. Raises JobStopped, with everything logged,
    if the run is to stop.
    """
    wanted = {ask.key: ask for ask in asks}
    missing = [ask for key, ask in wanted.items() if key not in known]
    done = len(wanted) - len(missing)
    context.progress(done, len(wanted), "judgements")
    if not missing:
        return
    with context.append_log(LOG) as log, open_judge() as ask_judge:
        for replies in ask_judge(missing):
            for key, judgement in replies:
                log.append(judgement_record(wanted[key], judgement))
                known[key] = judgement
            done += len(replies)
            context.progress(done, len(wanted), "judgements")
            context.raise_if_stopping()


def _inside(text: str) -> str:
    """A text that cannot end its own place in the question."""
    for fence in FENCES:
        text = text.replace(fence, fence.lower())
    return text
