"""What the judge says: label probabilities for every showing, each on disk before the next batch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storage.durable import AppendLog
from synthlab.engines.chat import question
from synthlab.experiment.preference_rubrics import PreferenceRubric
from synthlab.jobs.bias_texts import BiasTexts
from synthlab.jobs.context import JobContext, JobStopped
from synthlab.jobs.judge_pairs import JudgedPair, JudgedText, rating_id
from synthlab.jobs.model_inputs import ModelInputs

LOG = "scores.jsonl"
TOO_LONG = "longer than the judge's context"
DIGITS = 6
"""Of a stored log-probability: finer than any hardware repeats."""


class Showing(NamedTuple):
    """One question to the judge."""

    key: str
    prompt_id: str
    texts: tuple[JudgedText, ...]
    """In the order of showing."""


class Said(NamedTuple):
    """The log-probability of each label, or why there is none."""

    log_p: tuple[float, ...]
    reason: str = ""


@dataclass(frozen=True)
class JudgeNotes:
    """What decides the numbers besides the words: for the comparability keys."""

    dtype: str
    template_sha256: str


def showings_of(pair: JudgedPair) -> list[Showing]:
    """The pair in each of its orders."""
    return [Showing(f"{pair.id}:{o}", pair.prompt_id, pair.shown(o)) for o in pair.orders]


def rating_of(prompt_id: str, text: JudgedText) -> Showing:
    """A single text to be rated."""
    return Showing(rating_id(prompt_id, text), prompt_id, (text,))


class Ask(NamedTuple):
    """Questions that are put with the same rubric."""

    rubric: PreferenceRubric
    showings: Sequence[Showing]


def ask_judge(
    context: JobContext, source: ModelInputs, texts: BiasTexts, asks: Sequence[Ask]
) -> tuple[dict[str, Said], JudgeNotes | None]:
    """What the judge says to every showing; what earlier attempts logged is not asked again.

    The notes are None if nothing was left to ask. Raises JobStopped with everything logged.
    """
    with context.append_log(LOG) as log:
        known = _read_log(context)
        wanted = sum(len(ask.showings) for ask in asks)
        missing = [
            Ask(ask.rubric, [one for one in ask.showings if one.key not in known]) for ask in asks
        ]
        if not any(ask.showings for ask in missing):
            return known, None
        loaded, model = _load(context, source)
        context.progress(len(known), wanted, "judgements")
        for ask in missing:
            for batch in _answers(context, loaded, model, texts, ask):
                for key, said in batch:
                    known[key] = said
                    log.append({"key": key, "log_p": said.log_p, "reason": said.reason})
                context.progress(len(known), wanted, "judgements")
                _stop_if_asked(context, log)
    return known, JudgeNotes(loaded.dtype, loaded.chat.template_sha256)


def _stop_if_asked(context: JobContext, log: AppendLog) -> None:
    if context.stopping:
        log.sync()
        raise JobStopped


def _read_log(context: JobContext) -> dict[str, Said]:
    rows = context.read_records(context.work / LOG)
    return {row["key"]: Said(tuple(row["log_p"]), row["reason"]) for row in rows}


def _load(context: JobContext, source: ModelInputs) -> tuple[Any, Any]:
    from synthlab.engines.loading import attach_adapter, load_model

    loaded = load_model(source.folder, context.params.get("dtype", "auto"))
    if source.adapter is None:
        return loaded, loaded.model
    adapted = attach_adapter(loaded, source.adapter)
    # In 16 bits a merge would round the adapter's small changes away.
    return loaded, adapted.merge_and_unload() if loaded.dtype == "float32" else adapted


def _answers(
    context: JobContext, loaded: Any, model: Any, texts: BiasTexts, ask: Ask
) -> Iterator[list[tuple[str, Said]]]:
    from synthlab.engines.label_scoring import LabelScorer, reply_tokens
    from synthlab.engines.prefix_tree import StemmedPrompt

    if not ask.showings:
        return
    reply = reply_tokens(loaded.tokenizer, ask.rubric.reply, ask.rubric.labels)
    prompts, refused = [], []
    for one in ask.showings:
        task = texts.tasks[one.prompt_id] if context.params["show_prompt"] else None
        asked = ask.rubric.question(tuple(text.text for text in one.texts), task)
        ids = (*loaded.chat.prompt_ids(question(asked, None)), *reply.opening)
        if len(ids) > loaded.context_length:
            refused.append((one.key, Said((), TOO_LONG)))
            continue
        first = one.texts[0]
        stem = f"{one.prompt_id}|{first.response_id}|{first.derived}"
        prompts.append(StemmedPrompt(one.key, ids, (one.prompt_id, stem)))
    if refused:
        context.note(f"{len(refused)} of {len(ask.showings)} judgements left out: {TOO_LONG}")
        yield refused
    scorer = LabelScorer(loaded, model, reply.labels)
    for batch in scorer.score(prompts):
        yield [(one.key, _said(one.log_p)) for one in batch]


def _said(log_p: Sequence[float]) -> Said:
    if not all(math.isfinite(one) for one in log_p):
        return Said((), "a label has no finite probability")
    return Said(tuple(round(one, DIGITS) for one in log_p))


def pair_record(pair: JudgedPair, known: Mapping[str, Said], least_mass: float) -> dict[str, Any]:
    """An item as stored: ids and probabilities; a pair counts only if every order was scored."""
    said = [known[one.key] for one in showings_of(pair)]
    reason = next((one.reason for one in said if one.reason), "")
    masses = [] if reason else [sum(math.exp(p) for p in one.log_p) for one in said]
    if not reason and min(masses) < least_mass:
        reason = "too little probability on the labels"
    return {
        "id": pair.id,
        "kind": pair.kind,
        "prompt_id": pair.prompt_id,
        "x": pair.x.ref,
        "y": pair.y.ref,
        "log_p": None if any(one.reason for one in said) else [list(one.log_p) for one in said],
        "reason": reason,
    }


def rating_record(
    showing: Showing, known: Mapping[str, Said], rubric: PreferenceRubric, least_mass: float
) -> dict[str, Any]:
    """A rating as stored; the expected grade is normalised over the grades."""
    said = known[showing.key]
    chances = [math.exp(one) for one in said.log_p]
    mass, rating, reason = None, None, said.reason
    if not reason:
        mass = min(1.0, sum(chances))
        if mass < least_mass:
            reason = "too little probability on the grades"
        else:
            grades = [int(label) for label in rubric.labels]
            total = sum(c * g for c, g in zip(chances, grades, strict=True))
            rating = round(total / sum(chances), DIGITS)
    return {
        "id": showing.key,
        "prompt_id": showing.prompt_id,
        **showing.texts[0].ref,
        "log_p": list(said.log_p) or None,
        "mass": None if mass is None else round(mass, DIGITS),
        "rating": rating,
        "reason": reason,
    }
