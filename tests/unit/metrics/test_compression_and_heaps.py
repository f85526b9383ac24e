"""Compression ratios and Heaps' law on corpora whose answer is known."""

import gzip
import lzma
import math
import random

import numpy as np
import pytest

from synthlab.metrics.compression import compression_ratio
from synthlab.metrics.heaps import heaps, heaps_grid
from synthlab.metrics.tokenize import TokenizedCorpus, seeded_order, tokenize


def noise(seed: int, n: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefghijklmnop", k=200)) for _ in range(n)]


def test_ratio_equals_the_compressors_own_sizes() -> None:
    text = "the same words again and again. " * 50
    result = compression_ratio([text])
    raw = text.encode()
    assert result.xz.value == pytest.approx(len(raw) / len(lzma.compress(raw, preset=6)), rel=0.1)
    assert result.gzip.value == len(raw) / len(gzip.compress(raw, 9, mtime=0))
    assert result.raw_bytes == len(raw)


def test_only_the_large_dictionary_sees_repeats_far_apart() -> None:
    once = noise(1, 2000)
    twice = compression_ratio(once + once, seed=2)
    assert twice.xz.value > 1.7 * compression_ratio(once, seed=2).xz.value
    assert twice.gzip.value < 1.3 * compression_ratio(once, seed=2).gzip.value


def test_the_budget_and_the_order_are_fixed() -> None:
    texts = noise(3, 50)
    budget = compression_ratio(texts, 1000, seed=1)
    assert budget.raw_bytes == 1000
    assert budget.xz.scored == "scored 5 of 50"
    assert budget == compression_ratio(texts, 1000, seed=1)
    assert budget != compression_ratio(texts, 1000, seed=2)
    short = compression_ratio(texts, 10**6)
    assert math.isnan(short.xz.value)
    assert "the budget asks for 1000000" in short.gzip.reason
    with pytest.raises(ValueError, match="at least 1"):
        compression_ratio(texts, 0)


def zipf_corpus(exponent: float, tokens: int, seed: int) -> TokenizedCorpus:
    """Documents of 100 words of probability rank^-s, whose Heaps' beta tends to 1/s."""
    rng = np.random.default_rng(seed)
    words, ids = np.unique(rng.zipf(exponent, tokens) % 2**31, return_inverse=True)
    offsets = np.arange(0, tokens + 1, 100)
    return TokenizedCorpus(
        ids.astype(np.int32), offsets, tuple(str(word) for word in words), "zipf"
    )


@pytest.mark.parametrize("exponent", [1.5, 2.0])
def test_heaps_finds_the_slope_of_a_zipf_corpus(exponent: float) -> None:
    fit = heaps(zipf_corpus(exponent, 200_000, 1), heaps_grid(200_000), seed=4)
    # V(t) ~ Gamma(1 - 1/s) (c t)^(1/s) for word probabilities c rank^-s.
    c = 1 / sum(rank**-exponent for rank in range(1, 2_000_000))
    theory = math.gamma(1 - 1 / exponent) * (c * fit.grid[-1]) ** (1 / exponent)
    assert fit.beta.value == pytest.approx(1 / exponent, abs=0.02)
    assert fit.vocabulary.value == pytest.approx(theory, rel=0.03)
    assert fit.fit_error < 0.02
    assert abs(fit.curvature) < 0.01
    reached = fit.k.value * fit.grid[-1] ** fit.beta.value
    assert reached == pytest.approx(fit.curve[-1], rel=0.05)


def test_the_curve_equals_counting_words_in_each_order() -> None:
    texts = ["a b c a", "b d", "", "e f g h i a", "a a a a"]
    corpus = tokenize(texts)
    grid = [1, 2, 5, 9, 16]
    fit = heaps(corpus, grid, seed=7, shuffles=1)
    three = heaps(corpus, grid, seed=7, shuffles=3)
    stream = [word for row in seeded_order(5, 7) for word in texts[row].split()]
    assert fit.curve.tolist() == [len(set(stream[:t])) for t in grid]
    assert three.curve[-1] == 9
    assert three.curve_sd[-1] == 0


def test_grids_share_their_points() -> None:
    assert heaps_grid(99).size == 0
    small, large = heaps_grid(1000), heaps_grid(123_456)
    assert small.tolist() == [100, 126, 158, 200, 251, 316, 398, 501, 631, 794, 1000]
    np.testing.assert_array_equal(large[: small.size], small)
    assert large[-1] <= 123_456 < large[-1] * 1.3


def test_heaps_says_why_it_is_undefined() -> None:
    corpus = tokenize(["a b c"])
    assert "has 3 words, the grid ends at 200" in heaps(corpus, [100, 150, 200]).beta.reason
    assert "3 grid points" in heaps(corpus, heaps_grid(3)).vocabulary.reason
    with pytest.raises(ValueError, match="must rise"):
        heaps(corpus, [3, 2, 1])
