"""Hand-checked values, orders, gaps and refusals of the bias estimators."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from synthlab.metrics.article_values import (
    difference,
    from_leave_one_out,
    mean_by_article,
)
from synthlab.metrics.judge_health import (
    Doubt,
    JudgeHealth,
    anchor_hits,
    doubts,
    first_choices,
    identical_decisiveness,
    longer_wins,
    order_flips,
)
from synthlab.metrics.length_control import fit_logistic, length_controlled_preference, length_terms
from synthlab.metrics.net_bias import net_bias
from synthlab.metrics.preference import (
    Comparisons,
    drop_low_mass,
    hard_scores,
    label_mass,
    log_odds,
    preference_of,
    soft_scores,
)
from synthlab.metrics.self_preference import (
    JudgedPairs,
    difference_in_differences,
    equal_opportunity_bias,
    own_preference,
    paper_self_preference,
    pro_synthetic_bias,
)
from tests.unit.bias.judges import Judge, Texts, bench, compare


def comparisons(*rows: tuple[float, float, float, float]) -> Comparisons:
    """Probabilities (first, second) in order 0 and (first, second) in order 1, a row for each pair."""
    log_p = np.log(np.asarray(rows)).reshape(-1, 2, 2)
    n = len(rows)
    return Comparisons(
        log_p,
        np.arange(n),
        np.zeros(n, np.int64),
        np.ones(n, np.int64),
        np.full(n, 10.0),
        np.full(n, 20.0),
    )


X_WINS = (0.6, 0.2, 0.1, 0.3)
Y_WINS = (0.2, 0.6, 0.3, 0.1)
FIRST_WINS = (0.6, 0.2, 0.6, 0.2)


def test_scores_of_known_probabilities() -> None:
    seen = comparisons(X_WINS, Y_WINS, FIRST_WINS)
    assert soft_scores(seen.log_p) == pytest.approx([0.75, 0.25, 0.5])
    assert hard_scores(seen.log_p).tolist() == [1.0, 0.0, 0.5]
    assert log_odds(seen.log_p) == pytest.approx([math.log(3), -math.log(3), 0.0])
    assert label_mass(seen.log_p) == pytest.approx([0.4, 0.4, 0.8])
    assert order_flips(seen).values.tolist() == [0, 0, 1]
    assert first_choices(seen).values.tolist() == [1, 0, 0, 1, 1, 1]
    assert longer_wins(seen).values.tolist() == [0, 1]
    assert anchor_hits(seen).values.tolist() == [1, 0, 0]


def test_even_odds_are_no_verdict() -> None:
    seen = comparisons((0.4, 0.4, 0.4, 0.4))
    assert hard_scores(seen.log_p).tolist() == [0.5]
    assert order_flips(seen).values.tolist() == [1]
    assert first_choices(seen).values.tolist() == [0.5, 0.5]
    assert anchor_hits(seen).values.tolist() == [0]


def test_a_swap_of_the_names_turns_every_score_around() -> None:
    generator = np.random.default_rng(5)
    texts = Texts.draw(generator, 9, [0.5, 0.0, -0.5], [100, 200, 300])
    seen = compare(generator, Judge(place=1.0), texts, None)
    swapped = replace(
        seen,
        log_p=seen.log_p[:, ::-1],
        x=seen.y,
        y=seen.x,
        length_x=seen.length_y,
        length_y=seen.length_x,
    )
    for scores in (soft_scores, hard_scores):
        assert scores(swapped.log_p) == pytest.approx(1 - scores(seen.log_p), abs=1e-12)
    assert np.array_equal(order_flips(seen).values, order_flips(swapped).values)
    assert np.array_equal(longer_wins(seen).values, longer_wins(swapped).values)
    for candidate in range(3):
        assert preference_of(candidate, swapped).value == pytest.approx(
            preference_of(candidate, seen).value, abs=1e-12
        )
        assert length_controlled_preference(candidate, swapped).value == pytest.approx(
            length_controlled_preference(candidate, seen).value, abs=1e-6
        )


def test_pairs_with_little_mass_are_not_scored_and_not_counted() -> None:
    seen = drop_low_mass(comparisons(X_WINS, (0.005, 0.001, 0.3, 0.3)), 0.01)
    assert np.isnan(soft_scores(seen.log_p)).tolist() == [False, True]
    assert np.isnan(hard_scores(seen.log_p)).tolist() == [False, True]
    found = preference_of(0, seen)
    assert found.value == pytest.approx(0.75)
    assert found.n == 1
    assert len(order_flips(seen).values) == 1
    assert len(first_choices(seen).values) == 2
    assert "none of 2 rows" in preference_of(0, drop_low_mass(seen, 0.9)).reason
    assert preference_of(7, seen).reason == "no rows"


def test_each_article_counts_once() -> None:
    found = mean_by_article(np.asarray([1.0, 1.0, 1.0, 0.0, np.nan]), np.asarray([0, 0, 0, 1, 2]))
    assert found.value == 0.5
    assert found.contributions.tolist() == [1.0, 0.0]
    assert (found.articles.tolist(), found.n) == ([0, 1], 4)


def test_leaving_out_gives_the_plain_contributions_of_a_mean() -> None:
    values = np.asarray([0.2, 0.9, 0.4, 0.1])
    left_out = (values.sum() - values) / 3
    found = from_leave_one_out(float(values.mean()), left_out, np.arange(4), 4)
    assert found.contributions == pytest.approx(values)
    assert "single article" in from_leave_one_out(1.0, np.asarray([np.nan]), np.arange(1), 1).reason


def test_differences_are_paired_on_shared_articles() -> None:
    first = mean_by_article(np.asarray([1.0, 2.0, 9.0]), np.asarray([0, 1, 2]))
    second = mean_by_article(np.asarray([0.5, 0.5, 4.0]), np.asarray([0, 1, 3]))
    assert difference(first, second).contributions.tolist() == [0.5, 1.5]
    apart = mean_by_article(np.asarray([1.0]), np.asarray([8]))
    assert "no article" in difference(first, apart).reason


def test_the_papers_biases_on_known_ratings() -> None:
    # articles 0 and 1; candidates 0 = base, 1 and 2 = other models, 3 = human
    ratings = np.asarray([4.0, 3.0, 3.5, 2.0, 5.0, 4.0, 4.0, 3.0])
    articles, candidates = np.repeat([0, 1], 4), np.tile([0, 1, 2, 3], 2)
    own = paper_self_preference(ratings, articles, candidates, 0, {1, 2})
    assert own.value == pytest.approx((0.75 + 1.0) / 2)
    assert own.contributions == pytest.approx([0.75, 1.0])
    synthetic = pro_synthetic_bias(ratings, articles, candidates, {0, 1, 2}, 3)
    assert synthetic.value == pytest.approx(((10.5 / 3 - 2) + (13 / 3 - 3)) / 2)
    assert paper_self_preference(ratings, articles, candidates, 0, set()).reason
    assert pro_synthetic_bias(ratings, articles, candidates, {0}, 9).reason == "no rows"


def test_equal_opportunity_on_known_picks() -> None:
    scores = np.asarray([1.0, 0.0, 1.0, 0.0, 0.5])
    reference = np.asarray([1, 1, -1, -1, 0])
    found = equal_opportunity_bias(scores, reference, np.asarray([0, 1, 2, 3, 4]))
    # picks self in 1 of 2 where self is better, other in 1 of 2 where other is
    assert found.value == 0.0
    assert found.n == 4
    assert "never" in equal_opportunity_bias(scores, np.ones(5, np.int64), np.arange(5)).reason


def test_length_terms_are_odd_and_bounded() -> None:
    terms = length_terms(np.asarray([10.0, 30.0, 500.0]), np.asarray([30.0, 10.0, 10.0]))
    assert terms[0] == -terms[1]
    assert 0 < terms[1] < terms[2] < 1
    assert length_terms(np.asarray([5.0]), np.asarray([5.0])).tolist() == [0.0]


def test_a_candidate_that_always_wins_has_a_finite_strength() -> None:
    design = np.asarray([[1.0], [1.0], [1.0]])
    strength = fit_logistic(design, np.ones(3), np.zeros(1))
    assert 5 < strength[0] < 20
    seen = comparisons(*[X_WINS] * 6)
    assert length_controlled_preference(0, seen).value > 0.5
    assert length_controlled_preference(9, seen).reason == "the candidate is in no scored pair"


def judged(log_odds_by_judge: list[list[float]], judges: list[int]) -> JudgedPairs:
    """Pairs (0, 1), (0, 2), (1, 2) for each of two articles."""
    odds = np.asarray(log_odds_by_judge)
    return JudgedPairs(
        np.repeat([0, 1], 3),
        np.tile([0, 0, 1], 2),
        np.tile([1, 2, 2], 2),
        np.full(6, 10.0),
        np.full(6, 10.0),
        0.5 * (1 + np.tanh(odds / 2)),
        odds,
        np.asarray(judges),
    )


def test_nobody_sits_on_a_panel_about_himself() -> None:
    # judge 0 wrote candidate 0; judge 1 wrote candidate 1, so of judge 0's own pairs only
    # (0, 2) has a panel.
    pairs = judged([[2.0, 2.0, 0, 2.0, 2.0, 0], [-9.0, 1.0, 5.0, -9.0, 1.0, 5.0]], [0, 1])
    found = difference_in_differences(pairs, 0)
    expected = math.tanh(1.0) - math.tanh(0.5)
    assert found.value == pytest.approx(expected)
    assert found.n == 2
    assert own_preference(pairs, 0).value == pytest.approx(0.5 * (1 + math.tanh(1.0)))


def test_what_cannot_be_netted_says_why() -> None:
    alone = judged([[1.0] * 6], [0])
    assert "no other judge" in difference_in_differences(alone, 0).reason
    assert "no other judge" in net_bias(alone, 0).bias.reason
    stranger = judged([[1.0] * 6, [1.0] * 6], [8, 9])
    assert "no own text" in difference_in_differences(stranger, 0).reason
    assert "no own text" in net_bias(stranger, 0).bias.reason
    two = judged([[1.0, 2.0, 1.0, 1.0, 2.0, 1.5], [1.0, 2.0, 0.5, 1.0, 1.0, 1.0]], [0, 9])
    assert "too few" in net_bias(two, 0).bias.reason
    only_own = JudgedPairs(
        np.arange(6), np.zeros(6, np.int64), np.ones(6, np.int64), np.ones(6), np.ones(6),
        np.full((2, 6), 0.5), np.zeros((2, 6)), np.asarray([0, 9]),
    )  # fmt: skip
    assert "no pairs between other texts" in net_bias(only_own, 0).bias.reason


def test_equal_lengths_need_no_length_taste() -> None:
    generator = np.random.default_rng(3)
    texts = Texts.draw(generator, 30, [0, 0.2, 0.4, 0.1], [100, 100, 100, 100])
    level = Texts(texts.quality, np.full(texts.length.shape, 100.0))
    # every length alike: the generator's own division by the spread is by zero
    with np.errstate(invalid="ignore"):
        pairs = bench(generator, [Judge(own=1.0), Judge(), Judge()], texts, [2, 3, 9])
    pairs = replace(
        pairs, length_x=level.length[0][pairs.author_x], length_y=pairs.length_x * 0 + 100
    )
    found = net_bias(pairs, 0)
    assert found.length_taste == 0.0
    assert found.log_odds == pytest.approx(1.0, abs=0.3)


def test_the_headline_does_not_depend_on_the_order_of_pairs_or_judges() -> None:
    generator = np.random.default_rng(11)
    texts = Texts.draw(generator, 12, [0, 0.2, 0.4, 0.1, 0.0], [100, 150, 120, 90, 200])
    pairs = bench(generator, [Judge(own=1.0), Judge(), Judge(), Judge()], texts, [1, 2, 3, 4])
    order = generator.permutation(len(pairs.articles))
    mixed = JudgedPairs(
        pairs.articles[order], pairs.author_x[order], pairs.author_y[order],
        pairs.length_x[order], pairs.length_y[order],
        pairs.soft[::-1][:, order], pairs.log_odds[::-1][:, order], pairs.judges[::-1],
    )  # fmt: skip
    first, second = net_bias(pairs, 0), net_bias(mixed, 3)
    assert first.bias.value == pytest.approx(second.bias.value, abs=1e-12)
    assert first.bias.contributions == pytest.approx(second.bias.contributions, abs=1e-10)


def test_identical_texts_should_leave_a_judge_undecided() -> None:
    log_p = np.log(np.asarray([[0.5, 0.5], [0.8, 0.2], [np.nan, 0.1]]))
    found = identical_decisiveness(log_p, np.arange(3))
    assert found.values == pytest.approx([0.0, 0.6])


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (JudgeHealth(0.6, 0.2, 0.9), ()),
        (JudgeHealth(0.5, 0.2, 0.9), (Doubt.CHANCE,)),
        (JudgeHealth(math.nan, 0.2, 0.9), (Doubt.NO_ANCHORS,)),
        (JudgeHealth(0.3, 0.8, 0.001), (Doubt.CHANCE, Doubt.FLIPS, Doubt.MASS)),
        (JudgeHealth(0.8, math.nan, math.nan), ()),
    ],
)
def test_doubts(health: JudgeHealth, expected: tuple[Doubt, ...]) -> None:
    assert doubts(health) == expected


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="shape"):
        replace(comparisons(X_WINS), log_p=np.zeros((1, 2)))
    with pytest.raises(ValueError, match="at most 0"):
        replace(comparisons(X_WINS), log_p=np.ones((1, 2, 2)))
    with pytest.raises(ValueError, match="one value for each pair"):
        replace(comparisons(X_WINS), x=np.zeros(3, np.int64))
