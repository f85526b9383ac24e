"""The numbers of the collapse axis that read embeddings: spread, breadth, and closeness to people."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from storage import durable
from synthlab.errors import JobError
from synthlab.jobs.collapse_items import Item, Texts
from synthlab.jobs.collapse_measures import Measure
from synthlab.jobs.context import JobContext
from synthlab.metrics.embedding import (
    Embeddings,
    WithinPrompt,
    cosine_distance_within,
    embeddings,
    mean_cosine_distance,
    vendi,
)
from synthlab.metrics.mauve import SEEDS, VARIANCE, Mauve, SeededValue, human_baseline, mauve
from synthlab.metrics.neighbours import NEIGHBOURS, neighbourhood
from synthlab.metrics.novelty import ANSWERS, novelty
from synthlab.metrics.result import MetricValue, undefined
from synthlab.metrics.tokenize import seeded_order

Vectors: TypeAlias = npt.NDArray[np.float32]

GROUP = "embedding"
"""Name of these metrics among the wanted ones; the plan adds it where the file names an embedder."""
FILE = "embeddings.npy"
"""Published vectors: float32, (usable answers, dimensions), rows of length 1 in the order of items.jsonl."""
BLOCK = 2048
"""Texts that are embedded between two saves: what a kill costs at most."""
DIGEST_LETTERS = 12
EQUIVALENT = 0.8
"""Cosine from which two answers to one prompt say the same."""
SAMPLE_SEED = 0
LEAST_BASELINE = 20
"""Texts on a side below which MAUVE, and so its baseline, is undefined."""
NO_BASELINE = f"two samples of {LEAST_BASELINE} human answers are needed"


@dataclass(frozen=True, eq=False)
class Embedded:
    """The answers and the human answers as vectors, and what made them."""

    answers: Embeddings
    """Of `Texts.usable`."""
    human: Embeddings
    vectors: Vectors
    """Of the answers, as they are published."""
    conditions: Mapping[str, Any]
    """Fields of the comparability key."""
    implementation: str


def embed_texts(context: JobContext, texts: Texts) -> Embedded:
    """Embed what can be read of both sides; finished blocks survive a stop.

    Raises JobError if the embedder that the plan named is not there or cannot be loaded.
    """
    from synthlab.engines.embedder import load_embedder

    known = context.params["embedder"]
    located = context.locate("embedder")
    if located is None or not Path(located).is_dir():
        raise JobError(
            "no_embedder",
            f"the embedder {known['id']} is not there ({located or 'nowhere'})",
            "run `synthlab plan` again",
        )
    embedder = load_embedder(Path(located))
    human = [item for item in texts.human if not item.reason]
    total, done = len(texts.usable) + len(human), 0
    sides: dict[str, list[Vectors]] = {}
    for side, items in (("answers", texts.usable), ("human", human)):
        blocks = sides[side] = [np.zeros((0, embedder.dimensions), np.float32)]
        for start in range(0, len(items), BLOCK):
            context.raise_if_stopping()
            context.progress(done, total, "texts to embed")
            block = items[start : start + BLOCK]
            saved = context.work / f"embeddings-{side}-{start}.npy"
            if not saved.exists():
                save(saved, embedder.embed([item.text for item in block]))
            blocks.append(np.load(saved, allow_pickle=False))
            done += len(block)
    context.progress(done, total, "texts to embed")
    name = f"{known['id']}@{str(known['digest'])[:DIGEST_LETTERS]}"
    vectors = np.concatenate(sides["answers"])
    return Embedded(
        embeddings(vectors, name),
        embeddings(np.concatenate(sides["human"]), name),
        vectors,
        {"embedder": known["id"], "embedder_hash": str(known["digest"])[:DIGEST_LETTERS]},
        embedder.implementation,
    )


def save(path: Path, vectors: Vectors) -> None:
    """Write vectors as an .npy file without pickled objects; the same vectors give the same bytes."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(vectors, np.float32), allow_pickle=False)
    durable.write_bytes(path, buffer.getvalue())


def measure_embeddings(texts: Texts, embedded: Embedded) -> Iterator[Measure]:
    """Every metric over embeddings; those within a prompt only where prompts have several answers."""
    scores = vendi(embedded.answers)
    for value in (
        mean_cosine_distance(embedded.answers),
        scores.q1,
        scores.q_half,
        scores.q_inf,
    ):
        yield _measure(embedded, value, len(texts.answers))
    yield from _within_prompts(texts, embedded)
    yield from _neighbourhood(texts, embedded)
    yield from _mauve(texts, embedded)


def _measure(
    embedded: Embedded,
    value: MetricValue,
    n_total: int,
    conditions: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
    per_item: Mapping[str, float] | None = None,
) -> Measure:
    key = {**embedded.conditions, **(conditions or {})}
    shown = {"implementation": embedded.implementation, **(detail or {})}
    return Measure(value, n_total, key, shown, per_item or {})


def _within_prompts(texts: Texts, embedded: Embedded) -> Iterator[Measure]:
    asked = Counter(item.prompt_id for item in texts.answers)
    samples = max(asked.values())
    if samples < 2:
        return
    numbers = {prompt: number for number, prompt in enumerate(asked)}
    prompt_of = [numbers[item.prompt_id] for item in texts.usable]
    k = min(samples, ANSWERS)
    breadth = novelty(embedded.answers, prompt_of, EQUIVALENT, k=k)
    spread = cosine_distance_within(embedded.answers, prompt_of)
    equivalence = {"k": k, "equivalence": f"cosine >= {EQUIVALENT:g}"}
    for found, fixed in (
        (spread, {"samples": samples}),
        (breadth.distinct, equivalence),
        (breadth.utility, equivalence),
    ):
        per_item = _by_first_answer(found, prompt_of, texts.usable)
        yield _measure(embedded, found.score, len(asked), fixed, per_item=per_item)


def _by_first_answer(
    found: WithinPrompt, prompt_of: Sequence[int], items: Sequence[Item]
) -> dict[str, float]:
    """A prompt's value stands once, with its first usable answer, so that a mean of rows is right."""
    first: dict[int, str] = {}
    for prompt, item in zip(prompt_of, items, strict=True):
        first.setdefault(prompt, item.key)
    pairs = zip(found.prompts.tolist(), found.per_prompt.tolist(), strict=True)
    return {first[prompt]: value for prompt, value in pairs if math.isfinite(value)}


def _neighbourhood(texts: Texts, embedded: Embedded) -> Iterator[Measure]:
    found = neighbourhood(embedded.human, embedded.answers, seed=SAMPLE_SEED)
    for value in (found.precision, found.recall, found.coverage):
        shown = _against_people(value, embedded)
        fixed = {"k": NEIGHBOURS, "subsample": SAMPLE_SEED}
        total = len(texts.answers) + len(texts.human)
        yield _measure(embedded, shown, total, fixed, {"n_per_side": found.n_human})


def _mauve(texts: Texts, embedded: Embedded) -> Iterator[Measure]:
    found = mauve(embedded.human, embedded.answers, sample_seed=SAMPLE_SEED)
    baseline = _baseline(embedded)
    fixed = {
        "k": found.clusters,
        "pca_rule": f"axes that hold {VARIANCE:g} of the variance",
        "cluster_seeds": ", ".join(map(str, SEEDS)),
        "subsample": SAMPLE_SEED,
    }
    for value in _readings(found):
        name = value.mean.metric
        detail = {
            "clusters": found.clusters,
            "n_per_side": found.n_per_side,
            **_spread(value),
            "human_baseline": baseline.get(name, {"reason": NO_BASELINE}),
        }
        total = len(texts.answers) + len(texts.human)
        yield _measure(embedded, _against_people(value.mean, embedded), total, fixed, detail)


def _baseline(embedded: Embedded) -> dict[str, dict[str, Any]]:
    """By metric: people against other people, and the answers against as many people.

    Both at half the size, because two disjoint samples of the human answers are compared.
    """
    size = min(len(embedded.human) // 2, len(embedded.answers))
    if size < LEAST_BASELINE:
        return {}
    people = human_baseline(embedded.human, size, sample_seed=SAMPLE_SEED)
    order = seeded_order(len(embedded.human), SAMPLE_SEED)
    half = embedded.human.select(order[:size])
    condition = mauve(half, embedded.answers, clusters=people.clusters, sample_seed=SAMPLE_SEED)
    found = {}
    for human, own in zip(_readings(people), _readings(condition), strict=True):
        found[human.mean.metric] = {
            "n_per_side": size,
            "clusters": people.clusters,
            "value": human.mean.value,
            "sd": human.sd,
            "condition_at_this_size": {"value": own.mean.value, "sd": own.sd},
        }
    return found


def _readings(found: Mauve) -> tuple[SeededValue, ...]:
    return found.mauve, found.mauve_star, found.frontier_integral, found.frontier_integral_star


def _spread(value: SeededValue) -> dict[str, Any]:
    if not value.mean.is_defined:
        return {}
    return {"sd_over_cluster_seeds": value.sd, "by_cluster_seed": list(value.per_seed)}


def _against_people(value: MetricValue, embedded: Embedded) -> MetricValue:
    if len(embedded.human) or value.is_defined:
        return value
    reason = "the prompt set has no human answers"
    return undefined(value.metric, reason, offered=value.offered, instrument=value.instrument)
