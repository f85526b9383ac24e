"""How much texts repeat each other: Self-BLEU of a corpus and of a response."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthlab.metrics.result import MetricValue, defined, undefined
from synthlab.metrics.self_bleu_table import (
    MAX_ORDER,
    TOO_FEW,
    Floats,
    SelfBleuTable,
    Smoothing,
)
from synthlab.metrics.tokenize import TokenizedCorpus, intern, seeded_order, sentences, words


@dataclass(frozen=True, eq=False)
class SelfBleu:
    """Self-BLEU of a corpus with the value of each text, so that a table cell can open its items."""

    score: MetricValue
    per_document: Floats
    """(documents,) BLEU of each text against the others, 0 to 1; NaN where it was not scored."""
    n_scored: int
    n_empty: int
    """Texts without a token: neither scored nor used as references."""


@dataclass(frozen=True, eq=False)
class SelfBleuWithin:
    """How much the sentences of a response repeat each other, mean over responses."""

    score: MetricValue
    per_response: Floats
    """(responses,) mean BLEU of its sentences against its other sentences; NaN below two sentences."""
    n_scored: int
    n_too_short: int
    """Responses with fewer than two sentences."""


@dataclass(frozen=True)
class CurvePoint:
    """Self-BLEU at one corpus size."""

    n: int
    score: float


def self_bleu(
    corpus: TokenizedCorpus, max_order: int = 4, *, smoothing: Smoothing = "method1"
) -> SelfBleu:
    """How much the texts of a corpus repeat each other: mean BLEU of each text against all others.

    max_order: 2 to 5, equal weights over the orders. Lower = more diverse. The value grows with the
    number of texts: compare at equal n only. Needs two texts with words, else undefined.
    `smoothing="exponential"` is for the pooled sentences of the paper and is offered at order 3
    only.
    Raises ValueError for an order or a smoothing that the catalog does not list.
    Source: Zhu et al. 2018 (Texygen), without the text itself among its references; Chen and Cherry
    2014, method 1.
    """
    _check_order(max_order, smoothing)
    identifier = "self-bleu-sentences-3" if smoothing == "exponential" else f"self-bleu-{max_order}"
    scores = SelfBleuTable(corpus, max_order, smoothing=smoothing).per_document()
    scored = scores[~np.isnan(scores)]
    empty = int(np.count_nonzero(corpus.lengths == 0))
    if scored.size:
        value = defined(
            identifier,
            float(scored.mean()),
            n=scored.size,
            offered=len(corpus),
            instrument=corpus.tokenizer,
        )
    else:
        reason = f"{TOO_FEW}, {len(corpus) - empty} of {len(corpus)} have any"
        value = undefined(identifier, reason, offered=len(corpus), instrument=corpus.tokenizer)
    return SelfBleu(value, scores, scored.size, empty)


def _check_order(max_order: int, smoothing: Smoothing) -> None:
    if not 2 <= max_order <= MAX_ORDER:
        raise ValueError(f"Self-BLEU is reported for orders 2 to {MAX_ORDER}, got {max_order}")
    if smoothing == "exponential" and max_order != 3:
        raise ValueError(f"the paper's form of Self-BLEU is of order 3, got {max_order}")


def self_bleu_within(
    responses: Sequence[str], max_order: int = 3, *, smoothing: Smoothing = "method1"
) -> SelfBleuWithin:
    """How much responses repeat themselves: each sentence against the others of its response.

    Sentences and words are cut by `sentences` and `words`. Responses with fewer than two sentences
    are counted and left out. Lower = more diverse. All responses are scored in one pass, each as a
    group of its own.
    Raises ValueError as `self_bleu` does. Source: arXiv 2511.01490, "individual" Self-BLEU.
    """
    _check_order(max_order, smoothing)
    prefix = "self-bleu-sentences-within" if smoothing == "exponential" else "self-bleu-within"
    split = [[words(sentence) for sentence in sentences(response)] for response in responses]
    counts = np.asarray([len(parts) for parts in split], dtype=np.int64)
    corpus = intern((part for parts in split for part in parts), "words-v1/sentences-v1")
    owner = np.repeat(np.arange(counts.size), counts)
    scores = SelfBleuTable(corpus, max_order, group=owner, smoothing=smoothing).per_document()
    scored = ~np.isnan(scores)
    sums = np.bincount(owner[scored], weights=scores[scored], minlength=counts.size)
    parts_scored = np.bincount(owner[scored], minlength=counts.size)
    per_response = np.full(counts.size, np.nan)
    usable = parts_scored > 0
    per_response[usable] = sums[usable] / parts_scored[usable]
    n_scored = int(usable.sum())
    identifier = f"{prefix}-{max_order}"
    if n_scored:
        mean = float(per_response[usable].mean())
        value = defined(
            identifier, mean, n=n_scored, offered=counts.size, instrument=corpus.tokenizer
        )
    else:
        reason = f"none of {counts.size} responses has two sentences of four or more words"
        value = undefined(identifier, reason, offered=counts.size, instrument=corpus.tokenizer)
    return SelfBleuWithin(value, per_response, n_scored, counts.size - n_scored)


def self_bleu_curve(
    corpus: TokenizedCorpus, sizes: Sequence[int], seed: int, max_order: int = 4
) -> tuple[CurvePoint, ...]:
    """Self-BLEU against the number of texts, so that a reader sees how much of a value is corpus size.

    Subsamples are nested: each is a prefix of one seeded order of the texts with words. Sizes below
    2 or above the number of such texts are left out. Raises ValueError for an order outside 2 to 5.
    """
    _check_order(max_order, "method1")
    usable = np.flatnonzero(corpus.lengths > 0)
    order = usable[seeded_order(usable.size, seed)]
    table = SelfBleuTable(corpus, max_order)
    points = []
    for size in sorted(set(sizes)):
        if 2 <= size <= usable.size:
            chosen = np.zeros(len(corpus), np.bool_)
            chosen[order[:size]] = True
            points.append(CurvePoint(size, table.mean(chosen)))
    return tuple(points)
