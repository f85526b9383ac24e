"""From what a model said in a probe to the probe's numbers, by the definitions of the result metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from synthlab.experiment.probes import count_name
from synthlab.metrics.article_values import Floats, mean_by_article
from synthlab.metrics.catalog import Axis
from synthlab.metrics.coherence import read_coherence
from synthlab.metrics.diversity import distinct_n
from synthlab.metrics.judge_health import Outcomes, anchor_hits, first_choices, order_flips
from synthlab.metrics.length import response_length
from synthlab.metrics.perplexity import LogProbabilities, perplexity
from synthlab.metrics.preference import Comparisons, drop_low_mass, log_odds, soft_scores
from synthlab.metrics.refusal import read_refusal
from synthlab.metrics.response_states import read_response
from synthlab.metrics.robustness import broken_rate, refusal_rate
from synthlab.metrics.self_bleu import self_bleu
from synthlab.metrics.self_preference import (
    JudgedPairs,
    difference_in_differences,
    own_preference,
)
from synthlab.metrics.tokenize import tokenize

WORDS_PER_TOKEN = 0.25
"""Words of the budget of distinct-2 for each token that an answer may have: it must be the same at
every step, and short answers must still fill it."""
OWN, OTHER, BASE = 0, 1, 2
"""Authors: the model in training, whoever gave the mixture's responses, the base model."""


class Number(NamedTuple):
    """One number of a probe."""

    name: str
    """The metric's id, or the name of a count."""
    value: float
    reason: str = ""
    """Why the value is NaN; empty if it is not."""


@dataclass(frozen=True)
class Likelihoods:
    """What the base model thinks of the answers."""

    sum_log_p: Sequence[float]
    """(answers,) natural logarithms."""
    tokens: Sequence[int]
    size_bytes: Sequence[int]


@dataclass(frozen=True)
class Verdicts:
    """What is said about pairs shown in both orders; x is the model's own text, or the better one."""

    log_p: Floats
    """(pairs, order, position) as in `Comparisons`; NaN where a pair was not asked."""
    lengths: Sequence[tuple[int, int]]
    """(pairs,) characters of x and y."""

    def comparisons(self, least_mass: float) -> Comparisons:
        """As the metrics read them, pairs with too little probability on the labels left out."""
        pairs = len(self.log_p)
        x, y = (np.asarray([one[side] for one in self.lengths], np.float64) for side in (0, 1))
        read = Comparisons(
            self.log_p,
            np.arange(pairs),
            np.full(pairs, OWN),
            np.full(pairs, OTHER),
            x,
            y,
        )
        return drop_low_mass(read, least_mass)


def collapse_numbers(
    answers: Sequence[str], base: Likelihoods, max_new_tokens: int
) -> Iterator[Number]:
    """How narrow the answers are: to the base model, among each other, and how long.

    distinct-2 reads an equal number of words at every step.
    """
    corpus = tokenize(answers)
    offered = len(answers)
    yield Number(count_name("collapse"), sum(bool(one.strip()) for one in answers))
    found = LogProbabilities(
        np.asarray(base.sum_log_p, np.float64),
        np.asarray(base.tokens, np.int64),
        np.asarray(base.size_bytes, np.int64),
    )
    budget = max(2, round(WORDS_PER_TOKEN * max_new_tokens * offered))
    for value in (
        perplexity(found, "ppl1", "base").mean_log,
        self_bleu(corpus, 2).score,
        distinct_n(corpus, 2, budget),
        response_length(corpus, answers).words.mean,
    ):
        yield Number(value.metric, value.value, value.reason)


def robustness_numbers(requests: Sequence[str], answers: Sequence[str]) -> Iterator[Number]:
    """How often harmful-sounding requests are refused, by the matcher alone: no judge is asked."""
    readings = [
        read_response(read_coherence(text, request), read_refusal(text), None).by("matcher")
        for request, text in zip(requests, answers, strict=True)
    ]
    refusals, broken = refusal_rate(readings), broken_rate(readings)
    yield Number(count_name("robustness"), refusals.n)
    for value in (refusals, broken):
        yield Number(value.metric, value.value, value.reason)


def bias_numbers(
    own: Verdicts, base: Verdicts, anchors: Verdicts, least_mass: float
) -> Iterator[Number]:
    """How far the model in training likes its own answers more than the base model likes them.

    own, base: the same pairs, of its answer and the mixture's, before the model and before the base,
    which is the whole panel. anchors: pairs with a known better text before the model.
    """
    seen, panel = own.comparisons(least_mass), base.comparisons(least_mass)
    scored = np.isfinite(seen.log_p).all(axis=(1, 2))
    yield Number(count_name("bias"), float(scored.sum()))
    pairs = JudgedPairs(
        seen.articles,
        seen.x,
        seen.y,
        seen.length_x,
        seen.length_y,
        np.stack([soft_scores(seen.log_p), soft_scores(panel.log_p)]),
        np.stack([log_odds(seen.log_p), log_odds(panel.log_p)]),
        np.asarray([OWN, BASE]),
    )
    for name, found in (
        ("bias-difference", difference_in_differences(pairs, 0)),
        ("preference-own", own_preference(pairs, 0)),
    ):
        yield Number(name, found.value, found.reason)
    health: Mapping[str, Outcomes] = {
        "judge-order-flips": order_flips(seen),
        "judge-first-share": first_choices(seen),
        "judge-anchor-accuracy": anchor_hits(anchors.comparisons(least_mass)),
    }
    for name, outcomes in health.items():
        mean = mean_by_article(outcomes.values, outcomes.articles)
        yield Number(name, mean.value, mean.reason)


def point_of(axis: Axis, numbers: Sequence[Number]) -> dict[str, float]:
    """The values of a live point, each under its full name; NaN where there is no number."""
    prefix = count_name(axis).removesuffix("n")
    return {
        one.name if one.name.startswith(prefix) else f"{prefix}{one.name}": one.value
        for one in numbers
    }


def gaps(axis: Axis, numbers: Sequence[Number]) -> dict[str, str]:
    """Why numbers are missing, as notes say it, by metric."""
    return {
        one.name: f"{axis} probe: no {one.name}: {one.reason}"
        for one in numbers
        if math.isnan(one.value)
    }
