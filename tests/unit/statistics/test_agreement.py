"""Cohen's kappa against statsmodels, scikit-learn and simulation."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa as reference_kappa

from synthlab.analysis.statistics.agreement import cohens_kappa
from synthlab.analysis.statistics.clusters import Clusters

STATES = ("refusal", "partial", "compliance", "off-topic", "empty")


def raters(generator: np.random.Generator, n: int, share: float) -> tuple[list[str], list[str]]:
    """Two raters who see the same state with probability `share` and guess otherwise."""
    truth = generator.choice(STATES, n, p=(0.5, 0.1, 0.2, 0.15, 0.05))
    guesses = generator.choice(STATES, n)
    second = np.where(generator.random(n) < share, truth, guesses)
    return [str(one) for one in truth], [str(one) for one in second]


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_kappa_and_its_error_equal_the_references(share: float) -> None:
    first, second = raters(np.random.default_rng(41), 150, share)
    agreement = cohens_kappa(first, second, Clusters.of(range(150)), labels=STATES)
    reference = reference_kappa(np.array(agreement.counts))
    assert agreement.kappa.value == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    large_sample = agreement.kappa.standard_error * math.sqrt(149 / 150)
    assert large_sample == pytest.approx(reference.std_kappa, rel=1e-10)
    assert agreement.raw.value == pytest.approx(
        np.mean([one == other for one, other in zip(first, second, strict=True)])
    )
    assert agreement.labels == STATES


def test_samples_of_a_prompt_widen_the_interval() -> None:
    first, second = raters(np.random.default_rng(42), 80, 0.7)
    alone = cohens_kappa(first, second, Clusters.of(range(80))).kappa
    copied = Clusters.of([row for row in range(80) for _ in range(5)])
    repeated = cohens_kappa(
        [one for one in first for _ in range(5)], [one for one in second for _ in range(5)], copied
    ).kappa
    assert repeated.value == pytest.approx(alone.value)
    assert repeated.standard_error == pytest.approx(alone.standard_error)


def test_perfect_agreement_is_not_certainty() -> None:
    first = ["yes", "no"] * 10
    kappa = cohens_kappa(first, first, Clusters.of(range(20))).kappa
    assert (kappa.value, kappa.interval.high) == (1.0, 1.0)
    assert 0.5 < kappa.interval.low < 0.8


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([], [], "no scored rows"),
        (["a", "a"], ["a", "a"], "same label"),
        (["a"], ["b"], "only 1 prompt"),
    ],
)
def test_undefined_kappa_says_why(first: list[str], second: list[str], words: str) -> None:
    kappa = cohens_kappa(first, second, Clusters.of(range(len(first)))).kappa
    assert words in kappa.reason
    assert not kappa.interval.is_defined


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        cohens_kappa(["a"], ["a", "b"], Clusters.of(range(2)))
    with pytest.raises(ValueError, match="'c' is not in the label set"):
        cohens_kappa(["a"], ["c"], Clusters.of(range(1)), labels=("a", "b"))


def test_the_interval_covers_the_true_kappa() -> None:
    generator = np.random.default_rng(43)
    population = raters(generator, 400_000, 0.6)
    truth = cohen_kappa_score(*population)
    clusters = Clusters.of(range(60))
    covered = [
        cohens_kappa(*raters(generator, 60, 0.6), clusters).kappa.interval.contains(truth)
        for _ in range(1_000)
    ]
    assert 0.92 <= np.mean(covered) <= 0.98
