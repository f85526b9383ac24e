"""Many subsets at once give what each alone gives, whatever the texts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthlab.metrics import (
    distinct_subsets,
    gram_columns,
    self_bleu_bits,
    self_bleu_subsets,
    subset_bits,
)
from synthlab.metrics.distinct_subsets import DistinctSubsets
from synthlab.metrics.diversity import distinct_n
from synthlab.metrics.self_bleu_subsets import SelfBleuSubsets
from synthlab.metrics.self_bleu_table import SelfBleuTable
from synthlab.metrics.tokenize import TokenizedCorpus, tokenize


def random_corpus(seed: int) -> tuple[np.random.Generator, TokenizedCorpus]:
    """Texts of 0 to 24 words of a small vocabulary: repeats within a text and empty texts happen."""
    random = np.random.default_rng(seed)
    documents, words = int(random.integers(2, 30)), int(random.integers(2, 60))
    texts = [
        " ".join(f"w{word}" for word in random.integers(0, words, int(random.integers(0, 25))))
        for _ in range(documents)
    ]
    return random, tokenize(texts)


def one_by_one(table: SelfBleuTable, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    try:
        return float(table.mean(chosen))
    except ValueError:
        return math.nan


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("most_cells", [0, 10**9], ids=["counted", "product"])
def test_self_bleu_of_subsets(seed: int, most_cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_bleu_subsets, "_MOST_CELLS", most_cells)
    random, corpus = random_corpus(seed)
    for order in (1, 4):
        table, subsets = SelfBleuTable(corpus, order), SelfBleuSubsets(corpus, order)
        chosen = random.random((20, len(corpus))) < 0.6
        expected = [one_by_one(table, one) for one in chosen]
        np.testing.assert_allclose(subsets.means(chosen), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(15))
def test_bits_give_self_bleu_to_the_last_digit(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_bleu_subsets, "_MOST_CELLS", 0)
    random, corpus = random_corpus(seed)
    chosen = random.random((150, len(corpus))) < random.random((150, 1))
    sides = np.concatenate([chosen, ~chosen])
    for order in (1, 3, 5):
        table, subsets = SelfBleuTable(corpus, order), SelfBleuSubsets(corpus, order)
        expected = np.array([one_by_one(table, one) for one in sides])
        np.testing.assert_array_equal(subsets.means(chosen), expected[:150])
        np.testing.assert_array_equal(subsets.means(sides), expected)


def test_blocks_of_bits_do_not_change_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_bleu_subsets, "_MOST_CELLS", 0)
    random, corpus = random_corpus(4)
    chosen = random.random((50, len(corpus))) < 0.5
    rows = [np.flatnonzero(one) for one in chosen]
    bleu, distinct = SelfBleuSubsets(corpus), DistinctSubsets(corpus, 2, 30)
    whole = bleu.means(chosen), distinct.values(rows)
    for module, name in (
        (self_bleu_bits, "_SUBSETS_AT_ONCE"),
        (self_bleu_bits, "_TEXTS_AT_ONCE"),
        (gram_columns, "_COLUMNS_AT_ONCE"),
        (gram_columns, "_RANKS_BETWEEN_CHECKS"),
        (distinct_subsets, "_SUBSETS_AT_ONCE"),
    ):
        monkeypatch.setattr(module, name, 3)
        np.testing.assert_array_equal(bleu.means(chosen), whole[0])
        np.testing.assert_array_equal(distinct.values(rows), whole[1])


def test_words_said_hundreds_of_times_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_bleu_subsets, "_MOST_CELLS", 0)
    random = np.random.default_rng(0)
    corpus = tokenize([" ".join(["ha"] * int(n)) for n in random.integers(1, 900, 12)])
    chosen = random.random((20, len(corpus))) < 0.5
    expected = [one_by_one(SelfBleuTable(corpus), one) for one in chosen]
    np.testing.assert_array_equal(SelfBleuSubsets(corpus).means(chosen), expected)


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7, 64, 100])
def test_bits_are_added_up(rows: int) -> None:
    chosen = np.random.default_rng(rows).random((70, rows)) < 0.4
    assert (
        subset_bits.total(subset_bits.packed(chosen))[:70].tolist() == chosen.sum(axis=1).tolist()
    )


def test_long_n_grams_of_many_words_have_numbers_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    _, corpus = random_corpus(6)
    rows = [np.arange(len(corpus)), np.arange(1, len(corpus))]
    expected = DistinctSubsets(corpus, 4, 20).values(rows)
    monkeypatch.setattr(distinct_subsets, "_LARGEST", 1)
    np.testing.assert_array_equal(DistinctSubsets(corpus, 4, 20).values(rows), expected)


def test_blocks_do_not_change_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    random, corpus = random_corpus(3)
    chosen = random.random((50, len(corpus))) < 0.5
    whole = SelfBleuSubsets(corpus).means(chosen)
    monkeypatch.setattr(self_bleu_subsets, "_BLOCK_CELLS", 1)
    np.testing.assert_array_equal(SelfBleuSubsets(corpus).means(chosen), whole)


@pytest.mark.parametrize("seed", range(25))
def test_distinct_n_of_subsets(seed: int) -> None:
    random, corpus = random_corpus(seed)
    budget = int(random.integers(1, 60))
    rows = [np.sort(random.permutation(len(corpus))[: len(corpus) // 2 + 1]) for _ in range(10)]
    for order in (1, 2, 3):
        found = DistinctSubsets(corpus, order, budget).values(rows)
        expected = [distinct_n(corpus.select(one), order, budget).value for one in rows]
        np.testing.assert_allclose(found, expected, atol=1e-12)
        assert np.isnan(found).tolist() == [math.isnan(value) for value in expected]


def test_a_subset_without_texts_is_undefined() -> None:
    _, corpus = random_corpus(1)
    nothing = np.zeros((1, len(corpus)), np.bool_)
    assert math.isnan(SelfBleuSubsets(corpus).means(nothing)[0])
    assert math.isnan(DistinctSubsets(corpus, 2, 5).values([np.empty(0, np.int64)])[0])
