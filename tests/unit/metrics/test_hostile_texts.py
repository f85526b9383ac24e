"""Every text metric gives a defined value or says why not, whatever the texts are."""

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthlab.metrics import catalog
from synthlab.metrics.compression import compression_ratio
from synthlab.metrics.diversity import (
    distinct_n,
    mattr,
    mtld,
    ngram_diversity,
    self_repetition,
)
from synthlab.metrics.embedding import (
    cosine_distance_within,
    embeddings,
    mean_cosine_distance,
    vendi,
)
from synthlab.metrics.heaps import heaps, heaps_grid
from synthlab.metrics.length import response_length
from synthlab.metrics.mauve import mauve
from synthlab.metrics.neighbours import neighbourhood
from synthlab.metrics.novelty import novelty
from synthlab.metrics.result import MetricValue
from synthlab.metrics.self_bleu import self_bleu, self_bleu_within
from synthlab.metrics.tokenize import tokenize

BOUNDS = {
    "self-bleu": (0.0, 1.0),
    "distinct": (0.0, 8.0),
    "ngram-diversity": (0.0, 4.0),
    "mattr": (0.0, 1.0),
    "mtld": (0.0, math.inf),
    "self-repetition": (0.0, math.inf),
    "compression": (0.0, math.inf),
    "heaps-beta": (0.0, 1.0),
    "vocabulary": (1.0, math.inf),
    "length": (0.0, math.inf),
    "cosine-distance": (0.0, 2.0),
    "vendi": (1.0, math.inf),
    "knn": (0.0, 1.0),
    "utility": (0.0, 1.0),
    "mauve": (0.0, 1.0),
    "frontier": (0.0, 1.0),
}

WORDS = st.sampled_from(
    ["the", "cat", "sat", "Ünïcode", "日本語", "हिन्दी", "👩‍👩‍👧", "it’s", "\x1b[31m"]
)
SENTENCE = st.lists(WORDS, max_size=60).map(" ".join)
TEXT = st.one_of(
    st.just(""),
    st.just("   \n\t"),
    st.just("word"),
    st.just("🙂🙂🙂"),
    st.just("\ud800 lone surrogate \x00"),
    SENTENCE,
    st.text(max_size=80),
    st.integers(1, 400).map(lambda n: "very long text of words. " * n),
)
CORPUS = st.one_of(
    st.lists(TEXT, max_size=12),
    st.tuples(TEXT, st.integers(1, 30)).map(lambda pair: [pair[0]] * pair[1]),
)


def values_in(result: object) -> Iterator[MetricValue]:
    if isinstance(result, MetricValue):
        yield result
    elif is_dataclass(result):
        for field in fields(result):
            yield from values_in(getattr(result, field.name))


def check(result: object) -> None:
    found = list(values_in(result))
    assert found
    for value in found:
        assert value.metric in catalog.COLLAPSE
        assert 0 <= value.n <= value.offered
        if value.is_defined:
            low, high = next(b for name, b in BOUNDS.items() if value.metric.startswith(name))
            assert low - 1e-9 <= value.value <= high + 1e-9, value
        else:
            assert math.isnan(value.value)
            assert len(value.reason) > 10


def measure_texts(texts: list[str]) -> None:
    corpus = tokenize(texts)
    for order in (2, 3, 4, 5):
        check(self_bleu(corpus, order))
        check(self_bleu_within(texts, order))
    check(self_bleu(corpus, 3, smoothing="exponential"))
    check(self_bleu_within(texts, 3, smoothing="exponential"))
    for n in (1, 2, 3, 4):
        check(distinct_n(corpus, n))
        check(distinct_n(corpus, n, budget=20))
    for measure in (ngram_diversity, mattr, mtld, self_repetition):
        check(measure(corpus))
    check(compression_ratio(texts))
    check(compression_ratio(texts, 50))
    check(response_length(corpus, texts))
    fit = heaps(corpus, heaps_grid(corpus.ids.size), shuffles=2)
    for value in (fit.beta, fit.vocabulary):
        check(value)
    assert fit.k.is_defined == fit.beta.is_defined


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CORPUS)
def test_every_text_metric_survives_every_corpus(texts: list[str]) -> None:
    measure_texts(texts)


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""],
        ["", ""],
        ["word"],
        ["word", "word"],
        ["🙂"],
        ["all the same text here"] * 50,
        ["x" * 300_000],
        ["word " * 100_000],
        ["日本語のテキスト と English و عربي"] * 3,
        ["'" * 5000, "’" * 5000],
        ["a" + "\u0301\u0316" * 60_000],
    ],
    ids=lambda texts: f"{len(texts)} x {sum(map(len, texts))} characters",
)
def test_every_text_metric_survives_the_known_hard_cases(texts: list[str]) -> None:
    measure_texts(texts)


ROWS = st.lists(
    st.lists(
        st.one_of(st.floats(-3, 3), st.sampled_from([0.0, 1.0, 1e-310, 1e300, math.nan, math.inf])),
        min_size=3,
        max_size=3,
    ),
    max_size=45,
)


@settings(max_examples=150, deadline=None)
@given(ROWS, ROWS)
def test_every_embedding_metric_survives_every_matrix(
    first: list[list[float]], second: list[list[float]]
) -> None:
    def read(rows: list[list[float]]) -> npt.NDArray[np.float64]:
        return np.asarray(rows, np.float64).reshape(len(rows), 3)

    ours, theirs = embeddings(read(first), "e"), embeddings(read(second), "e")
    prompts = np.arange(len(first)) // 2
    check(mean_cosine_distance(ours))
    check(cosine_distance_within(ours, prompts))
    check(vendi(ours))
    check(neighbourhood(ours, theirs, k=2))
    check(novelty(ours, prompts, 0.8, k=2))
    check(mauve(ours, theirs, seeds=(0, 1)))
