"""What an undecided comparison could have detected, and how much more it would take to decide."""

from __future__ import annotations

import math

from synthlab.analysis.statistics.distributions import normal_quantile, student_t_quantile
from synthlab.analysis.statistics.estimates import DEFAULT_ALPHA, DEFAULT_POWER


def minimum_detectable_effect(
    standard_error: float,
    *,
    alpha: float = DEFAULT_ALPHA,
    power: float = DEFAULT_POWER,
    df: float = math.inf,
) -> float:
    """Smallest true difference that a two-sided test at alpha finds with the given power.

    (z_{1-alpha/2} + z_power) × standard error of the difference, in its units. A finite df takes
    the t quantiles instead, without which a handful of seeds looks far stronger than it is.
    """
    return (_quantile(1 - alpha / 2, df) + _quantile(power, df)) * standard_error


def units_needed(
    difference: float,
    standard_deviation: float,
    *,
    alpha: float = DEFAULT_ALPHA,
    power: float = DEFAULT_POWER,
    df_per_unit: int = 1,
) -> float:
    """Prompts (or seeds) that decide a true difference of this size, with the given power.

    standard_deviation: of one unit's difference, so that SE = SD / sqrt(units). Smallest n with
    (t_{1-alpha/2} + t_power) SD / sqrt(n) <= |difference|, the t quantiles at df_per_unit (n - 1)
    degrees of freedom (2 for two independent groups of n). inf for a difference of 0; at least 2.
    """
    if difference == 0:
        return math.inf
    ratio = abs(standard_deviation / difference)
    if not math.isfinite(ratio):
        return math.inf
    n = max(2, math.ceil((minimum_detectable_effect(ratio, alpha=alpha, power=power)) ** 2))
    # The t quantiles fall as n grows, so the first n that satisfies the condition is the smallest;
    # the normal answer is a lower bound at most a few units short, except at one degree of freedom.
    while (
        minimum_detectable_effect(
            ratio / math.sqrt(n), alpha=alpha, power=power, df=df_per_unit * (n - 1)
        )
        > 1.0
    ):
        n += 1
    return float(n)


def _quantile(probability: float, df: float) -> float:
    if math.isinf(df):
        return normal_quantile(probability)
    return student_t_quantile(probability, df)
