"""Lexical diversity and length against hand counts, brute force and lexicalrichness."""

import math
import random

import numpy as np
import pytest

from synthlab.metrics.diversity import (
    distinct_n,
    mattr,
    mtld,
    ngram_diversity,
    self_repetition,
)
from synthlab.metrics.length import response_length
from synthlab.metrics.tokenize import intern, tokenize


def random_documents(seed: int, n: int, longest: int = 300) -> list[list[str]]:
    rng = random.Random(seed)
    return [
        [f"w{int(rng.paretovariate(0.7)) % 400}" for _ in range(rng.randint(1, longest))]
        for _ in range(n)
    ]


def test_distinct_n_by_hand() -> None:
    corpus = tokenize(["a b a b", "a b c"])
    assert distinct_n(corpus, 1).value == pytest.approx(3 / 7)
    assert distinct_n(corpus, 2).value == pytest.approx(3 / 5)
    assert distinct_n(corpus, 3).value == pytest.approx(3 / 3)
    assert distinct_n(corpus, 4).value == pytest.approx(1 / 1)
    assert ngram_diversity(corpus).value == pytest.approx(3 / 7 + 3 / 5 + 1 + 1)


def test_the_budget_fixes_the_number_of_tokens() -> None:
    corpus = intern(random_documents(1, 40), "s")
    budget = 1000
    value = distinct_n(corpus, 1, budget, seed=3)
    assert value.value * budget == pytest.approx(round(value.value * budget))
    assert value.value > distinct_n(corpus, 1).value
    assert value == distinct_n(corpus, 1, budget, seed=3)
    short = distinct_n(corpus, 1, corpus.ids.size + 1)
    assert math.isnan(short.value)
    assert f"the budget asks for {corpus.ids.size + 1}" in short.reason


def test_distinct_n_equals_counting_sets() -> None:
    documents = random_documents(2, 30, 40)
    for n in (1, 2, 3, 4):
        grams = [tuple(d[i : i + n]) for d in documents for i in range(len(d) - n + 1)]
        expected = len(set(grams)) / len(grams)
        assert distinct_n(intern(documents, "s"), n).value == pytest.approx(expected, abs=1e-15)


def test_mattr_equals_lexicalrichness() -> None:
    richness = pytest.importorskip("lexicalrichness").LexicalRichness
    documents = random_documents(3, 40)
    result = mattr(intern(documents, "s"))
    for document, ours in zip(documents, result.per_document, strict=True):
        if len(document) < 50:
            assert math.isnan(ours)
        else:
            lex = richness(document, preprocessor=None, tokenizer=None)
            assert ours == pytest.approx(lex.mattr(window_size=50), abs=1e-12)
    assert result.score.n == sum(len(document) >= 50 for document in documents)


def test_mtld_equals_lexicalrichness() -> None:
    richness = pytest.importorskip("lexicalrichness").LexicalRichness
    documents = [*random_documents(4, 40), ["all", "words", "differ"], ["one"], ["x"] * 30]
    result = mtld(intern(documents, "s"))
    for document, ours in zip(documents, result.per_document, strict=True):
        lex = richness(document, preprocessor=None, tokenizer=None)
        assert ours == pytest.approx(lex.mtld(threshold=0.72), abs=1e-9)
    assert result.short_share == pytest.approx(np.mean([len(d) < 100 for d in documents]))


def test_self_repetition_equals_its_definition() -> None:
    documents = [*random_documents(5, 25, 60), ["too", "short"]]
    documents.append(documents[0])
    sets = [{tuple(d[i : i + 4]) for i in range(len(d) - 3)} for d in documents]
    expected = [
        math.log(1 + sum(gram in other for gram in own for j, other in enumerate(sets) if j != i))
        for i, own in enumerate(sets)
        if own
    ]
    result = self_repetition(intern(documents, "s"))
    assert result.score.value == pytest.approx(np.mean(expected), abs=1e-12)
    assert result.score.scored == f"scored {len(expected)} of {len(documents)}"


def test_length_by_hand() -> None:
    texts = ["one two three", "", "a b", "é"]
    result = response_length(tokenize(texts), texts)
    assert result.words_per_response.tolist() == [3, 0, 2, 1]
    assert result.characters_per_response.tolist() == [13, 0, 3, 1]
    assert result.words.median.value == 1.5
    assert result.words.lower_quartile.value == 0.75
    assert result.words.upper_quartile.value == 2.25
    assert result.characters.mean.value == 17 / 4
    assert result.n_empty == 1
    with pytest.raises(ValueError, match="4 tokenised documents but 3 texts"):
        response_length(tokenize(texts), texts[:3])
