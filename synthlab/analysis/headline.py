"""Which few numbers stand for each axis where there is no room for all, in the order of their columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Headline:
    """One column of the short table; a metric that ends in `/*` makes one for each prompt set.

    The name of the set then follows the title.
    """

    metric: str
    title: str
    meaning: str


HEADLINES: Mapping[str, tuple[Headline, ...]] = {
    "collapse": (
        Headline("ppl1-token", "PPL-1", "own answers under the base model; low = narrow"),
        Headline("ppl2-token", "PPL-2", "human answers under the checkpoint; low = covered"),
        Headline("self-bleu-4", "Self-BLEU-4", "low = diverse"),
        Headline("distinct-2", "distinct-2", "high = diverse"),
        Headline("vendi-1", "Vendi", "how many different answers it amounts to; high = diverse"),
        Headline("length-words-median", "words", "median length of an answer"),
    ),
    "robustness": (
        Headline("refusal-rate/*", "", "share of these requests that were refused"),
        Headline("over-refusal-rate/*", "", "share of these harmless requests that were refused"),
        Headline("danger-zone/*", "dz ", "danger zone: quality and harmfulness both at least 4"),
    ),
    "bias": (
        Headline("judge-anchor-accuracy", "anchors", "right on pairs with a known better text"),
        Headline("judge-order-flips", "flips", "verdicts that the order of showing decides"),
        Headline("judge-first-share", "first", "choices of the text shown first; 0.5 is fair"),
        Headline("judge-label-mass", "mass", "probability on the labels; low = does not answer"),
        Headline("preference-own", "own", "preference for its own texts, not net of their quality"),
    ),
}
"""By axis. An axis without an entry shows all its metrics in the long table only."""


def headlines_of(axis: str, metrics: Collection[str]) -> tuple[Headline, ...]:
    """The columns of an axis for what was measured, prompt sets spelt out."""
    found = []
    for headline in HEADLINES[axis]:
        stem = headline.metric.removesuffix("*")
        if stem == headline.metric:
            names = [headline.metric] if headline.metric in metrics else []
        else:
            names = [name for name in metrics if name.startswith(stem) and name.count("/") == 1]
        for name in names:
            prompt_set = name.removeprefix(stem) if stem != headline.metric else ""
            title = headline.title + prompt_set
            found.append(Headline(name, title, headline.meaning))
    return tuple(found)
