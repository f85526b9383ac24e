"""How much each step of a plan has to read, write and train, in rows and tokens, before anything is there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import comb
from pathlib import Path
from typing import Any

from synthlab.experiment.data_peek import peek
from synthlab.experiment.shapes import DatasetShape, ModelShape
from synthlab.experiment.steps import Step
from synthlab.experiment.training_steps import optimiser_steps, validation_rows

TYPICAL_PROMPT = 60
"""Tokens of a prompt where nothing is known of the set."""
TYPICAL_ANSWER = 256
"""Tokens of a model's answer that is not cut by its limit; 14.4 M tokens of the study's training say 270."""
TYPICAL_HUMAN = 80
CHAT_TOKENS = 25
"""Chat template and system prompt around a prompt."""
RUBRIC_TOKENS = 250
GOLD_ROWS = 223
"""Responses with known states by which a judge of refusals is calibrated."""
GOLD_TOKENS = 400


@dataclass(frozen=True)
class Lengths:
    """Tokens of one row."""

    prompt: float
    answer: float


@dataclass(frozen=True)
class Work:
    """What one step has to do; a step of unknown size has a reason instead."""

    units: float = 0.0
    """What the job counts while it runs: answers, training rows, texts, judgements."""
    read: float = 0.0
    """Tokens that a model reads."""
    written: float = 0.0
    """Tokens that a model writes."""
    trained: float = 0.0
    """Tokens that pass forward and backward."""
    steps: int = 0
    """Optimiser steps."""
    rows: float = 0.0
    """Rows of what the step publishes."""
    lengths: Lengths = Lengths(0.0, 0.0)
    longest: float = 0.0
    """Tokens after which an answer, or a training row, is cut."""
    unknown: str = ""
    """Why the size cannot be told."""

    @property
    def tokens(self) -> float:
        """All tokens that pass through a model."""
        return self.read + self.written + self.trained


@dataclass(frozen=True)
class SetSize:
    """Rows and lengths of one prompt set."""

    rows: float
    lengths: Lengths


class UnknownSize(Exception):
    """A step's size hangs on something that nobody has counted yet."""


@dataclass(frozen=True)
class Counted:
    """What earlier runs of this catalog have counted."""

    rows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Rows of each prompt set that an import made, by step key."""
    answer_tokens: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """Tokens of a mean answer, by model and limit."""


def workloads(
    steps: Sequence[Step], datasets: Mapping[str, DatasetShape], counted: Counted
) -> dict[str, Work]:
    """The work of every step by its label; steps come with inputs before those who read them."""
    reckoning = _Reckoning(datasets, counted)
    found = {}
    for step in steps:
        try:
            found[step.label] = reckoning.work(step)
        except UnknownSize as error:
            found[step.label] = Work(unknown=str(error))
    return found


class _Reckoning:
    def __init__(self, datasets: Mapping[str, DatasetShape], counted: Counted) -> None:
        self.datasets = datasets
        self.counted = counted
        self.sets: dict[tuple[str, str], SetSize] = {}
        """By import or compose step and set name."""
        self.answers: dict[str, SetSize] = {}
        """By generate or mix step."""
        self.why: dict[str, str] = {}

    def work(self, step: Step) -> Work:
        inputs = {given.role: given.step for given in step.inputs}
        for of in inputs.values():
            if of in self.why:
                self.why[step.label] = self.why[of]
                raise UnknownSize(self.why[of])
        try:
            reckon = getattr(self, f"_{step.kind}", None)
            return Work() if reckon is None else reckon(step, inputs)
        except UnknownSize as error:
            self.why[step.label] = str(error)
            raise

    def _import(self, step: Step, inputs: Mapping[str, str]) -> Work:
        given: Mapping[str, Any] = step.params["dataset"]
        name = given["name"]
        shape = self.datasets.get(name) or self.datasets.get(f"builtin:{name}") or DatasetShape()
        lengths = Lengths(
            shape.prompt_tokens or TYPICAL_PROMPT, shape.answer_tokens or TYPICAL_HUMAN
        )
        own = str(step.params["set"])
        sizes: dict[str, float] = dict(self.counted.rows.get(step.key, {}))
        if not sizes:
            total = (
                step.params["rows"]
                or shape.rows.get(given.get("split", "train"))
                or _rows_of_file(step)
            )
            if total is None:
                raise UnknownSize(f"the rows of {name} are not counted yet; `rows` would say them")
            sizes = {own: float(total)}
            for cut in step.params["holdouts"]:
                size = cut["rows"] or math.floor(cut["share"] * total + 0.5)
                sizes[cut["set"]] = size
                sizes[own] -= size
        for one, rows in sizes.items():
            self.sets[step.label, one] = SetSize(rows, lengths)
        return Work(rows=sum(sizes.values()), lengths=lengths)

    def _compose(self, step: Step, inputs: Mapping[str, str]) -> Work:
        templates = self.set_of(inputs["templates"], step.params["templates"])
        requests = self.set_of(inputs["requests"], step.params["requests"])
        rows = float(step.params["rows"] or requests.rows)
        both = templates.lengths.prompt + requests.lengths.prompt
        size = SetSize(rows, Lengths(both, requests.lengths.answer))
        self.sets[step.label, step.params["set"]] = size
        return Work(rows=rows, lengths=size.lengths)

    def _generate(self, step: Step, inputs: Mapping[str, str]) -> Work:
        asked = self.set_of(inputs["prompts"], step.params["prompts"])
        sampling = step.params["sampling"]
        limit = int(sampling["max_new_tokens"])
        model = str(step.params["model"]["id"])
        usual = min(limit, TYPICAL_ANSWER)
        answer = self.counted.answer_tokens.get((model, limit), usual)
        rows = asked.rows * int(sampling["samples"])
        lengths = Lengths(asked.lengths.prompt, answer)
        self.answers[step.label] = SetSize(rows, lengths)
        return Work(
            units=rows,
            read=rows * (lengths.prompt + CHAT_TOKENS),
            written=rows * answer,
            rows=rows,
            lengths=lengths,
            longest=limit,
        )

    def _mix(self, step: Step, inputs: Mapping[str, str]) -> Work:
        prompts = self.set_of(inputs["prompts"], step.params["prompts"])
        parts = [
            self.set_of(inputs[part["role"]], part["set"])
            if part["set"] is not None
            else self.answers[inputs[part["role"]]]
            for part in step.params["parts"]
        ]
        shares = [float(part["share"]) for part in step.params["parts"]]
        answer = sum(s * part.lengths.answer for s, part in zip(shares, parts, strict=True))
        lengths = Lengths(prompts.lengths.prompt, answer / sum(shares))
        rows = prompts.rows * (len(parts) if step.params["assign"] == "all" else 1)
        if step.params["tokens"]:
            rows = min(rows, step.params["tokens"] / max(1.0, lengths.answer))
        rows = float(step.params["rows"] or rows)
        self.answers[step.label] = SetSize(rows, lengths)
        return Work(rows=rows, lengths=lengths)

    def _finetune(self, step: Step, inputs: Mapping[str, str]) -> Work:
        mixture = self.answers[inputs["mixture"]]
        params = step.params
        held_back = validation_rows(int(mixture.rows), params["validation_share"])
        learnt = int(mixture.rows) - held_back
        steps = optimiser_steps(params, learnt)
        per_step = int(params["batch_size"]) * int(params["accumulation"])
        rows = float(steps * per_step)
        if params["epochs"]:
            rows = min(rows, params["epochs"] * learnt)
        length = mixture.lengths.prompt + mixture.lengths.answer + CHAT_TOKENS
        length = min(length, int(params["max_length"]))
        looks = steps // int(params["eval_every"]) if held_back else 0
        return Work(
            units=rows,
            read=looks * held_back * length,
            trained=rows * length,
            steps=steps,
            rows=mixture.rows,
            lengths=mixture.lengths,
            longest=float(params["max_length"]),
        )

    def _collapse(self, step: Step, inputs: Mapping[str, str]) -> Work:
        answers = self.answers[inputs["answers"]]
        human = self.set_of(inputs["human"], step.params["prompts"])
        wanted = set(step.params["metrics"])
        base = answers.rows if wanted & {"ppl1", "entropy"} else 0.0
        # Without an adapter the base's own reading of its answers serves for the entropy too.
        own = answers.rows if "entropy" in wanted and "adapter" in inputs else 0.0
        people = human.rows if "ppl2" in wanted else 0.0
        context = answers.lengths.prompt + CHAT_TOKENS
        read = (base + own) * (context + answers.lengths.answer)
        read += people * (context + human.lengths.answer)
        return Work(base + own + people, read, rows=answers.rows, lengths=answers.lengths)

    def _calibrate(self, step: Step, inputs: Mapping[str, str]) -> Work:
        return Work(GOLD_ROWS, GOLD_ROWS * GOLD_TOKENS, rows=GOLD_ROWS)

    def _judge(self, step: Step, inputs: Mapping[str, str]) -> Work:
        given = [self.answers[of] for role, of in inputs.items() if role.startswith("answers:")]
        questions = sum(len(one["questions"]) for one in step.params["rubrics"].values())
        judging = step.params["judging"]
        asked = questions * int(judging["draws"])
        rows = sum(one.rows for one in given)
        read = sum(
            one.rows * asked * (one.lengths.prompt + one.lengths.answer + RUBRIC_TOKENS)
            for one in given
        )
        replies = int(judging["reply_tokens"]) if judging["method"] == "parsed" else 0
        written = rows * asked * replies
        return Work(rows * asked, read, written, rows=rows * asked, longest=replies)

    def _robustness(self, step: Step, inputs: Mapping[str, str]) -> Work:
        given = [self.answers[of] for role, of in inputs.items() if role.startswith("answers:")]
        return Work(rows=sum(one.rows for one in given))

    def _bias(self, step: Step, inputs: Mapping[str, str]) -> Work:
        params = step.params
        asked = self.set_of(inputs["prompts"], params["prompts"])
        prompts = min(float(params["rows"]), asked.rows)
        kinds = [one["kind"] for one in params["candidates"]]
        own = kinds.count("answers")
        # Two conditions' texts are not compared with each other; pairs are shown in both orders.
        pairs = comb(len(kinds), 2) - comb(own, 2) + int(params["anchors"])
        ratings = len(kinds) if params["rating"] else 0
        written = [self.answers[of].lengths.answer for of in inputs.values() if of in self.answers]
        answer = sum(written) / len(written) if written else asked.lengths.answer
        task = asked.lengths.prompt if params["show_prompt"] else 0.0
        judgements = prompts * (2 * pairs + 1 + ratings)
        read = prompts * (2 * pairs + 1) * (task + 2 * answer + RUBRIC_TOKENS)
        read += prompts * ratings * (task + answer + RUBRIC_TOKENS)
        return Work(judgements, read, rows=judgements)

    def set_of(self, step: str, name: str) -> SetSize:
        if (step, name) not in self.sets:
            raise UnknownSize(f"the rows of {name} are not counted yet")
        return self.sets[step, name]


def _rows_of_file(step: Step) -> int | None:
    """Rows of the data file of an import, as far as a look into it tells."""
    located, form = step.locate.get("dataset"), step.params["dataset"].get("format")
    if located is None or form is None:
        return None
    found = peek(Path(located), form)
    return found.rows if found is not None else None


def batch_rows(shape: ModelShape, work: Work, dtype: str, memory_bytes: float, limit: int) -> int:
    """Answers that are written side by side: as many caches as half of the free memory holds."""
    free = max(0.0, memory_bytes - shape.weight_bytes(dtype))
    longest = work.lengths.prompt + CHAT_TOKENS + work.longest
    fits = int(free / 2 / max(1.0, 2 * shape.cache_bytes() * longest))
    return max(1, min(limit, fits, math.ceil(work.units) or 1))
