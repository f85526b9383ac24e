"""Perplexity and token entropy from stored sums, by hand."""

import math

import numpy as np
import pytest

from synthlab.metrics.entropy import (
    EntropySummary,
    summarise_entropies,
    token_entropy,
)
from synthlab.metrics.perplexity import LogProbabilities, perplexity


def scores(sums: list[float], tokens: list[int], size: list[int] | None = None) -> LogProbabilities:
    return LogProbabilities(
        np.asarray(sums, np.float64),
        np.asarray(tokens, np.int64),
        np.asarray(size if size is not None else [4 * count for count in tokens], np.int64),
    )


def test_five_readings_by_hand() -> None:
    result = perplexity(scores([-2.0, -30.0, 0.0, -8.0], [2, 10, 0, 2]), "ppl2", "base")
    assert result.token_weighted.value == pytest.approx(math.exp(40 / 14))
    assert result.document_weighted.value == pytest.approx(math.exp((1 + 3 + 4) / 3))
    assert result.median.value == pytest.approx(math.exp(3))
    assert result.mean_log.value == pytest.approx(8 / 3)
    assert result.bits_per_byte.value == pytest.approx(40 / (56 * math.log(2)))
    np.testing.assert_array_equal(result.per_document, [1, 3, np.nan, 4])
    assert result.median.scored == "scored 3 of 4"
    assert result.token_weighted.metric == "ppl2-token"
    assert result.token_weighted.name.endswith("[base]")


def test_a_certain_and_a_uniform_model() -> None:
    certain = perplexity(scores([0.0, 0.0], [5, 7]), "ppl1", "m")
    assert certain.token_weighted.value == 1.0
    assert certain.bits_per_byte.value == 0.0
    uniform = perplexity(scores([-3 * math.log(50), -9 * math.log(50)], [3, 9]), "ppl1", "m")
    assert uniform.token_weighted.value == pytest.approx(50)
    assert uniform.document_weighted.value == pytest.approx(50)


def test_one_impossible_document_is_not_dropped_in_silence() -> None:
    result = perplexity(scores([-1.0, -math.inf, math.nan], [1, 1, 1]), "ppl1", "m")
    assert math.isnan(result.median.value)
    assert "2 documents have no finite log-probability, first row 1" in result.median.reason


def test_a_perplexity_beyond_a_float_leaves_its_logarithm() -> None:
    result = perplexity(scores([-4000.0], [2]), "ppl1", "m")
    assert "above the range" in result.token_weighted.reason
    assert result.mean_log.value == 2000.0
    assert result.bits_per_byte.is_defined


def test_nothing_scored_and_no_bytes_say_so() -> None:
    assert "none of 0" in perplexity(scores([], []), "ppl1", "m").token_weighted.reason
    assert "none of 2" in perplexity(scores([0, 0], [0, 0]), "ppl1", "m").mean_log.reason
    assert "no bytes" in perplexity(scores([-1], [1], [0]), "ppl1", "m").bits_per_byte.reason


def test_wrong_sums_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 0"):
        scores([2.0], [1])
    with pytest.raises(ValueError, match="negative"):
        scores([-2.0], [-1])
    with pytest.raises(ValueError, match="one value per document"):
        scores([-2.0], [1, 2])


def stack_summaries(summaries: list[EntropySummary]) -> EntropySummary:
    sums = [np.zeros((0, 10)), *(one.sums for one in summaries)]
    counts = [np.zeros((0, 10), np.int64), *(one.counts for one in summaries)]
    return EntropySummary(np.concatenate(sums), np.concatenate(counts))


def test_entropy_by_position_by_hand() -> None:
    long = summarise_entropies(np.arange(20.0))
    short = summarise_entropies([4.0, 2.0])
    assert long.counts.tolist() == [[2] * 10]
    assert short.counts[0].tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    result = token_entropy(stack_summaries([long, short, summarise_entropies([])]), "m")
    np.testing.assert_array_equal(result.per_answer, [9.5, 3.0, np.nan])
    assert result.entropy.value == pytest.approx(6.25)
    assert result.branching_factor.value == pytest.approx(math.exp(6.25))
    by_hand = [(0.5 + 4) / 2, 2.5, 4.5, 6.5, 8.5, (10.5 + 2) / 2, 12.5, 14.5, 16.5, 18.5]
    np.testing.assert_allclose(result.by_decile, by_hand)
    assert result.answers_by_decile.tolist() == [2, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert result.entropy.scored == "scored 2 of 3"


def test_a_uniform_distribution_branches_into_its_size() -> None:
    result = token_entropy(summarise_entropies([math.log(12)] * 30), "m")
    assert result.branching_factor.value == pytest.approx(12)
    np.testing.assert_allclose(result.branching_by_decile, 12)


def test_entropies_that_are_missing_or_broken_say_so() -> None:
    assert "none of 0 answers" in token_entropy(stack_summaries([]), "m").entropy.reason
    broken = token_entropy(summarise_entropies([1.0, math.nan]), "m")
    assert "answer 0 has an entropy that is not finite" in broken.branching_factor.reason
    with pytest.raises(ValueError, match="negative"):
        summarise_entropies([-1.0])
    with pytest.raises(ValueError, match="shape"):
        EntropySummary(np.zeros((2, 9)), np.zeros((2, 9), np.int64))
