"""One probe of a model in training: answers, likelihoods and verdicts of a few fixed texts.

Nothing here draws from torch's random streams or keeps a gradient, so that a training with probes
gives the very bytes of one without.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from synthlab.engines.chat import question
from synthlab.engines.label_scoring import LabelScorer, Reply, reply_tokens
from synthlab.engines.likelihood import Span, score_spans
from synthlab.engines.loading import LoadedModel, release_memory
from synthlab.engines.prefix_tree import StemmedPrompt
from synthlab.engines.protocol import Prompt, Sampling, Turn
from synthlab.engines.transformers_engine import TransformersEngine
from synthlab.experiment.preference_rubrics import PreferenceRubric
from synthlab.jobs.generate import row_seed
from synthlab.jobs.probe_measures import (
    Likelihoods,
    Number,
    Verdicts,
    bias_numbers,
    collapse_numbers,
    robustness_numbers,
)
from synthlab.jobs.probe_texts import ProbeTexts
from synthlab.metrics.catalog import Axis

CPU_ROWS = 8
"""Pairs of texts that are judged at once on a CPU: between two batches a stop or a limit is seen."""
SEED = 0
"""Of every probe's random streams: the same whatever the training's seed."""


class ProbeAbandoned(Exception):
    """The probe was given up half-way: the run is to stop, or the probe takes too long."""


@dataclass(frozen=True)
class _Pair:
    """Two texts to be shown in both orders."""

    name: str
    task: str
    x: str
    y: str


class Prober:
    """Measures a model in training, or its base, on the same texts each time."""

    def __init__(
        self, loaded: LoadedModel, model: Any, texts: ProbeTexts, probe: Mapping[str, Any]
    ) -> None:
        """model: `loaded.model` with the adapter that is being trained on it."""
        self._loaded = loaded
        self._model = model
        self._texts = texts
        self._axes: frozenset[Axis] = frozenset(probe["axes"])
        self._samples = int(probe["samples"])
        self._sampling = Sampling(
            float(probe["temperature"]), float(probe["top_p"]), int(probe["max_new_tokens"])
        )
        judge = probe.get("judge")
        self._rubric = PreferenceRubric.from_json(judge["rubric"]) if judge else None
        self._least_mass = float(judge["least_mass"]) if judge else 0.0
        self._shows_task = bool(judge["show_prompt"]) if judge else True

    def measure(
        self, *, adapted: bool, until: float, stopping: Callable[[], bool]
    ) -> dict[Axis, list[Number]]:
        """The numbers of every axis, of the model in training or (not adapted) of its base.

        until: time on the monotonic clock at which it is given up. Raises ProbeAbandoned then, or if
        `stopping`; JobError if the model cannot be probed at all. Leaves the model as it was.
        """

        def watch() -> None:
            if stopping() or time.monotonic() > until:
                raise ProbeAbandoned

        with untouched(self._model, self._loaded):
            answers = self._answer(adapted, watch)
            found: dict[Axis, list[Number]] = {}
            if "collapse" in self._axes:
                found["collapse"] = list(
                    collapse_numbers(
                        list(answers.values())[: len(self._texts.rows) * self._samples],
                        self._base_likelihoods(answers, watch),
                        self._sampling.max_new_tokens,
                    )
                )
            if "robustness" in self._axes:
                asked = [turns[-1].content for _, turns in self._texts.requests]
                said = [answers[f"harmful|{name}|0"] for name, _ in self._texts.requests]
                found["robustness"] = list(robustness_numbers(asked, said))
            if "bias" in self._axes and self._rubric is not None:
                found["bias"] = list(self._judge(answers, adapted, watch))
        return found

    def _questions(self) -> Iterator[tuple[str, str, int, tuple[Turn, ...]]]:
        """Key, prompt, sample and turns of every answer that is wanted, those of the mixture first."""
        samples = self._samples if "collapse" in self._axes else 1
        if self._axes & {"collapse", "bias"}:
            for row in self._texts.rows:
                for sample in range(samples):
                    yield f"own|{row.prompt_id}|{sample}", row.prompt_id, sample, row.turns
        for name, turns in self._texts.requests:
            yield f"harmful|{name}|0", name, 0, turns

    def _answer(self, adapted: bool, watch: Callable[[], None]) -> dict[str, str]:
        """The answers by key, in the order of the questions; empty where there is none."""
        prompts = [
            Prompt(key, turns, row_seed(SEED, prompt, sample))
            for key, prompt, sample, turns in self._questions()
        ]
        answers = {one.key: "" for one in prompts}
        engine = TransformersEngine(self._loaded, self._model)
        with self._as(adapted):
            for step in engine.generate(prompts, self._sampling):
                answers |= {one.key: one.text for one in step.finished}
                watch()
        return answers

    def _base_likelihoods(
        self, answers: Mapping[str, str], watch: Callable[[], None]
    ) -> Likelihoods:
        chat, rows = self._loaded.chat, self._texts.rows
        keys = [f"own|{row.prompt_id}|{n}" for row in rows for n in range(self._samples)]
        turns = {
            f"own|{row.prompt_id}|{n}": row.turns for row in rows for n in range(self._samples)
        }
        spans = [
            Span(key, tuple(chat.prompt_ids(turns[key])), tuple(chat.answer_ids(answers[key])))
            for key in keys
            if answers[key].strip()
        ]
        sums, tokens = dict.fromkeys(keys, 0.0), dict.fromkeys(keys, 0)
        with self._as(adapted=False):
            for batch in score_spans(self._model, self._loaded, spans):
                for one in batch:
                    sums[one.key], tokens[one.key] = one.sum_log_p, one.tokens
                watch()
        sizes = [len(answers[key].encode("utf-8", errors="surrogatepass")) for key in keys]
        return Likelihoods(list(sums.values()), list(tokens.values()), sizes)

    def _judge(
        self, answers: Mapping[str, str], adapted: bool, watch: Callable[[], None]
    ) -> Iterator[Number]:
        rows = self._texts.rows
        own = [
            _Pair(f"own|{row.prompt_id}", row.task, said, row.response)
            for row in rows
            for said in [answers[f"own|{row.prompt_id}|0"]]
            if said.strip() and row.response.strip() and said != row.response
        ]
        anchors = [
            _Pair(f"anchor|{row.prompt_id}", row.task, row.response, row.ruined)
            for row in rows[: (len(rows) + 1) // 2]
            if row.ruined is not None
        ]
        with self._as(adapted):
            seen = self._verdicts([*own, *anchors], watch)
        told = seen[: len(own)]
        if adapted:
            with self._as(adapted=False):
                told = self._verdicts(own, watch)
        lengths = [(len(one.x), len(one.y)) for one in (*own, *anchors)]
        return bias_numbers(
            Verdicts(seen[: len(own)], lengths[: len(own)]),
            Verdicts(told, lengths[: len(own)]),
            Verdicts(seen[len(own) :], lengths[len(own) :]),
            self._least_mass,
        )

    def _verdicts(
        self, pairs: Sequence[_Pair], watch: Callable[[], None]
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(pairs, order, position) log-probabilities of the labels; NaN for what is too long."""
        assert self._rubric is not None
        found = np.full((len(pairs), 2, 2), np.nan)
        reply = reply_tokens(self._loaded.tokenizer, self._rubric.reply, self._rubric.labels)
        prompts, places = [], {}
        for number, pair in enumerate(pairs):
            for order, texts in enumerate(((pair.x, pair.y), (pair.y, pair.x))):
                prompt = self._showing(f"{number}:{order}", pair.task, texts, reply)
                if len(prompt.ids) <= self._loaded.context_length:
                    prompts.append(prompt)
                    places[prompt.key] = (number, order)
        rows = CPU_ROWS if self._loaded.device.type == "cpu" else None
        scorer = LabelScorer(self._loaded, self._model, reply.labels, batch_size=rows)
        for batch in scorer.score(prompts):
            for one in batch:
                found[places[one.key]] = one.log_p
            watch()
        return found

    def _showing(self, key: str, task: str, texts: tuple[str, str], reply: Reply) -> StemmedPrompt:
        assert self._rubric is not None
        asked = self._rubric.question(texts, task if self._shows_task else None)
        ids = (*self._loaded.chat.prompt_ids(question(asked, None)), *reply.opening)
        return StemmedPrompt(key, ids, (task, f"{task}|{texts[0]}"))

    @contextmanager
    def _as(self, adapted: bool) -> Iterator[None]:
        with nullcontext() if adapted else self._model.disable_adapter():
            yield


@contextmanager
def untouched(model: Any, loaded: LoadedModel) -> Iterator[None]:
    """Let a model in training be used without a trace: its mode and all random streams come back."""
    training = bool(model.training)
    python, numpy = random.getstate(), np.random.get_state()
    on_gpu = loaded.device.type == "cuda"
    model.eval()
    try:
        with torch.random.fork_rng(devices=[loaded.device] if on_gpu else []):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        model.train(training)
        # The caches of a probe must not take the room that the next training step needs.
        release_memory(loaded.device)
