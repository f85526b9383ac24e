"""The same rows on every side, and an account of the others."""

import math

import pytest

from synthlab.analysis.statistics.align import Exclusion, RunScores, ScoredItem, align
from synthlab.analysis.statistics.intervals import mean_interval


def run(name: str, *items: tuple[str, float]) -> RunScores:
    return RunScores(
        name,
        tuple(
            ScoredItem(item, item.split("/")[0], score, "parse failure" if score != score else "")
            for item, score in items
        ),
    )


def test_rows_are_matched_by_id_whatever_their_order() -> None:
    a = run("a", ("p1/0", 1.0), ("p0/1", 2.0), ("p0/0", 3.0))
    b = run("b", ("p0/0", 30.0), ("p1/0", 10.0), ("p0/1", 20.0))
    alignment = align([a, b])
    assert alignment.item_ids == ("p0/0", "p0/1", "p1/0")
    assert alignment.scores.tolist() == [[3.0, 2.0, 1.0], [30.0, 20.0, 10.0]]
    assert alignment.rows.tolist() == [[2, 1, 0], [0, 2, 1]]
    assert alignment.clusters.codes.tolist() == [0, 0, 1]
    assert alignment.exclusions == ()


def test_every_left_out_row_has_its_reason() -> None:
    a = run("a", ("p0", 1.0), ("p1", math.nan), ("p2", 2.0), ("p3", 1.0))
    b = run("b", ("p0", 1.0), ("p1", 1.0), ("p3", 4.0), ("p4", 1.0))
    alignment = align([a, b])
    assert alignment.item_ids == ("p0", "p3")
    assert alignment.exclusions == (
        Exclusion("p1", "unscored in a: parse failure"),
        Exclusion("p2", "missing in b"),
        Exclusion("p4", "missing in a"),
    )
    assert alignment.n_candidates == 5


def test_a_third_condition_removes_its_gaps_from_all() -> None:
    a, b = run("a", ("p0", 1.0), ("p1", 1.0)), run("b", ("p0", 2.0), ("p1", 2.0))
    alignment = align([a, b, run("c", ("p1", 3.0))])
    assert alignment.item_ids == ("p1",)
    assert alignment.scores.tolist() == [[1.0], [2.0], [3.0]]


def test_a_score_without_reason_and_a_moved_row_are_named() -> None:
    a = RunScores("a", (ScoredItem("i", "p", 1.0), ScoredItem("j", "p", math.inf)))
    b = RunScores("b", (ScoredItem("i", "q", 1.0), ScoredItem("j", "p", 1.0)))
    assert align([a, b]).exclusions == (
        Exclusion("i", "belongs to different prompts in different runs"),
        Exclusion("j", "unscored in a: no reason recorded"),
    )


@pytest.mark.parametrize("second", [run("b"), run("b", ("p9", 1.0))])
def test_runs_without_a_common_row_align_to_nothing(second: RunScores) -> None:
    alignment = align([run("a", ("p0", 1.0)), second])
    assert alignment.scores.shape == alignment.rows.shape == (2, 0)
    estimate = mean_interval(alignment.scores[0], alignment.clusters)
    assert estimate.reason == "no scored rows"


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="'p0' occurs twice in 'a'"):
        align([run("a", ("p0", 1.0), ("p0", 2.0))])
    with pytest.raises(ValueError, match="no runs"):
        align([])
