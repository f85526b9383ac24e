"""Exact shares: every total is met, and no part is further from its share than rounding must put it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthlab.jobs.apportion import apportion, apportion_strata, rank

WEIGHTS = st.lists(st.integers(0, 20), min_size=1, max_size=6).filter(lambda w: sum(w) > 0)


@given(st.integers(0, 5000), WEIGHTS)
def test_parts_add_up_and_are_within_one_of_their_share(total: int, weights: list[int]) -> None:
    counts = apportion(total, weights)
    assert sum(counts) == total
    for count, weight in zip(counts, weights, strict=True):
        assert abs(count - total * weight / sum(weights)) < 1
        assert count == 0 or weight > 0


@given(st.integers(0, 5000), WEIGHTS, st.integers(1, 7))
def test_only_the_ratio_of_weights_counts(total: int, weights: list[int], factor: int) -> None:
    assert apportion(total, weights) == apportion(total, [w * factor for w in weights])


def test_largest_remainder_by_hand() -> None:
    assert apportion(10, [1, 1, 1]) == (4, 3, 3)
    assert apportion(100, [47, 16, 158, 81, 13]) == (15, 5, 50, 26, 4)


@pytest.mark.parametrize(("total", "weights"), [(3, [0, 0]), (3, [2, -1]), (-1, [1])])
def test_what_cannot_be_divided(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="cannot divide"):
        apportion(total, weights)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12), WEIGHTS)
def test_strata_are_exact_in_both_directions(sizes: list[int], weights: list[int]) -> None:
    table = apportion_strata(sizes, weights)
    assert [sum(row) for row in table] == sizes
    assert tuple(map(sum, zip(*table, strict=True))) == apportion(sum(sizes), weights)
    for size, row in zip(sizes, table, strict=True):
        for count, weight in zip(row, weights, strict=True):
            assert abs(count - size * weight / sum(weights)) <= 2
            assert count >= 0


def test_the_paper_s_folds() -> None:
    # 13,509 training rows in four folds of 3,377 / 3,377 / 3,377 / 3,378 (paper.md section 3).
    assert sorted(apportion(13509, [1, 1, 1, 1])) == [3377, 3377, 3377, 3378]


def test_ranks_are_fixed_for_all_times() -> None:
    # A changed draw would silently change every split that was ever made.
    assert rank(0, "draw", "a") == 0x308D056621BD200A
    assert rank(0, "draw", "a") != rank(1, "draw", "a") != rank(0, "drawa", "")
