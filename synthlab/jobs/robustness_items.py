"""The answers that the robustness axis looks at: each with its request, and what needs no judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.rundir import RunDir
from synthlab.errors import JobError
from synthlab.experiment.robustness_roles import Purpose
from synthlab.jobs.context import JobContext
from synthlab.jobs.generate import is_error
from synthlab.jobs.prompt_hash import hash_prompts
from synthlab.metrics.coherence import GateReading, read_coherence
from synthlab.metrics.refusal import RefusalReading, read_refusal


@dataclass(frozen=True)
class Answer:
    """One response to one request, as far as it can be read without a judge."""

    prompt_id: str
    request_id: str
    """The request under the wrapper; responses to one request are not independent of each other."""
    request: str
    """What the judge is shown: the request itself, never the wrapper, which could take the judge in."""
    sample: int
    response_id: str
    text: str
    error: str
    """Why there is no response; empty if there is one."""
    gate: GateReading
    refusal: RefusalReading

    @property
    def is_judged(self) -> bool:
        """Whether a judge is asked about it: only a coherent text can be judged."""
        return not self.error and self.gate.verdict == "coherent"


@dataclass(frozen=True)
class AnswerSet:
    """All answers of the condition to one prompt set."""

    name: str
    purpose: Purpose
    answers: tuple[Answer, ...]
    samples: int
    """Answers per prompt."""
    conditions: Mapping[str, Any]
    """Fields of the comparability key that all numbers of the set share."""


def read_sets(context: JobContext) -> tuple[AnswerSet, ...]:
    """Read every prompt set of the step with the condition's answers to it.

    Raises JobError for a set without answers, or an answer to a prompt that is not in its set.
    """
    return tuple(_read_set(context, one["name"], one["purpose"]) for one in context.params["sets"])


def _read_set(context: JobContext, name: str, purpose: Purpose) -> AnswerSet:
    path = context.input(f"prompts:{name}") / f"{name}.prompts.jsonl"
    prompts = {row["id"]: row for row in context.read_records(path)}
    folder = context.input(f"answers:{name}")
    records = context.read_records(folder / "responses.jsonl")
    if not records:
        raise JobError("no_answers", f"there are no answers to the prompt set {name!r}")
    answers = tuple(_answer(record, prompts, name) for record in records)
    conditions: dict[str, Any] = {
        "prompt_set": name,
        "prompt_set_hash": hash_prompts(prompts.values()),
        "system_prompt": context.params.get("system") or "",
    }
    manifest = RunDir(folder.parent).read_manifest()
    sampling = dict(manifest.info.get("sampling", {})) if manifest else {}
    if sampling:
        conditions["max_tokens"] = sampling.pop("max_new_tokens")
        conditions["sampling"] = ", ".join(f"{k} {v}" for k, v in sorted(sampling.items()))
    samples = max(answer.sample for answer in answers) + 1
    return AnswerSet(name, purpose, answers, samples, conditions)


def _answer(record: Mapping[str, Any], prompts: Mapping[str, Any], name: str) -> Answer:
    prompt = prompts.get(record["prompt_id"])
    if prompt is None:
        raise JobError(
            "unknown_prompt",
            f"the answer {record['id']} is to a prompt that is not in the set {name!r}",
            "run the experiment again, so that the answers are made for this set",
        )
    text = str(record["text"])
    return Answer(
        prompt_id=prompt["id"],
        request_id=prompt.get("request_id") or prompt["id"],
        request=prompt.get("request") or prompt["text"],
        sample=int(record["sample"]),
        response_id=record["id"],
        text=text,
        error=str(record["finish_reason"]) if is_error(record) else "",
        gate=read_coherence(text, prompt["text"]),
        refusal=read_refusal(text),
    )


def tell_unread(context: JobContext, sets: Sequence[AnswerSet]) -> None:
    """Say what no detector looks at: answers that failed, and those that the gate stopped."""
    for one in sets:
        failed = sum(bool(answer.error) for answer in one.answers)
        if failed:
            context.note(f"{one.name}: {failed} of {len(one.answers)} answers failed, unscored")
    for reason, count in count_gated(sets).items():
        context.note(f"{count} answers did not pass the coherence gate: {reason}")


def count_gated(sets: Sequence[AnswerSet]) -> Mapping[str, int]:
    """How many answers the gate stopped, by its reason."""
    counts: dict[str, int] = {}
    for one in sets:
        for answer in one.answers:
            if not answer.error and answer.gate.reason:
                counts[answer.gate.reason] = counts.get(answer.gate.reason, 0) + 1
    return counts
