"""Estimated swaps give the p-value of the plain test, whatever the estimate is worth."""

from __future__ import annotations

import numpy as np
import pytest

from synthlab.analysis.statistics.clusters import BoolArray, Clusters, FloatArray
from synthlab.analysis.statistics.corpus import pair_of_halves, randomisation_test
from synthlab.analysis.statistics.estimates import PairedResult
from synthlab.analysis.statistics.intervals import HalfSamples, draw_half_samples
from synthlab.analysis.statistics.screening import CHECKED, ScreenedDifferences

ROWS = 40
HALVES = draw_half_samples(Clusters.of(range(ROWS)), seed=1)


class Runs:
    """Scores of two runs whose geometric mean is the metric; says how often it was computed."""

    def __init__(self, seed: int, shift: float) -> None:
        random = np.random.default_rng(seed)
        self.ours, self.theirs = random.normal(9 + shift, 0.3, ROWS), random.normal(9, 0.3, ROWS)
        self.computed = 0

    def differences(self, swaps: BoolArray) -> FloatArray:
        """(swaps,)"""
        self.computed += len(swaps)
        first = np.where(swaps, self.theirs, self.ours)
        second = np.where(swaps, self.ours, self.theirs)
        apart: FloatArray = np.exp(np.log(first).mean(axis=1)) - np.exp(np.log(second).mean(axis=1))
        return apart

    def near(self, swaps: BoolArray) -> FloatArray:
        """Plain means: nearly in proportion."""
        change = np.where(swaps, self.theirs - self.ours, self.ours - self.theirs)
        mean: FloatArray = change.mean(axis=1)
        return mean

    def on(self, rows: BoolArray) -> FloatArray:
        """(2,) of both runs."""
        return np.array([np.exp(np.log(side[rows]).mean()) for side in (self.ours, self.theirs)])


def compare(runs: Runs, halves: HalfSamples, *, estimate: object = None) -> PairedResult:
    every = np.ones(ROWS, np.bool_)
    on_halves = np.stack([runs.on(chosen) for chosen in halves.chosen], axis=1)
    pair = pair_of_halves(runs.on(every), on_halves, halves)
    return randomisation_test(
        runs.differences,
        pair,
        halves,
        seed=3,
        estimate=estimate,  # type: ignore[arg-type]  # None or a function; the tests vary it
    )


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.2, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_good_estimate_saves_work_and_changes_nothing(seed: int, shift: float) -> None:
    runs = Runs(seed, shift)
    plain = compare(runs, HALVES)
    runs.computed = 0
    assert compare(runs, HALVES, estimate=runs.near) == plain
    assert CHECKED <= runs.computed < 1_000


def test_an_estimate_that_means_nothing_costs_time_and_changes_nothing() -> None:
    runs = Runs(1, 0.1)
    noise = np.random.default_rng(0)
    plain = compare(runs, HALVES)
    assert compare(runs, HALVES, estimate=lambda swaps: noise.normal(size=len(swaps))) == plain
    assert compare(runs, HALVES, estimate=lambda swaps: np.zeros(len(swaps))) == plain
    assert compare(runs, HALVES, estimate=lambda swaps: np.full(len(swaps), np.nan)) == plain


def test_where_an_estimate_is_undefined_the_metric_is_computed() -> None:
    runs = Runs(2, 0.1)
    swaps = np.random.default_rng(0).random((200, ROWS)) < 0.5

    def estimate(swaps: BoolArray) -> FloatArray:
        return np.where(swaps[:, 0], np.nan, runs.near(swaps))

    screened = ScreenedDifferences(runs.differences, estimate, 0.05)
    expected = runs.differences(swaps)
    np.testing.assert_array_equal(screened(swaps)[swaps[:, 0]], expected[swaps[:, 0]])
    np.testing.assert_array_equal(np.abs(screened(swaps)) >= 0.05, np.abs(expected) >= 0.05)
