"""Let a model answer a prompt set; each answer is on disk before the next is waited for."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from storage import durable
from storage.durable import AppendLog
from synthlab.engines.chat import question
from synthlab.engines.protocol import Generation, Generator, Prompt, Sampling
from synthlab.errors import JobError
from synthlab.jobs.context import JobContext, JobStopped
from synthlab.jobs.generate_engines import generator_name, open_engine
from synthlab.jobs.generate_served import server_facts, without_extras

LOG = "responses.jsonl"
METRIC_INTERVAL_S = 5.0
SYNC_INTERVAL_S = 2.0
SEED_BYTES = 4
RECORD_ID_LETTERS = 16
VOICE_LETTERS = 6


class Wanted(NamedTuple):
    """One answer that the step asks for."""

    record_id: str
    prompt: Mapping[str, Any]
    sample: int
    seed: int


def run(context: JobContext) -> None:
    """Answer what is not answered yet, then publish all answers in canonical order."""
    params = context.params
    generator = in_voice(generator_name(context), params)
    wanted = list_wanted(context, generator)
    answered = read_answered(context)
    missing = [one for one in wanted if one.record_id not in answered]
    info: dict[str, Any] = {}
    if missing:
        if answered:
            context.note(f"continues: {len(answered)} of {len(wanted)} answers are there already")
        with open_engine(context) as engine:
            with context.append_log(LOG) as log:
                answer(context, engine, generator, missing, answered, log)
            fingerprint = engine.fingerprint
        info = {
            "engine": fingerprint.engine,
            "device": fingerprint.device,
            "dtype": fingerprint.dtype,
            "batch_size": fingerprint.batch_size,
            "template_sha256": fingerprint.template_sha256,
            **({"server": dict(fingerprint.detail)} if fingerprint.detail else {}),
        }
    publish(context, generator, wanted, answered, {**info, "sampling": dict(params["sampling"])})


def list_wanted(context: JobContext, generator: str) -> list[Wanted]:
    """Every answer of the step in canonical order: by prompt, then by sample."""
    params = context.params
    path = context.input("prompts") / f"{params['prompts']}.prompts.jsonl"
    prompts = context.read_records(path)
    if not prompts:
        raise JobError("no_prompts", f"prompt set {params['prompts']!r} has no rows")
    wanted = []
    for prompt in prompts:
        for sample in range(int(params["sampling"]["samples"])):
            seed = row_seed(int(params["seed"]), prompt["id"], sample)
            identity = record_id(prompt["id"], generator, sample, seed)
            wanted.append(Wanted(identity, prompt, sample, seed))
    return wanted


def in_voice(generator: str, params: Mapping[str, Any]) -> str:
    """The model's name under the name of this voice: `~` and a digest of system prompt and sampling.

    One model asked as two personas, or at two temperatures, is two sources.
    """
    drawn = {name: params["sampling"][name] for name in ("temperature", "top_p")}
    voice = durable.canonical_json({"system": params.get("system") or "", **drawn})
    digest = hashlib.sha256(voice.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{generator}~{digest[:VOICE_LETTERS]}"


def row_seed(run_seed: int, prompt_id: str, sample: int) -> int:
    """The seed of one answer, which no other row and no batch can change; below 2**32."""
    text = f"{run_seed}|{prompt_id}|{sample}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:SEED_BYTES], "big")


def record_id(prompt_id: str, generator: str, sample: int, seed: int) -> str:
    """The stable name of a response record."""
    text = f"{prompt_id}|{generator}|{sample}|{seed}"
    return hashlib.sha256(text.encode()).hexdigest()[:RECORD_ID_LETTERS]


def read_answered(context: JobContext) -> dict[str, dict[str, Any]]:
    """Answers of earlier attempts by record id; those that ended in an error are asked again."""
    durable.repair_tail(context.work / LOG)
    found = {record["id"]: record for record in context.read_records(context.work / LOG)}
    return {key: record for key, record in found.items() if not is_error(record)}


def is_error(record: Mapping[str, Any]) -> bool:
    """Whether a response record stands for an answer that could not be given."""
    return str(record["finish_reason"]).startswith("error:")


def answer(
    context: JobContext,
    engine: Generator,
    generator: str,
    missing: Sequence[Wanted],
    answered: dict[str, dict[str, Any]],
    log: AppendLog,
) -> None:
    """Ask for the missing answers and log each as soon as it is finished."""
    total = len(answered) + len(missing)
    by_id = {one.record_id: one for one in missing}
    meter = TokenMeter(context)
    last_sync = time.monotonic()
    context.progress(len(answered), total, "answers")
    for step in engine.generate([ask(context, one) for one in missing], sampling_of(context)):
        for generation in step.finished:
            record = response_record(by_id[generation.key], generator, generation)
            log.append(record)
            answered[generation.key] = record
        meter.add(step.tokens, len(answered))
        if step.finished:
            context.progress(len(answered), total, "answers")
        if time.monotonic() - last_sync > SYNC_INTERVAL_S:
            log.sync()
            last_sync = time.monotonic()
        if context.stopping:
            log.sync()
            raise JobStopped


def ask(context: JobContext, one: Wanted) -> Prompt:
    """The prompt as the engine gets it; a system prompt of the row itself goes first."""
    system = one.prompt.get("system") or context.params.get("system")
    return Prompt(one.record_id, question(one.prompt["text"], system), one.seed)


def sampling_of(context: JobContext) -> Sampling:
    """The step's sampling in the engine's words."""
    given = context.params["sampling"]
    return Sampling(
        float(given["temperature"]), float(given["top_p"]), int(given["max_new_tokens"])
    )


def response_record(one: Wanted, generator: str, generation: Generation) -> dict[str, Any]:
    """A response record; the order of its keys is part of the format.

    The log of the work keeps two more where they say something: `counted` and `logprobs`.
    """
    more: dict[str, Any] = {} if generation.counted else {"counted": False}
    if generation.logprobs is not None:
        more["logprobs"] = [list(one) for one in generation.logprobs]
    return {
        "id": one.record_id,
        "prompt_id": one.prompt["id"],
        "source": generator,
        "generator": generator,
        "sample": one.sample,
        "seed": one.seed,
        "text": generation.text,
        "finish_reason": generation.finish_reason,
        "prompt_tokens": generation.prompt_tokens,
        "completion_tokens": generation.completion_tokens,
        **more,
    }


def publish(
    context: JobContext,
    generator: str,
    wanted: Sequence[Wanted],
    answered: Mapping[str, Mapping[str, Any]],
    info: Mapping[str, Any],
) -> None:
    """Write all answers in canonical order; raises JobError if one is missing or none is usable."""
    absent = [one.record_id for one in wanted if one.record_id not in answered]
    if absent:
        raise JobError("missing_answers", f"{len(absent)} answers are missing, first {absent[0]}")
    records = [answered[one.record_id] for one in wanted]
    errors = [record for record in records if is_error(record)]
    if len(errors) == len(records):
        reason = errors[0]["finish_reason"]
        raise JobError("no_answers", f"none of {len(records)} prompts could be answered ({reason})")
    if errors:
        context.note(f"{len(errors)} of {len(records)} prompts could not be answered")
    durable.write_jsonl(context.out / "responses.jsonl", [without_extras(r) for r in records])
    context.publish(
        {
            "generator": generator,
            "rows": len(records),
            "errors": len(errors),
            "truncated": sum(record["finish_reason"] == "length" for record in records),
            "empty": sum(not record["text"].strip() for record in records) - len(errors),
            "prompt_tokens": sum(record["prompt_tokens"] for record in records),
            "completion_tokens": sum(record["completion_tokens"] for record in records),
            **server_facts(context, records),
            **info,
        }
    )


class TokenMeter:
    """Reports tokens per second as a live curve over the number of finished answers."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._since = time.monotonic()
        self._tokens = 0

    def add(self, tokens: int, answers: int) -> None:
        """Count tokens; a point is reported every few seconds."""
        self._tokens += tokens
        seconds = time.monotonic() - self._since
        if seconds >= METRIC_INTERVAL_S:
            self._context.metric(answers, {"tokens_per_s": self._tokens / seconds})
            self._tokens, self._since = 0, time.monotonic()
