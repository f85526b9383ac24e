"""How open the model's next word is along an answer: token entropy and branching factor."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthlab.metrics.result import MetricValue, defined, undefined

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

DECILES = 10


@dataclass(frozen=True, eq=False)
class EntropySummary:
    """What is stored of the token entropies of a set of answers: sums and counts by position."""

    sums: Floats
    """(answers, 10) sum of the entropies in nats of the tokens in each tenth of the answer."""
    counts: Integers
    """(answers, 10) tokens in each tenth; an answer of fewer than ten tokens leaves some empty."""

    def __post_init__(self) -> None:
        if (
            self.sums.ndim != 2
            or self.sums.shape[1] != DECILES
            or self.counts.shape != self.sums.shape
        ):
            raise ValueError(
                f"sums and counts have shape (answers, {DECILES}), "
                f"got {self.sums.shape} and {self.counts.shape}"
            )
        if np.any(self.counts < 0) or np.any(self.sums < -1e-6):
            raise ValueError("entropies and counts cannot be negative")


@dataclass(frozen=True, eq=False)
class TokenEntropy:
    """Entropy of the full next-token distribution at temperature 1, over own samples."""

    entropy: MetricValue
    """Mean over answers of the mean entropy of their tokens, in nats."""
    branching_factor: MetricValue
    """exp of it: how many equally likely next tokens it amounts to."""
    per_answer: Floats
    """(answers,) mean entropy of the tokens in nats; NaN for an answer without tokens."""
    by_decile: Floats
    """(10,) mean over answers with a token there; NaN where no answer has one."""
    branching_by_decile: Floats
    """(10,) exp of `by_decile`."""
    answers_by_decile: Integers
    """(10,) answers that have a token there."""


def summarise_entropies(entropies: npt.ArrayLike) -> EntropySummary:
    """Fold the token entropies of one answer into tenths of its length, so that little is stored.

    entropies: (tokens,) nats. Token t of T stands in tenth floor(10 t / T). Returns one row.
    Raises ValueError for anything but a vector.
    """
    values = np.asarray(entropies, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"the entropies of one answer are a vector, got shape {values.shape}")
    tenth = DECILES * np.arange(values.size) // max(values.size, 1)
    sums = np.bincount(tenth, weights=values, minlength=DECILES)
    counts = np.bincount(tenth, minlength=DECILES)
    return EntropySummary(np.asarray(sums, np.float64)[None], counts.astype(np.int64)[None])


def token_entropy(summary: EntropySummary, model: str) -> TokenEntropy:
    """Entropy and branching factor over answers and by position in the answer.

    model: id of the sampling model, part of the metric's name. Each answer weighs the same, so that
    long answers do not speak for all. Higher = more diverse; compare with the response length
    beside it. Answers without tokens are counted and left out; an entropy that is not finite makes
    the value undefined. Source: Yang and Holtzman 2025 (arXiv 2506.17871).
    """
    tokens = summary.counts.sum(axis=1)
    scored = tokens > 0
    offered, n = tokens.size, int(scored.sum())
    per_answer = np.full(offered, np.nan)
    per_answer[scored] = summary.sums[scored].sum(axis=1) / tokens[scored]
    present = summary.counts > 0
    means = np.divide(summary.sums, summary.counts, out=np.zeros(summary.sums.shape), where=present)
    answers = present.sum(axis=0)
    by_decile = np.full(DECILES, np.nan)
    filled = answers > 0
    by_decile[filled] = means.sum(axis=0)[filled] / answers[filled]
    names = ("token-entropy", "branching-factor")
    if not n:
        reason = f"none of {offered} answers has a token"
    elif not np.isfinite(per_answer[scored]).all():
        row = int(np.flatnonzero(scored & ~np.isfinite(per_answer))[0])
        reason = f"answer {row} has an entropy that is not finite"
    else:
        reason = ""
    if reason:
        values = [undefined(i, reason, offered=offered, instrument=model) for i in names]
    else:
        mean = float(np.maximum(per_answer[scored], 0.0).mean())
        with np.errstate(over="ignore"):
            figures = (mean, float(np.exp(mean)))
        values = [
            defined(name, figure, n=n, offered=offered, instrument=model)
            for name, figure in zip(names, figures, strict=True)
        ]
    with np.errstate(over="ignore"):
        branching_by_decile = np.exp(by_decile)
    entropy, branching = values
    return TokenEntropy(entropy, branching, per_answer, by_decile, branching_by_decile, answers)
