"""Training seeds as the unit of claims about conditions."""

import math

import numpy as np
import pytest
from scipy import stats

from synthlab.analysis.statistics.estimates import Estimate, Interval, undefined_estimate
from synthlab.analysis.statistics.seeds import (
    ONE_SEED,
    SeedValue,
    compare_seeds,
    summarise_seeds,
)


def seeds(*values: float, error: float = 0.05, first: int = 0) -> list[SeedValue]:
    return [
        SeedValue(
            first + index,
            Estimate(
                value,
                Interval(value - 2 * error, value + 2 * error, 0.95, "cluster-robust t"),
                120,
                60,
                "",
                error,
            ),
        )
        for index, value in enumerate(values)
    ]


def test_seed_spread_and_prompt_error_are_shown_apart() -> None:
    summary = summarise_seeds(seeds(1.0, 1.2, 1.5))
    assert summary.value == pytest.approx(3.7 / 3)
    assert summary.seed_sd == pytest.approx(np.std([1.0, 1.2, 1.5], ddof=1))
    assert summary.prompt_se == pytest.approx(0.05)
    assert (summary.n_seeds, summary.is_one_seed, summary.reason) == (3, False, "")
    low, high = stats.t.interval(0.95, 2, 3.7 / 3, stats.sem([1.0, 1.2, 1.5]))
    limits = (summary.seed_interval.low, summary.seed_interval.high)
    assert limits == pytest.approx((low, high), rel=1e-9)


def test_combined_interval_adds_both_variances_with_satterthwaite() -> None:
    values = (1.0, 1.2, 1.5)
    summary = summarise_seeds(seeds(*values, error=0.3))
    seed_part, prompt_part = stats.sem(values) ** 2, 0.09
    total = seed_part + prompt_part
    df = total**2 / (seed_part**2 / 2 + prompt_part**2 / 59)
    half = stats.t.ppf(0.975, df) * math.sqrt(total)
    width = summary.combined_interval.high - summary.combined_interval.low
    assert width == pytest.approx(2 * half, rel=1e-9)


def test_one_seed_is_said_aloud() -> None:
    one = seeds(1.0)
    summary = summarise_seeds(one)
    assert summary.is_one_seed
    assert summary.reason == ONE_SEED
    assert math.isnan(summary.seed_sd)
    assert not summary.seed_interval.is_defined
    assert summary.combined_interval == one[0].estimate.interval
    result = compare_seeds(one, seeds(1.4, 1.5))
    assert result.difference == pytest.approx(-0.45)
    assert math.isnan(result.p)
    assert result.reason == ONE_SEED


def test_equal_seeds_still_leave_the_prompt_error() -> None:
    summary = summarise_seeds(seeds(2.0, 2.0, error=0.1))
    assert summary.seed_interval.low == summary.seed_interval.high == 2.0
    half = stats.t.ppf(0.975, 59) * 0.1
    assert summary.combined_interval.high == pytest.approx(2.0 + half)


def test_undefined_seeds_are_left_out_by_name() -> None:
    broken = SeedValue(7, undefined_estimate("no scored rows", method="Wilson"))
    summary = summarise_seeds([*seeds(1.0, 2.0), broken])
    assert summary.value == 1.5
    assert summary.left_out == (7,)
    assert "seed 7: no scored rows" in summary.reason
    nothing = summarise_seeds([broken])
    assert math.isnan(nothing.value)
    assert nothing.n_seeds == 0
    assert nothing.reason.startswith("no seed has a defined value")


def test_a_seed_without_prompt_error_leaves_only_the_seed_interval() -> None:
    bare = SeedValue(9, undefined_estimate("only 1 prompt", method="t", value=1.4, n_clusters=1))
    summary = summarise_seeds([*seeds(1.0, 2.0), bare])
    assert summary.seed_interval.is_defined
    assert not summary.combined_interval.is_defined
    assert "prompt error of a seed is unknown" in summary.reason


def test_welch_equals_scipy() -> None:
    a, b = (0.41, 0.44, 0.47, 0.40), (0.50, 0.61, 0.49)
    result = compare_seeds(seeds(*a), seeds(*b, first=10))
    reference = stats.ttest_ind(a, b, equal_var=False)
    limits = reference.confidence_interval(0.95)
    assert result.p == pytest.approx(reference.pvalue, rel=1e-9)
    assert (result.interval.low, result.interval.high) == pytest.approx(tuple(limits), rel=1e-9)
    assert (result.unit, result.n_units, result.effect.kind) == ("seeds", 3, "d")
    z_formula = 2.8015852 * (reference.statistic**-1) * result.difference
    assert result.mde > z_formula


def test_pairing_by_seed_equals_scipy_on_the_shared_seeds() -> None:
    a, b = seeds(0.41, 0.44, 0.47, 0.40), seeds(0.50, 0.61, 0.49, first=1)
    result = compare_seeds(a, b, pairing="paired")
    reference = stats.ttest_rel((0.44, 0.47, 0.40), (0.50, 0.61, 0.49))
    assert result.p == pytest.approx(reference.pvalue, rel=1e-9)
    assert (result.n_units, result.effect.kind) == (3, "d_z")


def test_what_seeds_cannot_decide_says_why() -> None:
    disjoint = compare_seeds(seeds(1.0, 2.0), seeds(1.0, 2.0, first=5), pairing="paired")
    assert "no seed has a value on both sides" in disjoint.reason
    constant = compare_seeds(seeds(1.0, 1.0), seeds(2.0, 2.0))
    assert (constant.difference, math.isnan(constant.p)) == (-1.0, True)
    assert "no spread" in constant.reason
    empty = compare_seeds([], seeds(1.0, 2.0))
    assert math.isnan(empty.difference)
    with pytest.raises(ValueError, match="seed 0 is given more than once"):
        summarise_seeds([*seeds(1.0), *seeds(2.0)])


def test_needed_seeds_reach_the_power_in_simulation() -> None:
    """An effect of 1.5 SD: the number asked for decides it about four times in five."""
    pilot = compare_seeds(seeds(0.0, 1.0, -1.0), seeds(1.5, 2.5, 0.5, first=5))
    n = int(pilot.needed)
    generator = np.random.default_rng(31)
    a = generator.normal(0, 1, (20_000, n))
    b = generator.normal(1.5, 1, (20_000, n))
    decided = stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue <= 0.05
    assert 0.74 <= decided.mean() <= 0.88
