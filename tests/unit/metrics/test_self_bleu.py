"""Self-BLEU against the stored vector, nltk and sacrebleu."""

import math
import random

import numpy as np
import pytest

from synthlab.metrics.ngrams import sort_by_key
from synthlab.metrics.self_bleu import (
    self_bleu,
    self_bleu_curve,
    self_bleu_within,
)
from synthlab.metrics.self_bleu_table import SelfBleuTable
from synthlab.metrics.tokenize import TokenizedCorpus, intern, tokenize

CATS = (
    "the cat sat on the mat",
    "the cat sat on the red mat",
    "a dog lay on the mat today",
)
FROZEN = {2: 0.6601250480, 3: 0.6173650795, 4: 0.5239409108, 5: 0.4541997611}


def random_texts(seed: int, n: int, *, vocabulary: int = 12, longest: int = 25) -> list[list[str]]:
    """Short texts over few words, with duplicates and texts shorter than any order."""
    rng = random.Random(seed)
    texts = [
        [f"w{int(rng.paretovariate(0.9)) % vocabulary}" for _ in range(rng.randint(1, longest))]
        for _ in range(n)
    ]
    return [*texts, texts[0], texts[1], texts[1], ["lonely"]]


@pytest.mark.parametrize("order", FROZEN)
def test_the_stored_vector(order: int) -> None:
    result = self_bleu(tokenize(CATS), order)
    assert result.score.value == pytest.approx(FROZEN[order], abs=5e-11)
    assert (result.n_scored, result.n_empty) == (3, 0)
    assert result.score.metric == f"self-bleu-{order}"
    assert result.score.instrument == "words-v1"


@pytest.mark.parametrize("order", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(4))
def test_every_text_equals_nltk(order: int, seed: int) -> None:
    bleu = pytest.importorskip("nltk.translate.bleu_score")
    smoothing = bleu.SmoothingFunction().method1
    texts = random_texts(seed, 30)
    expected = [
        bleu.sentence_bleu(
            texts[:i] + texts[i + 1 :],
            text,
            weights=[1 / order] * order,
            smoothing_function=smoothing,
        )
        for i, text in enumerate(texts)
    ]
    ours = self_bleu(intern(texts, "split"), order)
    np.testing.assert_allclose(ours.per_document, expected, rtol=0, atol=1e-12)
    assert ours.score.value == pytest.approx(float(np.mean(expected)), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_papers_form_equals_sacrebleu(seed: int) -> None:
    bleu = pytest.importorskip("sacrebleu.metrics.bleu")
    scorer = bleu.BLEU(max_ngram_order=3, effective_order=True, tokenize="none")
    texts = random_texts(seed, 25)
    lines = [" ".join(text) for text in texts]
    expected = [
        scorer.sentence_score(line, lines[:i] + lines[i + 1 :]).score / 100
        for i, line in enumerate(lines)
    ]
    ours = self_bleu(intern(texts, "split"), 3, smoothing="exponential")
    np.testing.assert_allclose(ours.per_document, expected, rtol=0, atol=1e-12)
    assert ours.score.metric == "self-bleu-sentences-3"


def test_the_order_of_the_texts_does_not_matter() -> None:
    texts = random_texts(7, 40)
    shuffled = texts.copy()
    random.Random(1).shuffle(shuffled)
    first, second = self_bleu(intern(texts, "s")), self_bleu(intern(shuffled, "s"))
    assert first.score.value == pytest.approx(second.score.value, abs=1e-13)


def test_empty_texts_are_neither_scored_nor_references() -> None:
    without = self_bleu(tokenize(CATS))
    mixed = self_bleu(tokenize(["", CATS[0], "  \n", CATS[1], CATS[2]]))
    assert mixed.score.value == without.score.value
    assert (mixed.n_scored, mixed.n_empty) == (3, 2)
    assert mixed.score.scored == "scored 3 of 5"
    assert np.isnan(mixed.per_document[[0, 2]]).all()


def test_identical_texts_score_one_and_strangers_zero() -> None:
    assert self_bleu(tokenize(["one two three four five"] * 4)).score.value == pytest.approx(1.0)
    assert self_bleu(tokenize(["one two three", "vier fünf sechs"])).score.value == 0.0


@pytest.mark.parametrize("texts", [[], ["only one text"], ["", ""], ["", "words here"]])
def test_fewer_than_two_texts_are_undefined_with_a_reason(texts: list[str]) -> None:
    result = self_bleu(tokenize(texts))
    assert math.isnan(result.score.value)
    assert "at least two texts" in result.score.reason


def test_a_masked_pass_equals_a_new_corpus() -> None:
    rng = np.random.default_rng(3)
    corpus = intern(random_texts(5, 50), "split")
    table = SelfBleuTable(corpus, 4)
    for _ in range(10):
        chosen = rng.random(len(corpus)) < 0.4
        alone = self_bleu(corpus.select(np.flatnonzero(chosen)))
        np.testing.assert_allclose(
            table.per_document(chosen)[chosen], alone.per_document, rtol=0, atol=1e-13
        )


def test_within_equals_each_response_by_itself() -> None:
    responses = [
        "The cat sat on the mat. The cat sat on the red mat. A dog lay on the mat today.",
        "Only one sentence stands here, no more.",
        "",
        "A dog lay on the mat today. A dog lay on the mat today!",
    ]
    result = self_bleu_within(responses)
    parts = (
        "the cat sat on the mat .",
        "the cat sat on the red mat .",
        "a dog lay on the mat today .",
    )
    alone = self_bleu(intern([part.split() for part in parts], "s"), 3)
    assert result.per_response[0] == pytest.approx(alone.score.value, abs=1e-15)
    assert np.isnan(result.per_response[[1, 2]]).all()
    assert result.per_response[3] == pytest.approx((7 / 8 * 6 / 7 * 5 / 6) ** (1 / 3))
    assert (result.n_scored, result.n_too_short) == (2, 2)
    assert result.score.value == pytest.approx(float(np.nanmean(result.per_response)))


def test_the_curve_is_nested_and_ends_at_the_whole_corpus() -> None:
    corpus = intern(random_texts(9, 60), "s")
    points = self_bleu_curve(corpus, [10, 64, 1, 30, 1000, 10], seed=4)
    assert [point.n for point in points] == [10, 30, 64]
    assert points[-1].score == pytest.approx(self_bleu(corpus).score.value, abs=1e-15)
    assert self_bleu_curve(corpus, [10], seed=4)[0] == points[0]


@pytest.mark.parametrize("order", [0, 1, 6])
def test_other_orders_are_refused(order: int) -> None:
    with pytest.raises(ValueError, match="2 to 5"):
        self_bleu(tokenize(CATS), order)


def test_keys_too_large_to_pack_sort_the_same() -> None:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 50, 400)
    position = np.arange(400)
    packed = sort_by_key(small, position)
    stretched = sort_by_key(small << 56, position)
    np.testing.assert_array_equal(packed[0], stretched[0])
    np.testing.assert_array_equal(packed[1] << 56, stretched[1])


def test_a_corpus_checks_its_own_shape() -> None:
    ids = np.zeros(2, np.int32)
    with pytest.raises(ValueError, match="offsets must run"):
        TokenizedCorpus(ids, np.asarray([0, 1]), ("a",), "s")
    with pytest.raises(ValueError, match="outside the vocabulary"):
        TokenizedCorpus(ids, np.asarray([0, 2]), (), "s")
