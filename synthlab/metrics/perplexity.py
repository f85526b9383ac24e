"""Perplexity from stored sums per document, so that every way of averaging can be rebuilt."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthlab.metrics.result import MetricValue, defined, undefined

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

View = Literal["ppl1", "ppl2"]
"""ppl1: a run's own answers under the base model; ppl2: human answers under the checkpoint."""

_READINGS = ("token", "document", "median", "log", "bits-per-byte")


@dataclass(frozen=True, eq=False)
class LogProbabilities:
    """What a model thought of each document, in three numbers per document."""

    sum_log_p: Floats
    """(documents,) sum of the natural log-probabilities of the scored tokens, at most 0."""
    tokens: Integers
    """(documents,) scored tokens."""
    size_bytes: Integers
    """(documents,) UTF-8 bytes of the scored text."""

    def __post_init__(self) -> None:
        shapes = {self.sum_log_p.shape, self.tokens.shape, self.size_bytes.shape}
        if len(shapes) != 1 or self.sum_log_p.ndim != 1:
            raise ValueError(f"sums, tokens and bytes need one value per document, got {shapes}")
        if np.any(self.tokens < 0) or np.any(self.size_bytes < 0):
            raise ValueError("tokens and bytes are counts and cannot be negative")
        if np.any(self.sum_log_p > 1e-6 * np.maximum(self.tokens, 1)):
            raise ValueError("a log-probability is at most 0; give log p, not the loss")


@dataclass(frozen=True, eq=False)
class Perplexity:
    """Five readings of the same log-probabilities; no document is removed as an outlier."""

    token_weighted: MetricValue
    """exp(sum NLL / sum T): long documents weigh more."""
    document_weighted: MetricValue
    """exp(mean of NLL/T): each document weighs the same."""
    median: MetricValue
    """Median over documents of exp(NLL/T), which one strange row cannot move."""
    mean_log: MetricValue
    """Mean over documents of NLL/T, in nats: what paired tests compare."""
    bits_per_byte: MetricValue
    """NLL in bits over bytes: the one reading that may be compared across tokenisers."""
    per_document: Floats
    """(documents,) NLL/T in nats; NaN where the document has no scored token."""


def perplexity(scores: LogProbabilities, view: View, model: str) -> Perplexity:
    """Perplexity of a set of documents under one model.

    model: id of the scoring model, part of the metric's name. Documents without a scored token are
    counted and left out. One log-probability of minus infinity or NaN makes all readings undefined
    rather than shorten the set. A perplexity above the range of a float is undefined; its logarithm
    in `mean_log` is not.
    """
    tokens = scores.tokens.astype(np.float64)
    scored = tokens > 0
    per_document = np.full(tokens.size, np.nan)
    per_document[scored] = -scores.sum_log_p[scored] / tokens[scored]
    n, offered = int(scored.sum()), tokens.size
    if not n:
        reason = f"none of {offered} documents has a scored token"
        return _undefined(view, reason, per_document, 0, offered, model)
    broken = np.flatnonzero(scored & ~np.isfinite(scores.sum_log_p))
    if broken.size:
        reason = f"{broken.size} documents have no finite log-probability, first row {broken[0]}"
        return _undefined(view, reason, per_document, n - broken.size, offered, model)
    rates = np.maximum(per_document[scored], 0.0)
    nll = np.maximum(-scores.sum_log_p[scored], 0.0)
    size = float(scores.size_bytes[scored].sum())
    with np.errstate(over="ignore"):
        by_name = {
            "token": float(np.exp(nll.sum() / tokens[scored].sum())),
            "document": float(np.exp(rates.mean())),
            "median": float(np.median(np.exp(rates))),
            "log": float(rates.mean()),
            "bits-per-byte": float(nll.sum() / (size * np.log(2.0))) if size else np.nan,
        }
    values = []
    for name in _READINGS:
        identifier = f"{view}-{name}"
        if np.isfinite(by_name[name]):
            value = defined(identifier, by_name[name], n=n, offered=offered, instrument=model)
        else:
            reason = _TOO_LARGE if size or name != "bits-per-byte" else _NO_BYTES
            value = undefined(identifier, reason, n=n, offered=offered, instrument=model)
        values.append(value)
    token, document, median, log, bits = values
    return Perplexity(token, document, median, log, bits, per_document)


_TOO_LARGE = "the perplexity is above the range of a float; see the mean log-perplexity"
_NO_BYTES = "the scored documents have no bytes"


def _undefined(
    view: View, reason: str, per_document: Floats, n: int, offered: int, model: str
) -> Perplexity:
    token, document, median, log, bits = (
        undefined(f"{view}-{name}", reason, n=n, offered=offered, instrument=model)
        for name in _READINGS
    )
    return Perplexity(token, document, median, log, bits, per_document)
