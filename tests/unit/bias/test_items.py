"""Stored items as arrays: authors without their voices, and nothing scored that was not."""

from __future__ import annotations

import math
from typing import Any

import pytest

from synthlab.analysis.bias import bias_cells, compare_biases, judge_figures, subject
from synthlab.analysis.bias_items import JudgeItems, author_of, base_of, judge_items
from synthlab.analysis.judge_card import judge_card
from synthlab.metrics.judge_health import Doubt

BASE = "me/model@0123456789ab"
TUNED = f"{BASE}+ba9876543210"
HUMAN = "human:news@0123456789ab"
OTHER = "you/model@0123456789ab~111111"
GENERATORS = (HUMAN, OTHER, f"{BASE}~aaaaaa", f"{BASE}~bbbbbb", f"{TUNED}~aaaaaa")


@pytest.mark.parametrize(
    ("generator", "author", "base"),
    [
        (f"{TUNED}~a79dfb", TUNED, BASE),
        (f"{BASE}~a79dfb", BASE, BASE),
        (HUMAN, HUMAN, HUMAN),
        (
            "/odd+path~x@y/model@01ab+23cd~45",
            "/odd+path~x@y/model@01ab+23cd",
            "/odd+path~x@y/model@01ab",
        ),
    ],
)
def test_authors_are_weights_in_whatever_voice(generator: str, author: str, base: str) -> None:
    assert author_of(generator) == author
    assert base_of(generator) == base


def side(candidate: int) -> dict[str, Any]:
    return {
        "candidate": candidate,
        "generator": GENERATORS[candidate],
        "response_id": f"r{candidate}",
        "derived": "",
        "characters": 50 + 7 * candidate,
    }


def labels(odds: float, place: float = 0.0) -> list[list[float]]:
    """Both orders of a pair whose x has these odds, for a judge that likes the first place."""
    first = [-math.log1p(math.exp(-odds - place)), -math.log1p(math.exp(odds + place))]
    second = [-math.log1p(math.exp(odds - place)), -math.log1p(math.exp(-odds + place))]
    return [first, second]


def judged(judge: str, own: float, *, articles: int = 8, place: float = 0.0) -> JudgeItems:
    """A judge that likes its own texts by `own`, candidates by their number, and articles unlike."""
    rows, ratings = [], []
    for article in range(articles):
        prompt = f"p{article}"
        for x in range(5):
            for y in range(x + 1, 5):
                odds = 0.4 * (x - y) + 0.3 * math.sin(article * 5 + x * 3 - y)
                mine = [author_of(GENERATORS[one]) == judge for one in (x, y)]
                odds += own * (mine[0] - mine[1]) + 0.1 * math.cos(article * 7 + x + 2 * y + own)
                rows.append(
                    {"id": f"{article}-{x}-{y}", "kind": "pair", "prompt_id": prompt, "x": side(x),
                     "y": side(y), "log_p": labels(odds, place), "reason": ""}
                )  # fmt: skip
            ratings.append(
                {"prompt_id": prompt, "candidate": x, "generator": GENERATORS[x], "mass": 0.9,
                 "rating": 2.0 + 0.5 * x + 0.01 * article, "reason": ""}
            )  # fmt: skip
        rows.append(
            {"id": f"{article}-a", "kind": "anchor", "prompt_id": prompt, "x": side(0), "y": side(0),
             "log_p": labels(2.0, place), "reason": ""}
        )  # fmt: skip
        rows.append(
            {"id": f"{article}-i", "kind": "identical", "prompt_id": prompt, "x": side(0),
             "y": side(0), "log_p": labels(0.0, place)[:1], "reason": ""}
        )  # fmt: skip
    return judge_items(judge, BASE, rows, ratings, [0, 1, 2, 3])


def test_both_voices_of_the_base_are_its_own_and_people_are_people() -> None:
    base, tuned = judged(BASE, 0.0), judged(TUNED, 0.0)
    assert [set(base.own), set(tuned.own)] == [{2, 3}, {4}]
    assert base.of_base == {2, 3}
    assert [set(base.human), set(base.models)] == [{0}, {1, 2, 3}]
    assert subject(base, 1) == OTHER
    assert subject(base, 2) == f"{BASE}~aaaaaa"


def test_figures_of_one_judge_cover_sources_ratings_and_the_papers_biases() -> None:
    figures = judge_figures(judged(TUNED, 1.0))
    values = {(one.metric, one.subject): one.estimate.value for one in figures}
    assert values["preference-own", ""] > 0.7
    assert values["rating-own", ""] == pytest.approx(4.035)
    assert values["rating-gap", ""] == pytest.approx(4.0 - 2.75)
    # the base's plain voice (3.0) against the one other model (2.5); models (3.0) against people
    assert values["paper-self-preference", ""] == pytest.approx(0.5)
    assert values["paper-pro-synthetic", ""] == pytest.approx(1.0)
    assert len([one for one in figures if one.metric == "preference-source"]) == 4
    assert not [
        one for one in figures if math.isnan(one.estimate.value) and not one.estimate.reason
    ]


def test_a_judge_with_skill_has_a_cell_and_the_planted_bias_in_it() -> None:
    judges = [judged(BASE, 0.0), judged(TUNED, 1.0), judged("third/model@00", 0.0)]
    cells = bias_cells(judges)
    found = {one.metric: one.estimate for one in cells[1].figures}
    assert cells[1].card.doubts == ()
    assert found["bias-net"].value == pytest.approx(math.tanh(0.5), abs=0.1)
    assert found["bias-net"].interval.low > 0.2
    assert abs(cells[0].net.bias.value) < 0.15
    apart = compare_biases(cells[1], cells[0], seed=0)
    assert apart.p < 0.01
    assert apart.n_pairs == 8


def test_a_judge_ruled_by_place_is_greyed_out_with_the_reason() -> None:
    judges = [judged(BASE, 0.0), judged(TUNED, 1.0, place=9.0), judged("third/model@00", 0.0)]
    assert judge_card(judges[1]).doubts == (Doubt.FLIPS,)
    cell = bias_cells(judges)[1]
    assert math.isfinite(cell.net.bias.value)
    for figure in cell.figures:
        assert math.isnan(figure.estimate.value)
        assert figure.estimate.reason == Doubt.FLIPS.value


def test_pairs_that_one_judge_lacks_are_left_out_for_all() -> None:
    whole, part = judged(BASE, 0.0), judged(TUNED, 1.0, articles=6)
    cells = bias_cells([whole, part, judged("third/model@00", 0.0)])
    assert len(cells[0].net.bias.articles) == 6
