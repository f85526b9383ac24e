"""MAUVE and the frontier integral against hand values, quadrature and the reference package."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from synthlab.metrics.embedding import Embeddings, embeddings
from synthlab.metrics.kmeans import kmeans, principal_components
from synthlab.metrics.mauve import (
    divergence_curve,
    frontier_integral_of_histograms,
    human_baseline,
    mauve,
    mauve_of_histograms,
)

Floats = npt.NDArray[np.float64]


def cloud(seed: int, n: int, shift: float = 0.0, d: int = 24) -> Embeddings:
    rng = np.random.default_rng(seed)
    return embeddings(rng.normal(size=(n, d)) + shift, "test-embedder")


def histograms(seed: int, k: int = 30) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    p, q = rng.multinomial(200, rng.dirichlet(np.ones(k)), 2) / 200.0
    return p, q


def test_limits_of_the_curve() -> None:
    p = np.asarray([0.5, 0.5, 0.0, 0.0])
    assert mauve_of_histograms(p, p) == pytest.approx(1.0)
    assert frontier_integral_of_histograms(p, p) == 0.0
    assert mauve_of_histograms(p, p[::-1]) < 0.05
    assert frontier_integral_of_histograms(p, p[::-1]) == pytest.approx(1.0)
    curve = divergence_curve(p, p[::-1])
    assert curve[0].tolist() == [0.0, 1.0]
    assert curve[-1].tolist() == [1.0, 0.0]
    assert (np.diff(curve[:, 0]) >= 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_both_readings_are_symmetric_and_the_closed_form_equals_quadrature(seed: int) -> None:
    p, q = histograms(seed)
    assert mauve_of_histograms(p, q) == pytest.approx(mauve_of_histograms(q, p), abs=1e-12)
    closed = frontier_integral_of_histograms(p, q)
    assert closed == pytest.approx(frontier_integral_of_histograms(q, p), abs=1e-12)
    weight = (np.arange(20_000) + 0.5) / 20_000
    cost = np.zeros(weight.size)
    for a, b in zip(p, q, strict=True):
        mixture = weight * a + (1 - weight) * b
        if a > 0:
            cost += weight * a * np.log(a / mixture)
        if b > 0:
            cost += (1 - weight) * b * np.log(b / mixture)
    assert closed == pytest.approx(2 * cost.mean(), abs=1e-6)


def test_formulas_equal_the_reference_package_on_its_own_histograms() -> None:
    reference = pytest.importorskip("mauve")
    pytest.importorskip("faiss")
    human, generated = cloud(1, 300), cloud(2, 300, 0.25)
    theirs = reference.compute_mauve(
        p_features=human.unit, q_features=generated.unit, num_buckets=30, seed=3, verbose=False
    )
    p, q = theirs.p_hist, theirs.q_hist
    assert mauve_of_histograms(p, q) == pytest.approx(theirs.mauve, abs=1e-9)
    assert frontier_integral_of_histograms(p, q) == pytest.approx(
        theirs.frontier_integral, abs=1e-9
    )
    p_star, q_star = (p * 300 + 0.5) / 315, (q * 300 + 0.5) / 315
    assert mauve_of_histograms(p_star, q_star) == pytest.approx(theirs.mauve_star, abs=1e-9)
    star = frontier_integral_of_histograms(p_star, q_star)
    assert star == pytest.approx(theirs.frontier_integral_star, abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.4])
def test_mauve_lies_within_the_seed_noise_of_the_reference_package(shift: float) -> None:
    reference = pytest.importorskip("mauve")
    pytest.importorskip("faiss")
    human, generated = cloud(1, 500), cloud(2, 500, shift)
    theirs = [
        reference.compute_mauve(
            p_features=human.unit, q_features=generated.unit, seed=seed, verbose=False
        ).mauve
        for seed in range(5)
    ]
    ours = mauve(human, generated)
    assert ours.clusters == 50
    spread = max(ours.mauve.sd, float(np.std(theirs, ddof=1)), 0.004)
    assert ours.mauve.mean.value == pytest.approx(float(np.mean(theirs)), abs=3 * spread)


def test_mauve_falls_with_distance_and_the_baseline_is_high() -> None:
    human = cloud(1, 400)
    near, far = mauve(human, cloud(2, 400, 0.1)), mauve(human, cloud(3, 400, 0.5))
    baseline = human_baseline(human)
    assert baseline.n_per_side == 200
    assert baseline.mauve.mean.value > 0.85
    assert near.mauve.mean.value > far.mauve.mean.value + 0.2
    assert near.frontier_integral_star.mean.value < far.frontier_integral_star.mean.value
    assert len(near.mauve.per_seed) == 5
    assert near.mauve.sd == pytest.approx(float(np.std(near.mauve.per_seed, ddof=1)))
    assert near.mauve.mean.value == mauve(human, cloud(2, 400, 0.1)).mauve.mean.value


def test_too_few_texts_and_wrong_settings_say_so() -> None:
    few = mauve(cloud(1, 19), cloud(2, 500))
    assert math.isnan(few.mauve_star.mean.value)
    assert "20 texts are needed on each side, there are 19" in few.mauve.mean.reason
    assert math.isnan(mauve(cloud(1, 30), cloud(2, 30), seeds=(1,)).mauve.sd)
    with pytest.raises(ValueError, match="at least 2 clusters"):
        mauve(cloud(1, 30), cloud(2, 30), clusters=1)
    with pytest.raises(ValueError, match="cannot fill 61"):
        mauve(cloud(1, 30), cloud(2, 30), clusters=61)
    with pytest.raises(ValueError, match="there are 30"):
        human_baseline(cloud(1, 30), 16)


def test_identical_texts_have_equal_histograms() -> None:
    same = embeddings(np.ones((60, 5)), "e")
    result = mauve(same, same)
    assert result.mauve.mean.value == pytest.approx(1.0)
    assert result.frontier_integral.mean.value == 0.0


def test_principal_components_keep_the_asked_variance() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    points = np.random.default_rng(1).normal(size=(200, 12)) * np.linspace(5, 0.1, 12)
    reference = decomposition.PCA(n_components=0.9, svd_solver="full").fit_transform(points)
    ours = principal_components(points, 0.9)
    assert ours.shape == reference.shape
    np.testing.assert_allclose(np.abs(ours), np.abs(reference), atol=1e-8)


def test_kmeans_finds_separate_groups_and_fills_every_cluster() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(6) * 50
    points = np.repeat(centres, 30, axis=0) + rng.normal(size=(180, 6))
    labels = kmeans(points, 6, seed=2)
    groups = [set(labels[start : start + 30].tolist()) for start in range(0, 180, 30)]
    assert all(len(group) == 1 for group in groups)
    assert len(set.union(*groups)) == 6
    assert len(set(kmeans(rng.normal(size=(40, 3)), 40, seed=1).tolist())) == 40


def test_kmeans_inertia_is_as_low_as_scikit_learns() -> None:
    cluster = pytest.importorskip("sklearn.cluster")
    points = np.random.default_rng(5).normal(size=(600, 10))

    def inertia(labels: npt.NDArray[np.int64]) -> float:
        groups = [points[labels == label] for label in range(30)]
        return float(sum(((group - group.mean(axis=0)) ** 2).sum() for group in groups))

    ours = np.mean([inertia(kmeans(points, 30, seed)) for seed in range(5)])
    theirs = cluster.KMeans(30, n_init=5, random_state=0).fit(points).inertia_
    assert ours < 1.03 * theirs
