"""Tails and quantiles against scipy."""

import math

import pytest
from scipy import special, stats

from synthlab.analysis.statistics.distributions import (
    beta_quantile,
    binomial_cdf,
    fair_coin_two_sided,
    incomplete_beta,
    normal_quantile,
    normal_sf,
    student_t_quantile,
    student_t_sf,
    student_t_two_sided,
)

DEGREES = (0.7, 1, 2, 2.6, 5, 29, 312.4, 15_000, 1e6)


@pytest.mark.parametrize("z", [-9.0, -1.0, 0.0, 0.3, 1.96, 8.0, 30.0])
def test_normal_tail(z: float) -> None:
    assert normal_sf(z) == pytest.approx(stats.norm.sf(z), rel=1e-12)


@pytest.mark.parametrize("probability", [1e-12, 0.025, 0.5, 0.8, 0.975, 1 - 1e-9])
def test_normal_quantile(probability: float) -> None:
    expected = stats.norm.ppf(probability)
    assert normal_quantile(probability) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("a", [0.5, 1, 3.3, 40, 5_000])
@pytest.mark.parametrize("b", [0.5, 2, 17, 800, 60_000])
@pytest.mark.parametrize("x", [0.0, 1e-8, 0.01, 0.3, 0.5, 0.9, 1.0])
def test_incomplete_beta(x: float, a: float, b: float) -> None:
    expected = special.betainc(a, b, x)
    assert incomplete_beta(x, a, b) == pytest.approx(expected, rel=1e-9, abs=1e-290)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("t", [-40.0, -2.1, -1e-7, 0.0, 1e-5, 0.9, 1.96, 4.5, 60.0])
def test_student_t_tail(t: float, df: float) -> None:
    assert student_t_sf(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-8, abs=1e-290)
    two_sided = 2 * stats.t.sf(abs(t), df)
    assert student_t_two_sided(t, df) == pytest.approx(two_sided, rel=1e-8, abs=1e-290)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("probability", [0.0005, 0.025, 0.4999, 0.5, 0.8, 0.975, 0.9999])
def test_student_t_quantile(probability: float, df: float) -> None:
    expected = stats.t.ppf(probability, df)
    assert student_t_quantile(probability, df) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_student_t_with_huge_or_infinite_arguments() -> None:
    assert student_t_quantile(0.975, 1e12) == pytest.approx(stats.norm.ppf(0.975), rel=1e-9)
    assert student_t_sf(math.inf, 3) == 0.0
    assert student_t_sf(-math.inf, 3) == 1.0


@pytest.mark.parametrize(("a", "b"), [(1, 1), (3, 9), (0.5, 40), (200, 11)])
@pytest.mark.parametrize("probability", [0.025, 0.5, 0.975])
def test_beta_quantile(probability: float, a: float, b: float) -> None:
    expected = stats.beta.ppf(probability, a, b)
    assert beta_quantile(probability, a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (0, 5), (3, 5), (5, 5), (60, 200), (900, 2_000)])
@pytest.mark.parametrize("probability", [0.0, 0.07, 0.5, 1.0])
def test_binomial_cdf(k: int, n: int, probability: float) -> None:
    expected = stats.binom.cdf(k, n, probability)
    assert binomial_cdf(k, n, probability) == pytest.approx(expected, rel=1e-9, abs=1e-290)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (0, 1), (2, 4), (3, 17), (90, 150), (700, 1_500)])
def test_fair_coin(k: int, n: int) -> None:
    expected = stats.binomtest(k, n, 0.5).pvalue if n else 1.0
    assert fair_coin_two_sided(k, n) == pytest.approx(expected, rel=1e-9)


def test_arguments_outside_the_domain_are_refused() -> None:
    with pytest.raises(ValueError, match="quantile"):
        normal_quantile(1.0)
    with pytest.raises(ValueError, match="quantile"):
        student_t_quantile(0.0, 3)
    with pytest.raises(ValueError, match="df"):
        student_t_sf(1.0, 0)
    with pytest.raises(ValueError, match="df"):
        student_t_quantile(0.9, -1)
    with pytest.raises(ValueError, match="incomplete beta"):
        incomplete_beta(1.5, 1, 1)
    with pytest.raises(ValueError, match="binomial"):
        binomial_cdf(1, 2, 1.2)
    with pytest.raises(ValueError, match="k <= n"):
        fair_coin_two_sided(3, 2)
