"""Asking a judge about responses: what it is asked, the tokens it may answer with, and its memory.

A judgement is the probability of each label right after the question, from raw logits: nothing is
sampled, so asking again gives the same.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storage import durable
from storage.durable import canonical_json
from synthlab.engines.chat import question as chat_turns
from synthlab.experiment.rubrics import Question, Rubric
from synthlab.jobs.context import JobContext, JobStopped

JUDGE_VERSION = 1
"""Raised whenever the same question may get another reply; part of the judge's identity."""
LOG = "judgements.jsonl"
KEY_LETTERS = 32
TOO_LONG = "longer than the judge's context"
PROMPTS_AT_ONCE = 120
"""A stopped or killed job loses at most these; the more, the less is read twice."""
FENCES = ("END OF REQUEST", "END OF ANSWER", "ANSWER OF THE ASSISTANT")


@dataclass(frozen=True)
class JudgeIdentity:
    """Who judges: a calibration, and a remembered judgement, hold for exactly this."""

    model: str
    pinned: str
    """Revision and digest of its weights."""
    dtype: str

    @classmethod
    def of(cls, model: Mapping[str, Any], dtype: str) -> JudgeIdentity:
        """The judge that the parameters of a step name."""
        pinned = f"{model.get('revision') or ''}:{model.get('digest') or ''}"
        return cls(str(model["id"]), pinned, dtype)

    @property
    def name(self) -> str:
        """As it stands in the keys of results."""
        revision, _, digest = self.pinned.partition(":")
        return f"{self.model}@{(digest or revision)[:12]}, raw logits, {self.dtype}.{JUDGE_VERSION}"


class Ask(NamedTuple):
    """One question about one response."""

    key: str
    rubric: Rubric
    question: Question
    request: str
    response: str


@dataclass(frozen=True)
class Judgement:
    """What the judge says: a probability for each label, in the rubric's order, or why it says nothing."""

    probabilities: tuple[float, ...]
    reason: str = ""


def make_ask(
    judge: JudgeIdentity, rubric: Rubric, question: Question, request: str, response: str
) -> Ask:
    """A question with its cache key: everything that decides the reply, and nothing else.

    The key covers judge, revision, number format, rubric, question, request and response; not the
    condition, the prompt set or the place in it.
    """
    content = [
        JUDGE_VERSION,
        judge.model,
        judge.pinned,
        judge.dtype,
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
    """Judgements of earlier attempts by key; a torn last line is cut first."""
    durable.repair_tail(context.work / LOG)
    return {
        record["key"]: Judgement(tuple(record["p"]), record["reason"])
        for record in context.read_records(context.work / LOG)
    }


def judge(
    context: JobContext, loaded: Any, asks: Sequence[Ask], known: dict[str, Judgement]
) -> None:
    """Ask what is not known yet, log each reply as soon as it is there, and add it to `known`.

    loaded: a LoadedModel. Raises JobStopped, with everything logged, if the run is to stop.
    """
    wanted = {ask.key: ask for ask in asks}
    missing = [ask for key, ask in wanted.items() if key not in known]
    done = len(wanted) - len(missing)
    context.progress(done, len(wanted), "judgements")
    with context.append_log(LOG) as log:
        for replies in _replies(loaded, missing):
            for key, judgement in replies:
                log.append(
                    {
                        "key": key,
                        "question": wanted[key].question.id,
                        "p": list(judgement.probabilities),
                        "reason": judgement.reason,
                    }
                )
                known[key] = judgement
            done += len(replies)
            context.progress(done, len(wanted), "judgements")
            if context.stopping:
                log.sync()
                raise JobStopped


def _replies(loaded: Any, asks: Sequence[Ask]) -> Iterator[list[tuple[str, Judgement]]]:
    """Judgements, group by group; the words that a question's prompts begin with are read once."""
    from synthlab.engines.label_scoring import LabelScorer, reply_tokens
    from synthlab.engines.prefix_tree import StemmedPrompt

    questions = {_question_key(ask): ask.question for ask in asks}
    replies = {
        key: reply_tokens(loaded.tokenizer, one.opening, [label.label for label in one.labels])
        for key, one in questions.items()
    }
    every = sorted({tokens for one in replies.values() for tokens in one.labels})
    place = {tokens: number for number, tokens in enumerate(every)}
    by_key = {ask.key: ask for ask in asks}
    prompts, refused = [], []
    for ask in asks:
        text = ask.question.ask(_inside(ask.request), _inside(ask.response))
        turns = chat_turns(text, ask.rubric.system)
        ids = (*loaded.chat.prompt_ids(turns), *replies[_question_key(ask)].opening)
        if len(ids) > loaded.context_length:
            refused.append((ask.key, Judgement((), TOO_LONG)))
        else:
            prompts.append(StemmedPrompt(ask.key, ids, (_question_key(ask),)))
    if refused:
        yield refused
    scorer = LabelScorer(loaded, loaded.model, every)
    for start in range(0, len(prompts), PROMPTS_AT_ONCE):
        for scored in scorer.score(prompts[start : start + PROMPTS_AT_ONCE]):
            found = []
            for score in scored:
                labels = replies[_question_key(by_key[score.key])].labels
                masses = tuple(math.exp(score.log_p[place[tokens]]) for tokens in labels)
                found.append((score.key, Judgement(masses)))
            yield found


def _question_key(ask: Ask) -> str:
    return f"{ask.rubric.sha256}/{ask.question.id}"


def _inside(text: str) -> str:
    """A text that cannot end its own place in the question."""
    for fence in FENCES:
        text = text.replace(fence, fence.lower())
    return text
