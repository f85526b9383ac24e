"""Every estimator finds what was planted in a judge, and the headline finds nothing else.

Coverage over seeded worlds, not one lucky draw; 40 articles, texts of the tested judge both better
and longer than the others', so that quality and length are there to be mistaken for bias.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from synthlab.analysis.statistics.clusters import Clusters
from synthlab.analysis.statistics.estimates import Estimate
from synthlab.analysis.statistics.intervals import mean_interval, rate_interval
from synthlab.metrics.article_values import ArticleValues
from synthlab.metrics.judge_health import (
    Outcomes,
    anchor_hits,
    first_choices,
    longer_wins,
    order_flips,
)
from synthlab.metrics.length_control import length_controlled_preference
from synthlab.metrics.net_bias import net_bias
from synthlab.metrics.preference import preference_of, soft_scores
from synthlab.metrics.self_preference import (
    difference_in_differences,
    equal_opportunity_bias,
    own_preference,
)
from tests.unit.bias.judges import Judge, Texts, bench, compare

ARTICLES = 40
WORLDS = 100
LEAST_COVERED = 88
"""Of 100 at a nominal 95 %: fewer has a probability of 0.2 %."""
QUALITY = [0.0, 0.3, -0.4, 0.6, 0.2, -0.2, 0.1]
LENGTH = [200.0, 300.0, 250.0, 400.0, 220.0, 260.0, 180.0]
OWN = 3
PANEL = [Judge(), Judge(quality=0.7), Judge(quality=1.4, noise=0.7)]

BETTER = Judge(quality=1.0)
SHARPER = Judge(quality=2.5)
LONGER = Judge(quality=0.0, length=2.0)
FIRST = Judge(quality=0.0, place=3.0)
NOTHING = Judge(quality=0.0, noise=1.0)
SELFISH = Judge(own=1.0)
MODEST = Judge(own=-0.5, length=1.0, place=1.5)
BLUNT_AND_SELFISH = Judge(quality=0.5, own=0.6)


def estimate(values: ArticleValues) -> Estimate:
    return mean_interval(values.contributions, Clusters.of(values.articles.tolist()))


def world(number: int, quality: list[float] | None = None) -> tuple[np.random.Generator, Texts]:
    generator = np.random.default_rng(7_000 + number)
    return generator, Texts.draw(generator, ARTICLES, quality or QUALITY, LENGTH)


def headline(judge: Judge, panel: list[Judge]) -> list[Estimate]:
    found = []
    for number in range(WORLDS):
        generator, texts = world(number)
        pairs = bench(generator, [judge, *panel], texts, [3, 4, 5, 6])
        found.append(estimate(net_bias(pairs, 0).bias))
    return found


def covered(estimates: list[Estimate], truth: float) -> int:
    return sum(one.interval.contains(truth) for one in estimates)


@pytest.mark.parametrize("judge", [BETTER, SHARPER, LONGER, FIRST, NOTHING])
def test_the_headline_is_zero_for_judges_without_a_bias(judge: Judge) -> None:
    found = headline(judge, PANEL)
    assert covered(found, 0.0) >= LEAST_COVERED
    assert abs(np.mean([one.value for one in found])) < 0.02


@pytest.mark.parametrize("judge", [SELFISH, MODEST, BLUNT_AND_SELFISH])
def test_the_headline_recovers_a_planted_bias(judge: Judge) -> None:
    truth = math.tanh(judge.own / 2)
    found = headline(judge, PANEL)
    assert covered(found, truth) >= LEAST_COVERED
    assert covered(found, 0.0) == 0
    assert abs(np.mean([one.value for one in found]) - truth) < 0.02


@pytest.mark.parametrize("judge", [BETTER, SELFISH])
def test_a_panel_with_a_judge_at_chance_still_nets_quality(judge: Judge) -> None:
    panel = [FIRST, Judge(), Judge(length=1.5)]
    assert covered(headline(judge, panel), math.tanh(judge.own / 2)) >= LEAST_COVERED


def test_an_own_bias_of_the_panel_does_not_touch_the_headline() -> None:
    panel = [Judge(own=2.0), Judge(own=1.5), Judge(own=-1.0)]
    assert covered(headline(SELFISH, panel), math.tanh(0.5)) >= LEAST_COVERED


def test_the_plain_difference_takes_a_taste_for_length_or_place_for_bias() -> None:
    """Why the headline is not the plain form."""
    for judge, sign in ((LONGER, 1), (FIRST, -1)):
        generator, texts = world(0)
        pairs = bench(generator, [judge, *PANEL], texts, [3, 4, 5, 6])
        plain = estimate(difference_in_differences(pairs, 0))
        assert sign * plain.value > 0.1
        assert not plain.interval.contains(0.0)


def test_the_plain_difference_is_right_where_the_panel_shares_all_but_the_bias() -> None:
    twins = [Judge(), Judge(), Judge()]
    unbiased, biased = [], []
    for number in range(WORLDS):
        generator, texts = world(number)
        pairs = bench(generator, [Judge(), *twins], texts, [3, 4, 5, 6])
        unbiased.append(estimate(difference_in_differences(pairs, 0)))
        pairs = bench(generator, [SELFISH, *twins], texts, [3, 4, 5, 6])
        biased.append(estimate(difference_in_differences(pairs, 0)))
    assert covered(unbiased, 0.0) >= LEAST_COVERED
    assert covered(biased, 0.0) == 0


def test_the_raw_rate_takes_quality_for_bias() -> None:
    found = []
    for number in range(WORLDS):
        generator, texts = world(number)
        found.append(
            estimate(own_preference(bench(generator, [BETTER, *PANEL], texts, [3, 4, 5, 6]), 0))
        )
    assert covered(found, 0.5) < WORLDS // 4
    assert np.mean([one.value for one in found]) > 0.55


@pytest.mark.parametrize(
    ("judge", "truth"), [(NOTHING, 0.0), (FIRST, 0.0), (SELFISH, None), (LONGER, None)]
)
def test_equal_opportunity_against_a_reference(judge: Judge, truth: float | None) -> None:
    found = []
    for number in range(WORLDS):
        generator, texts = world(number)
        heard = compare(generator, judge, texts, OWN)
        sign = (heard.x == OWN).astype(int) - (heard.y == OWN)
        rows = np.flatnonzero(sign)
        better = texts.quality[heard.articles, heard.x] > texts.quality[heard.articles, heard.y]
        soft = soft_scores(heard.log_p)[rows]
        found.append(
            estimate(
                equal_opportunity_bias(
                    np.where(sign[rows] > 0, soft, 1 - soft),
                    np.where(better[rows], 1, -1) * sign[rows],
                    heard.articles[rows],
                )
            )
        )
    if truth is None:
        assert min(one.interval.low for one in found) > 0.0
    else:
        assert covered(found, truth) >= LEAST_COVERED


def test_length_control_takes_length_out_and_leaves_quality() -> None:
    level = [0.0] * len(QUALITY)
    plain, controlled, better = [], [], []
    for number in range(WORLDS):
        generator, texts = world(number, level)
        heard = compare(generator, Judge(length=2.0), texts, None)
        plain.append(estimate(preference_of(OWN, heard)))
        controlled.append(estimate(length_controlled_preference(OWN, heard)))
        generator, texts = world(number)
        heard = compare(generator, Judge(length=2.0), texts, None)
        better.append(estimate(length_controlled_preference(OWN, heard)))
    assert covered(plain, 0.5) == 0
    assert covered(controlled, 0.5) >= LEAST_COVERED
    assert np.mean([one.value for one in better]) > 0.55


@pytest.mark.parametrize("candidate", range(3))
def test_preferences_by_source_follow_quality(candidate: int) -> None:
    generator, texts = world(2, [1.0, 0.0, -1.0, 0, 0, 0, 0])
    found = estimate(preference_of(candidate, compare(generator, BETTER, texts, None)))
    assert [found.interval.low > 0.5, found.interval.contains(0.5), found.interval.high < 0.5][
        candidate
    ]


def rate(outcomes: Outcomes) -> Estimate:
    clusters = Clusters.of(outcomes.articles.tolist())
    if set(outcomes.values.tolist()) <= {0.0, 1.0}:
        return rate_interval(outcomes.values == 1.0, clusters)
    return mean_interval(outcomes.values, clusters)


@pytest.mark.parametrize(
    ("judge", "measure", "check"),
    [
        (FIRST, first_choices, lambda e: e.interval.low > 0.9),
        (Judge(place=-3.0, quality=0.0), first_choices, lambda e: e.interval.high < 0.1),
        (NOTHING, first_choices, lambda e: e.interval.contains(0.5)),
        (FIRST, order_flips, lambda e: e.interval.low > 0.9),
        (SHARPER, order_flips, lambda e: e.interval.high < 0.2),
        (LONGER, longer_wins, lambda e: e.interval.low > 0.8),
        (NOTHING, longer_wins, lambda e: e.interval.contains(0.5)),
    ],
)
def test_health_figures_show_the_judge(
    judge: Judge, measure: Callable[..., Outcomes], check: Callable[[Estimate], bool]
) -> None:
    generator, texts = world(3)
    assert check(rate(measure(compare(generator, judge, texts, None))))


@pytest.mark.parametrize(
    ("judge", "skilled"),
    [(BETTER, True), (SELFISH, True), (FIRST, False), (NOTHING, False), (LONGER, False)],
)
def test_anchors_tell_skill_from_chance(judge: Judge, skilled: bool) -> None:
    """x is better by a wide margin, and lengths say nothing."""
    lows = []
    for number in range(WORLDS):
        generator = np.random.default_rng(number)
        texts = Texts.draw(generator, ARTICLES, [2.0, -2.0], [200.0, 200.0])
        lows.append(rate(anchor_hits(compare(generator, judge, texts, None))).interval.low)
    passed = sum(low > 0.5 for low in lows)
    assert passed == WORLDS if skilled else passed <= 10
