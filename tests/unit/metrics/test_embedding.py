"""Spread, neighbours and novelty in an embedding space against brute force and other libraries."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from synthlab.metrics.embedding import (
    Embeddings,
    cosine_distance_within,
    embeddings,
    mean_cosine_distance,
    vendi,
)
from synthlab.metrics.neighbours import neighbourhood
from synthlab.metrics.novelty import novelty

Floats = npt.NDArray[np.float64]


def cloud(seed: int, n: int, d: int = 16, shift: float = 0.0) -> Embeddings:
    rng = np.random.default_rng(seed)
    return embeddings(rng.normal(size=(n, d)) + shift, "test-embedder")


def mean_of_pairs(unit: Floats) -> float:
    pairs = [1 - unit[i] @ unit[j] for i in range(len(unit)) for j in range(i)]
    return float(np.mean(pairs))


def test_rows_without_a_direction_are_counted_and_left_out() -> None:
    vectors = [[3.0, 4.0], [0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], [1e-300, 0.0], [1e300, 1e300]]
    texts = embeddings(vectors, "e")
    assert texts.rows.tolist() == [0, 4, 5]
    np.testing.assert_allclose(np.linalg.norm(texts.unit, axis=1), 1.0, atol=1e-15)
    assert mean_cosine_distance(texts).scored == "scored 3 of 6"
    with pytest.raises(ValueError, match="are a matrix"):
        embeddings([1.0, 2.0], "e")


def test_closed_form_cosine_distance_equals_all_pairs() -> None:
    texts = cloud(1, 60, shift=0.3)
    assert mean_cosine_distance(texts).value == pytest.approx(mean_of_pairs(texts.unit), abs=1e-13)
    assert mean_cosine_distance(embeddings([[1, 0], [-1, 0]], "e")).value == 2.0
    assert mean_cosine_distance(embeddings([[1, 2]] * 5, "e")).value == pytest.approx(0, abs=1e-15)


def test_distance_within_prompts_equals_all_pairs_of_each() -> None:
    texts = cloud(2, 9)
    prompt_of = [7, 7, 7, 2, 2, 5, 7, 2, 2]
    result = cosine_distance_within(texts, prompt_of)
    assert result.prompts.tolist() == [2, 5, 7]
    for prompt, ours in zip(result.prompts, result.per_prompt, strict=True):
        rows = [i for i, number in enumerate(prompt_of) if number == prompt]
        if len(rows) < 2:
            assert math.isnan(ours)
        else:
            assert ours == pytest.approx(mean_of_pairs(texts.unit[rows]), abs=1e-13)
    assert result.score.scored == "scored 2 of 3"
    with pytest.raises(ValueError, match="one prompt number each"):
        cosine_distance_within(texts, [1, 2])


@pytest.mark.parametrize(("n", "d"), [(80, 16), (12, 40)])
def test_vendi_equals_the_reference(n: int, d: int) -> None:
    reference = pytest.importorskip("vendi_score.vendi")
    texts = cloud(3, n, d, shift=0.2)
    scores = vendi(texts)
    kernel = texts.unit @ texts.unit.T
    for value, q in ((scores.q1, 1), (scores.q_half, 0.5), (scores.q_inf, "inf")):
        if q == 0.5 and n > d:
            # The reference takes the square root of rounding noise in the n - d null directions.
            expected = reference.score_dual(texts.unit, q=q, normalize=False)
        else:
            expected = reference.score_K(kernel, q=q)
        assert value.value == pytest.approx(expected, rel=1e-7)


def test_vendi_by_hand() -> None:
    assert vendi(embeddings(np.eye(5), "e")).q1.value == pytest.approx(5)
    same = vendi(embeddings([[1, 2, 3]] * 40, "e"))
    assert same.q1.value == pytest.approx(1)
    assert same.q_half.value == pytest.approx(1)
    two = vendi(embeddings([[1, 0]] * 3 + [[0, 1]], "e"))
    assert two.q1.value == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))
    assert two.q_half.value == pytest.approx((math.sqrt(0.75) + 0.5) ** 2)
    assert two.q_inf.value == pytest.approx(4 / 3)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_neighbourhood_equals_scikit_learn_brute_force(k: int) -> None:
    nearest = pytest.importorskip("sklearn.neighbors").NearestNeighbors
    human, generated = cloud(4, 150, 6), cloud(5, 150, 6, shift=0.8)

    def radius(unit: Floats) -> Floats:
        found = nearest(n_neighbors=k + 1, algorithm="brute").fit(unit).kneighbors(unit)[0]
        return np.asarray(found[:, -1], np.float64)

    between = np.linalg.norm(human.unit[:, None] - generated.unit[None], axis=2)
    ours, theirs = radius(human.unit), radius(generated.unit)
    result = neighbourhood(human, generated, k=k)
    assert result.precision.value == (between <= ours[:, None]).any(axis=0).mean()
    assert result.recall.value == (between <= theirs[None]).any(axis=1).mean()
    assert result.coverage.value == (between.min(axis=1) <= ours).mean()
    assert 0 < result.recall.value < 1


def test_neighbourhood_tells_narrow_from_wrong() -> None:
    human = embeddings(cloud(6, 300, 8).unit + 2 * np.eye(8)[1], "test-embedder")
    narrow = embeddings(human.unit[:1] + 0.02 * cloud(7, 300, 8).unit, "test-embedder")
    wrong = embeddings(cloud(8, 300, 8).unit + 2 * np.eye(8)[0], "test-embedder")
    assert neighbourhood(human, narrow).precision.value > 0.9
    assert neighbourhood(human, narrow).coverage.value < 0.2
    assert neighbourhood(human, wrong).precision.value < 0.2
    copies = neighbourhood(embeddings([[1, 2]] * 9, "e"), embeddings([[1, 2]] * 9, "e"))
    assert (copies.precision.value, copies.recall.value, copies.coverage.value) == (1, 1, 1)


def test_sides_are_cut_to_one_size_by_seed() -> None:
    human, generated = cloud(1, 90), cloud(2, 50)
    result = neighbourhood(human, generated, largest_sample=40, seed=1)
    assert (result.n_human, result.n_generated) == (40, 40)
    assert result == neighbourhood(human, generated, largest_sample=40, seed=1)
    with pytest.raises(ValueError, match="cannot be compared"):
        neighbourhood(human, embeddings(np.eye(3), "other"))


def test_novelty_by_hand() -> None:
    a, b, near_a = [1.0, 0.0], [0.0, 1.0], [1.0, 0.1]
    texts = embeddings([a, near_a, b, a, a, a, a, b], "e")
    prompt_of = [1, 1, 1, 2, 2, 2, 3, 3]
    quality = [1.0, 1.0, 0.5, 0.2, 1.0, 1.0, 1.0, 1.0]
    result = novelty(texts, prompt_of, 0.9, k=3, quality=quality, patience=0.8)
    np.testing.assert_array_equal(result.distinct.per_prompt, [2, 1, np.nan])
    norm = 0.2 / (1 - 0.8**3)
    np.testing.assert_allclose(
        result.utility.per_prompt, [norm * (1 + 0.64 * 0.5), norm * 0.2, np.nan]
    )
    assert result.distinct.score.value == 1.5
    assert result.distinct.score.scored == "scored 2 of 3"
    all_new = novelty(embeddings(np.eye(8), "e"), [0] * 8, 0.5)
    assert all_new.utility.score.value == pytest.approx(1.0)
    with pytest.raises(ValueError, match=r"lies in \[0, 1\]"):
        novelty(texts, prompt_of, 0.9, quality=[2.0] * 8)


def test_too_few_rows_are_undefined_with_a_reason() -> None:
    none = embeddings(np.zeros((3, 4)), "e")
    one = embeddings(np.eye(4)[:1], "e")
    assert "two texts" in mean_cosine_distance(one).reason
    assert "no text" in vendi(none).q_half.reason
    assert "5 neighbours" in neighbourhood(one, none).recall.reason
    assert "has 8 answers" in novelty(one, [0], 0.9).distinct.score.reason
    assert "two answers" in cosine_distance_within(one, [0]).score.reason
