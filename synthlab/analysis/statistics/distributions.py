"""Tails and quantiles of the normal, Student t, beta and binomial distributions.

Written out here so that running the lab does not need scipy. Relative error against scipy is
below 1e-8 up to a million degrees of freedom or rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

_STANDARD_NORMAL = NormalDist()
_TINY = 1e-300
_MAX_TERMS = 100_000
_NORMAL_ABOVE_DF = 1e10


def normal_sf(z: float) -> float:
    """P(Z > z), accurate far into the tail where 1 - cdf would be 0."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def normal_quantile(probability: float) -> float:
    """z with P(Z <= z) = probability. Raises ValueError outside (0, 1)."""
    _check_probability(probability)
    return _STANDARD_NORMAL.inv_cdf(probability)


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta I_x(a, b), the base of the t and binomial tails.

    Continued fraction by Lentz's method on the side where it converges quickly.
    Raises ValueError for a or b <= 0 or x outside [0, 1]. Source: DLMF 8.17.22.
    """
    if not (a > 0 and b > 0 and 0 <= x <= 1):
        raise ValueError(f"incomplete beta needs a, b > 0 and x in [0, 1]; got x={x}, a={a}, b={b}")
    if x in (0.0, 1.0):
        return x
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return math.exp(log_front) * _beta_fraction(x, a, b) / a
    return 1.0 - math.exp(log_front) * _beta_fraction(1.0 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    def away_from_zero(value: float) -> float:
        return value if abs(value) > _TINY else _TINY

    c = 1.0
    d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / away_from_zero(1.0 + even * d)
        c = away_from_zero(1.0 + even / c)
        fraction *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / away_from_zero(1.0 + odd * d)
        c = away_from_zero(1.0 + odd / c)
        step = d * c
        fraction *= step
        if abs(step - 1.0) < 1e-15:
            return fraction
    raise ArithmeticError(f"incomplete beta did not converge for x={x}, a={a}, b={b}")


def student_t_sf(t: float, df: float) -> float:
    """P(T > t) with df degrees of freedom, which may be fractional (Welch).

    Raises ValueError for df <= 0.
    """
    if not df > 0:
        raise ValueError(f"Student t needs df > 0, got {df}")
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    if df > _NORMAL_ABOVE_DF:
        return normal_sf(t)
    squared = t * t
    if squared < df:  # the tail is near 1/2: take the small central part, exact for small t
        half_centre = 0.5 * incomplete_beta(squared / (df + squared), 0.5, df / 2)
        upper = 0.5 - half_centre
    else:
        upper = 0.5 * incomplete_beta(df / (df + squared), df / 2, 0.5)
    return upper if t >= 0 else 1.0 - upper


def student_t_two_sided(t: float, df: float) -> float:
    """P(|T| >= |t|): the p-value of a t test."""
    return min(1.0, 2.0 * student_t_sf(abs(t), df))


def student_t_quantile(probability: float, df: float) -> float:
    """t with P(T <= t) = probability. Raises ValueError outside (0, 1) or for df <= 0."""
    _check_probability(probability)
    if not df > 0:
        raise ValueError(f"Student t needs df > 0, got {df}")
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -_upper_t_quantile(probability, df)
    return _upper_t_quantile(1.0 - probability, df)


def _upper_t_quantile(tail: float, df: float) -> float:
    """t > 0 with P(T > t) = tail < 1/2: Newton steps kept inside a shrinking bracket."""
    if df > _NORMAL_ABOVE_DF:
        return -_STANDARD_NORMAL.inv_cdf(tail)
    log_scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    low, high = 0.0, 1.0
    while student_t_sf(high, df) > tail:
        low, high = high, high * 2
    t = (low + high) / 2
    for _ in range(200):
        error = student_t_sf(t, df) - tail
        if error > 0:
            low = t
        else:
            high = t
        density = math.exp(log_scale - (df + 1) / 2 * math.log1p(t * t / df))
        step = t + error / density if density > 0 else math.inf
        following = step if low < step < high else (low + high) / 2
        if abs(following - t) <= 1e-14 * t:
            return following
        t = following
    return t


def beta_quantile(probability: float, a: float, b: float) -> float:
    """x with I_x(a, b) = probability, for exact binomial limits; raises ValueError as above."""
    _check_probability(probability)
    return _bisect(lambda x: incomplete_beta(x, a, b) - probability, 0.0, 1.0)


def binomial_cdf(k: int, n: int, probability: float) -> float:
    """P(X <= k) for X ~ Binomial(n, probability), through the incomplete beta function.

    Raises ValueError for n < 0 or a probability outside [0, 1].
    """
    if n < 0 or not 0 <= probability <= 1:
        raise ValueError(f"binomial needs n >= 0 and p in [0, 1]; got n={n}, p={probability}")
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    return incomplete_beta(1.0 - probability, n - k, k + 1)


def fair_coin_two_sided(k: int, n: int) -> float:
    """Exact two-sided p of k heads in n fair tosses: the p-value of exact McNemar.

    The fair coin is symmetric, so doubling the smaller tail is the exact test. 1 for n = 0.
    Raises ValueError unless 0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise ValueError(f"expected 0 <= k <= n, got k={k}, n={n}")
    return min(1.0, 2.0 * binomial_cdf(min(k, n - k), n, 0.5))


def _check_probability(probability: float) -> None:
    if not 0 < probability < 1:
        raise ValueError(f"a quantile needs a probability in (0, 1), got {probability}")


def _bisect(function: Callable[[float], float], low: float, high: float) -> float:
    """Root of an increasing function between low and high, to the last bit."""
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if function(middle) < 0:
            low = middle
        else:
            high = middle
