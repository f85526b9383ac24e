"""Many subsets at once give what each alone gives, whatever the texts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthlab.metrics import self_bleu_subsets
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
