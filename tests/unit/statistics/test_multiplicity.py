"""Holm's correction against statsmodels."""

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from synthlab.analysis.statistics.multiplicity import NamedP, holm


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_adjusted_p_equals_statsmodels(size: int) -> None:
    p = np.random.default_rng(size).beta(0.3, 2, size)
    family = holm("collapse", [NamedP(f"m{index}", one) for index, one in enumerate(p)])
    rejected, adjusted, _, _ = multipletests(p, 0.05, method="holm")
    assert [test.adjusted for test in family.tests] == pytest.approx(list(adjusted), abs=1e-15)
    assert [test.is_rejected for test in family.tests] == list(rejected)
    assert [test.p for test in family.tests] == list(p)


def test_ties_and_large_p_stay_monotone_and_below_1() -> None:
    family = holm("f", [NamedP("a", 0.04), NamedP("b", 0.04), NamedP("c", 0.9)])
    assert [test.adjusted for test in family.tests] == pytest.approx([0.12, 0.12, 0.9])


def test_refused_tests_are_recorded_but_cost_nothing() -> None:
    family = holm("f", [NamedP("a", 0.02), NamedP("unlike", math.nan), NamedP("b", 0.5)])
    assert (family.name, family.alpha, family.size) == ("f", 0.05, 2)
    assert family.of("a").adjusted == pytest.approx(0.04)
    assert family.of("a").is_rejected
    assert math.isnan(family.of("unlike").adjusted)
    assert not family.of("unlike").is_rejected


def test_an_empty_family_is_a_family() -> None:
    assert holm("f", []).tests == ()


def test_wrong_families_are_refused() -> None:
    with pytest.raises(ValueError, match="more than once"):
        holm("f", [NamedP("a", 0.1), NamedP("a", 0.2)])
    with pytest.raises(ValueError, match="outside"):
        holm("f", [NamedP("a", 1.5)])
    with pytest.raises(KeyError, match="no test 'z' in the family 'f'"):
        holm("f", []).of("z")
