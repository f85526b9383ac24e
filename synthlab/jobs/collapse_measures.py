"""The numbers of the collapse axis: from texts and scores to values with n, reason and key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthlab.jobs.collapse_items import Item, Texts
from synthlab.jobs.collapse_scores import Pass, Score, Scores
from synthlab.metrics.compression import compression_ratio
from synthlab.metrics.diversity import (
    DocumentMean,
    distinct_n,
    mattr,
    mtld,
    ngram_diversity,
    self_repetition,
)
from synthlab.metrics.entropy import EntropySummary, token_entropy
from synthlab.metrics.heaps import heaps, heaps_grid
from synthlab.metrics.length import response_length
from synthlab.metrics.perplexity import LogProbabilities, View, perplexity
from synthlab.metrics.result import MetricValue, undefined
from synthlab.metrics.self_bleu import self_bleu, self_bleu_curve, self_bleu_within
from synthlab.metrics.tokenize import TokenizedCorpus, intern, sentences, tokenize, words

BYTES_PER_TOKEN = 4
"""Byte budget of the compression ratio per token of the budget: a little less than English has."""
CURVE_ORDER = 4
"""Highest order of the Self-BLEU that is shown first and drawn against the number of texts."""
CURVE_SIZES = (50, 100, 200, 500, 1000, 2000, 5000, 10000)
PERPLEXITY_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
ORDER_RULE = "documents shuffled by PCG64(seed)"


@dataclass(frozen=True)
class Measure:
    """One number, ready to be reported."""

    value: MetricValue
    n_total: int
    """Everything that might have been scored, exclusions included."""
    conditions: Mapping[str, Any]
    """Fields of the comparability key that this metric has besides the common ones."""
    detail: Mapping[str, Any]
    per_item: Mapping[str, float]
    """The value of each scored answer by item key, where the metric has one; undefined ones left out."""


@dataclass(frozen=True)
class _TextInput:
    corpus: TokenizedCorpus
    items: tuple[Item, ...]
    total: int
    budget: int
    seed: int

    @property
    def texts(self) -> list[str]:
        return [item.text for item in self.items]

    def measure(
        self,
        value: MetricValue,
        conditions: Mapping[str, Any] | None = None,
        *,
        detail: Mapping[str, Any] | None = None,
        per_item: Sequence[float] | np.ndarray[Any, Any] = (),
    ) -> Measure:
        pairs = zip(self.items, per_item, strict=bool(len(per_item)))
        scored = {item.key: float(one) for item, one in pairs if np.isfinite(one)}
        words = {"tokeniser": value.instrument} if value.instrument else {}
        return Measure(value, self.total, {**words, **(conditions or {})}, detail or {}, scored)

    def mean(self, found: DocumentMean, **detail: Any) -> Measure:
        return self.measure(found.score, per_item=found.per_document, detail=detail)


def _lengths(given: _TextInput) -> Iterator[Measure]:
    found = response_length(given.corpus, given.texts)
    for spread, each in (
        (found.words, found.words_per_response),
        (found.characters, found.characters_per_response),
    ):
        for value in (spread.median, spread.lower_quartile, spread.upper_quartile, spread.mean):
            per_item = each if value.metric.endswith("mean") else ()
            yield given.measure(value, per_item=per_item)


def _self_bleu(given: _TextInput) -> Iterator[Measure]:
    fixed = {"smoothing": "method1"}
    for order in (2, 3, 4, 5):
        found = self_bleu(given.corpus, order)
        detail = {}
        if order == CURVE_ORDER:
            points = self_bleu_curve(given.corpus, CURVE_SIZES, given.seed, order)
            detail = {"curve": [[point.n, point.score] for point in points]}
        yield given.measure(found.score, fixed, per_item=found.per_document, detail=detail)
    within = self_bleu_within(given.texts, CURVE_ORDER)
    yield given.measure(within.score, fixed, per_item=within.per_response)
    yield from _paper_self_bleu(given)


def _paper_self_bleu(given: _TextInput) -> Iterator[Measure]:
    """The study's own form, sentences as units, for the replication view."""
    fixed = {"smoothing": "exponential", "unit": "sentence"}
    within = self_bleu_within(given.texts, 3, smoothing="exponential")
    yield given.measure(within.score, fixed, per_item=within.per_response)
    parts = [words(one) for text in given.texts for one in sentences(text)]
    pooled = self_bleu(intern(parts, "words-v1/sentences-v1"), 3, smoothing="exponential")
    conditions = {"tokeniser": pooled.score.instrument, **fixed}
    yield Measure(pooled.score, len(parts), conditions, {}, {})


def _distinct(given: _TextInput) -> Iterator[Measure]:
    fixed = {"token_budget": given.budget, "order_rule": ORDER_RULE, "subsample": given.seed}
    for order in (1, 2, 3):
        yield given.measure(distinct_n(given.corpus, order, given.budget, seed=given.seed), fixed)
    yield given.measure(ngram_diversity(given.corpus, given.budget, seed=given.seed), fixed)


def _mattr(given: _TextInput) -> Iterator[Measure]:
    yield given.mean(mattr(given.corpus))


def _mtld(given: _TextInput) -> Iterator[Measure]:
    found = mtld(given.corpus)
    yield given.mean(found, short_share=found.short_share)


def _self_repetition(given: _TextInput) -> Iterator[Measure]:
    yield given.mean(self_repetition(given.corpus))


def _compression(given: _TextInput) -> Iterator[Measure]:
    budget = given.budget * BYTES_PER_TOKEN
    found = compression_ratio(given.texts, budget, seed=given.seed)
    for value in (found.xz, found.gzip):
        fixed = {"byte_budget": budget, "order_rule": ORDER_RULE, "subsample": given.seed}
        measure = given.measure(value, fixed)
        # The instrument is a compressor, not a tokeniser.
        conditions = {k: v for k, v in measure.conditions.items() if k != "tokeniser"}
        yield Measure(
            value, given.total, conditions, {"compressor": value.instrument}, measure.per_item
        )


def _heaps(given: _TextInput) -> Iterator[Measure]:
    grid = heaps_grid(given.budget)
    found = heaps(given.corpus, grid, seed=given.seed)
    fixed = {
        "t_grid": f"log, {grid.size} points to {given.budget}",
        "order_rule": ORDER_RULE,
        "subsample": given.seed,
    }
    detail = {
        "grid": found.grid.tolist(),
        "curve": found.curve.tolist(),
        "curve_sd": found.curve_sd.tolist(),
    }
    for value in (found.beta, found.k, found.vocabulary):
        yield given.measure(value, fixed, detail=detail if value.metric == "heaps-beta" else {})


TEXT_METRICS: Mapping[str, Callable[[_TextInput], Iterator[Measure]]] = {
    "length": _lengths,
    "self-bleu": _self_bleu,
    "distinct": _distinct,
    "mattr": _mattr,
    "mtld": _mtld,
    "self-repetition": _self_repetition,
    "compression": _compression,
    "heaps": _heaps,
}
"""Text metrics by the name that an experiment file gives them."""
MODEL_METRICS: tuple[Pass, ...] = ("ppl1", "ppl2", "entropy")
ALL_METRICS = (*MODEL_METRICS, *TEXT_METRICS)


def measure_texts(texts: Texts, wanted: Sequence[str], budget: int, seed: int) -> Iterator[Measure]:
    """Every wanted text metric over the usable answers."""
    items = texts.usable
    corpus = tokenize(item.text for item in items)
    given = _TextInput(corpus, items, len(texts.answers), budget, seed)
    for name, compute in TEXT_METRICS.items():
        if name in wanted:
            yield from compute(given)


def measure_scores(texts: Texts, wanted: Sequence[str], scores: Scores) -> Iterator[Measure]:
    """Perplexities and entropies from the stored sums."""
    if "ppl1" in wanted:
        yield from _perplexities("ppl1", texts.answers, len(texts.answers), scores)
    if "ppl2" in wanted:
        yield from _perplexities("ppl2", texts.human, texts.prompts, scores)
    if "entropy" in wanted:
        yield from _entropies(texts, scores)


def _perplexities(
    view: View, items: Sequence[Item], total: int, scores: Scores
) -> Iterator[Measure]:
    rows = [(item, _score_of(item, scores.by_pass[view])) for item in items]
    given = LogProbabilities(
        np.asarray([score.sum_log_p for _, score in rows], np.float64),
        np.asarray([score.tokens for _, score in rows], np.int64),
        np.asarray([item.size_bytes for item, _ in rows], np.int64),
    )
    found = perplexity(given, view, scores.tokenizer)
    finite = found.per_document[np.isfinite(found.per_document)]
    spread = {}
    if finite.size:
        levels = np.exp(np.quantile(finite, PERPLEXITY_QUANTILES)).tolist()
        spread = {str(q): one for q, one in zip(PERPLEXITY_QUANTILES, levels, strict=True)}
    conditions = _model_conditions(scores)
    for value in (
        found.token_weighted,
        found.document_weighted,
        found.median,
        found.mean_log,
        found.bits_per_byte,
    ):
        shown = value if items else _nobody_answered(value)
        yield Measure(shown, total, conditions, {"quantiles": spread} if spread else {}, {})


def _nobody_answered(value: MetricValue) -> MetricValue:
    reason = "the prompt set has no human answers"
    return undefined(value.metric, reason, instrument=value.instrument)


def _score_of(item: Item, known: Mapping[str, Score]) -> Score:
    return known[item.key] if not item.reason else Score(0.0, 0, (), (), item.reason)


def _entropies(texts: Texts, scores: Scores) -> Iterator[Measure]:
    known = scores.by_pass["entropy"]
    kept = [item for item in texts.usable if known[item.key].tokens]
    sums = np.asarray([known[item.key].entropy_sums for item in kept], np.float64)
    counts = np.asarray([known[item.key].entropy_counts for item in kept], np.int64)
    summary = EntropySummary(sums.reshape(-1, 10), counts.reshape(-1, 10))
    found = token_entropy(summary, scores.tokenizer)
    conditions = _model_conditions(scores)
    per_item = {item.key: float(one) for item, one in zip(kept, found.per_answer, strict=True)}
    for value, curve in (
        (found.entropy, found.by_decile),
        (found.branching_factor, found.branching_by_decile),
    ):
        deciles = [float(one) if np.isfinite(one) else None for one in curve]
        items = per_item if value.metric == "token-entropy" else {}
        yield Measure(value, len(texts.answers), conditions, {"by_decile": deciles}, items)


def _model_conditions(scores: Scores) -> dict[str, Any]:
    return {
        "tokeniser": scores.tokenizer,
        "dtype": scores.dtype,
        "chat_template": scores.template_sha256[:12],
        "scored_span": "answer tokens after the chat prompt, end token not scored",
    }
