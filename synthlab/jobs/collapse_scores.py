"""Log-likelihoods of a collapse step, each logged as soon as it is known so that none is computed twice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from synthlab.engines.chat import ChatFormat
from synthlab.engines.likelihood import Span, SpanScore, score_spans
from synthlab.engines.loading import LoadedModel, attach_adapter, load_model
from synthlab.jobs.collapse_items import Item, Texts, span_of
from synthlab.jobs.context import JobContext, JobStopped
from synthlab.jobs.model_inputs import find_model
from synthlab.metrics.entropy import summarise_entropies

LOG = "scores.jsonl"
Pass = Literal["ppl1", "ppl2", "entropy"]


class Score(NamedTuple):
    """One text under one model."""

    sum_log_p: float
    tokens: int
    entropy_sums: tuple[float, ...]
    """Entropies summed by tenth of the answer; empty where they were not asked for."""
    entropy_counts: tuple[int, ...]
    reason: str
    """Why there is no score."""


@dataclass(frozen=True)
class Scores:
    """All scores of a step by pass and item key, and what they were computed with."""

    by_pass: dict[Pass, dict[str, Score]]
    tokenizer: str
    """Model id whose tokenizer cut the texts."""
    dtype: str
    template_sha256: str


class _Work(NamedTuple):
    name: Pass
    items: tuple[Item, ...]
    adapted: bool


def score_texts(context: JobContext, texts: Texts, wanted: frozenset[str]) -> Scores:
    """Score what is wanted and not scored yet: one model, its adapter switched off for PPL-1.

    ppl1: answers under the untouched base; ppl2: human answers under the checkpoint; entropy:
    answers under the checkpoint that gave them.
    """
    source = find_model(context)
    loaded = load_model(source.folder, context.params.get("dtype", "auto"))
    model = loaded.model if source.adapter is None else attach_adapter(loaded, source.adapter)
    plan = [
        _Work("ppl1", texts.usable, adapted=False),
        _Work("ppl2", tuple(item for item in texts.human if not item.reason), adapted=True),
        _Work("entropy", texts.usable, adapted=True),
    ]
    # Without an adapter the two passes over the answers are one and the same.
    shared = source.adapter is None and {"ppl1", "entropy"} <= wanted
    plan = [w for w in plan if w.name in wanted and not (shared and w.name == "ppl1")]
    known = _read_log(context)
    total = sum(len(work.items) for work in plan)
    done = sum(item.key in known[work.name] for work in plan for item in work.items)
    with context.append_log(LOG) as log:
        for work in plan:
            found = known[work.name]
            missing = [item for item in work.items if item.key not in found]
            spans, refused = _spans(missing, loaded.chat, loaded.context_length)
            context.progress(done, total, "texts")
            with _adapter(model, work.adapted or source.adapter is None):
                for batch in _batches(model, loaded, spans, refused, work.name == "entropy"):
                    for key, score in batch:
                        log.append(_record(work.name, key, score))
                        found[key] = score
                    done += len(batch)
                    context.progress(done, total, "texts")
                    if context.stopping:
                        log.sync()
                        raise JobStopped
    if shared:
        known["ppl1"] = known["entropy"]
    return Scores(known, source.id, loaded.dtype, loaded.chat.template_sha256)


def _read_log(context: JobContext) -> dict[Pass, dict[str, Score]]:
    known: dict[Pass, dict[str, Score]] = {"ppl1": {}, "ppl2": {}, "entropy": {}}
    with context.append_log(LOG):
        pass  # opening cuts what a kill left of a last line
    for record in context.read_records(context.work / LOG):
        known[record["pass"]][record["key"]] = Score(
            -math.inf if record["sum_log_p"] is None else record["sum_log_p"],
            record["tokens"],
            tuple(record["entropy_sums"]),
            tuple(record["entropy_counts"]),
            record["reason"],
        )
    return known


def _record(name: Pass, key: str, score: Score) -> dict[str, Any]:
    # JSON has no infinity; a text that the model holds impossible makes the aggregate undefined.
    finite = score.sum_log_p if math.isfinite(score.sum_log_p) else None
    return {"pass": name, "key": key, **score._asdict(), "sum_log_p": finite}


def _spans(
    items: Sequence[Item], chat: ChatFormat, limit: int
) -> tuple[list[Span], list[tuple[str, Score]]]:
    spans, refused = [], []
    for item in items:
        span = span_of(item, chat)
        if not span.answer:
            refused.append((item.key, Score(0.0, 0, (), (), "no token")))
        elif span.length > limit:
            refused.append((item.key, Score(0.0, 0, (), (), "longer than the model's context")))
        else:
            spans.append(span)
    return spans, refused


def _batches(
    model: Any,
    loaded: LoadedModel,
    spans: Sequence[Span],
    refused: list[tuple[str, Score]],
    entropies: bool,
) -> Iterator[list[tuple[str, Score]]]:
    if refused:
        yield refused
    for batch in score_spans(model, loaded, spans, entropies=entropies):
        yield [(found.key, _score(found)) for found in batch]


def _score(found: SpanScore) -> Score:
    if found.entropies is None:
        return Score(found.sum_log_p, found.tokens, (), (), "")
    tenths = summarise_entropies(found.entropies)
    return Score(
        found.sum_log_p,
        found.tokens,
        tuple(tenths.sums[0].tolist()),
        tuple(tenths.counts[0].tolist()),
        "",
    )


@contextmanager
def _adapter(model: Any, active: bool) -> Iterator[None]:
    with nullcontext() if active else model.disable_adapter():
        yield
