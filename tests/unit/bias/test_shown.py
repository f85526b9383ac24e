"""What a judge is shown: rubrics, pairs, anchors, and that nothing else finds its way there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from synthlab.errors import SpecError
from synthlab.experiment.preference_rubrics import (
    PreferenceRubric,
    preference_rubric_folder,
    read_preference_rubric,
)
from synthlab.jobs.anchor_texts import ruin
from synthlab.jobs.judge_pairs import (
    Candidate,
    JudgedText,
    choose_prompts,
    list_anchors,
    list_identical,
    list_pairs,
)

TEXT = "The river is wide. It runs to the sea, and nobody has crossed it. Boats wait at the bank."
PROMPTS = ["p0", "p1", "p2"]


def candidate(number: int, *, is_source: bool = True, prompts: list[str] = PROMPTS) -> Candidate:
    texts = {
        p: JudgedText(number, f"g{number}", f"r{number}{p}", f"{TEXT} {number} {p} tells of it.")
        for p in prompts
    }
    return Candidate(number, is_source, texts)


def test_the_built_in_rubrics_are_read_and_told_apart() -> None:
    rubrics = [read_preference_rubric(p) for p in sorted(preference_rubric_folder().glob("*.toml"))]
    assert [(one.id, one.kind, len(one.labels)) for one in rubrics] == [
        ("pairwise-ab", "pairwise", 2),
        ("rating-5", "rating", 5),
    ]
    assert len({one.sha256 for one in rubrics}) == 2
    for one in rubrics:
        assert PreferenceRubric.from_json(one.to_json()) == one
        assert one.name == f"{one.id}.1@{one.sha256[:12]}"


def test_questions_show_texts_in_order_and_hide_the_task_on_request() -> None:
    rubric = read_preference_rubric(preference_rubric_folder() / "pairwise-ab.toml")
    shown = rubric.question(("one {text}", "two {task}"), "Explain {text}.")
    assert shown.index("Explain {text}.") < shown.index("one {text}") < shown.index("two {task}")
    hidden = rubric.question(("one", "two"), None)
    assert "Explain" not in hidden and "Task" not in hidden
    assert hidden.endswith(rubric.closing)
    with pytest.raises(ValueError, match=r"zip\(\) argument"):
        rubric.question(("one",), None)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('labels = ["A", "B"]', 'labels = ["A", "A"]', "different words"),
        ('labels = ["A", "B"]', 'labels = ["A", "B", "C"]', "two labels"),
        ('kind = "pairwise"', 'kind = "rating"', "whole numbers"),
        ('kind = "pairwise"', 'kind = "contest"', "kind is 'contest'"),
        ("{task}", "the task", "task needs the place {task} once"),
        ("{text}", "{text} {text}", "first needs the place {text} once"),
        ("schema = 1", "schema = 9", "schema is 9"),
        ('id = "pairwise-ab"', "", "the key 'id' is missing"),
        ("version = 1", "version = = 1", "not valid TOML"),
        ('closing = """', "closing = 3 #", "not valid TOML|wrong type"),
    ],
)
def test_a_damaged_rubric_is_named(old: str, new: str, words: str, tmp_path: Path) -> None:
    text = (preference_rubric_folder() / "pairwise-ab.toml").read_text()
    assert old in text
    path = tmp_path / "own.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SpecError, match=words) as caught:
        read_preference_rubric(path)
    assert str(path) in caught.value.message


def test_pairs_have_a_source_and_two_different_texts() -> None:
    three = [candidate(0), candidate(1), candidate(2, is_source=False)]
    answers = [*three, candidate(3, is_source=False, prompts=["p1"])]
    pairs = list_pairs(PROMPTS, answers)
    found = Counter((p.x.candidate, p.y.candidate) for p in pairs)
    assert found == {(0, 1): 3, (0, 2): 3, (1, 2): 3, (0, 3): 1, (1, 3): 1}
    assert len({pair.id for pair in pairs}) == len(pairs)
    same = Candidate(1, True, {"p0": JudgedText(1, "g1", "other", three[0].texts["p0"].text)})
    assert list_pairs(["p0"], [three[0], same]) == []
    assert {p.x.candidate for p in list_identical(PROMPTS, three)} == {0, 1}
    assert all(p.orders == (0,) and p.x == p.y for p in list_identical(PROMPTS, three))


def test_the_id_of_a_pair_knows_its_texts_and_not_its_place() -> None:
    one = {p.id for p in list_pairs(PROMPTS, [candidate(0), candidate(1)])}
    more = {p.id for p in list_pairs(PROMPTS, [candidate(0), candidate(1), candidate(2)])}
    assert one < more


def test_anchors_alternate_and_know_the_better_text() -> None:
    sources = [candidate(0), candidate(1)]
    anchors = list_anchors(PROMPTS, sources, 2, task_is_shown=True)
    assert Counter(a.y.derived for a in anchors) == {"ruined": 3, "other-task": 3}
    assert all(a.x.derived == "" and a.x.text != a.y.text for a in anchors)
    for anchor in anchors:
        if anchor.y.derived == "other-task":
            assert anchor.y.response_id != anchor.x.response_id
            assert anchor.prompt_id not in anchor.y.response_id
    hidden = list_anchors(PROMPTS, sources, 2, task_is_shown=False)
    assert Counter(a.y.derived for a in hidden) == {"ruined": 6}
    assert len(list_anchors(PROMPTS, sources, 1, task_is_shown=True)) == 3
    assert list_anchors(PROMPTS, sources, 0, task_is_shown=True) == []


def test_a_ruin_is_worse_of_like_length_and_repeatable() -> None:
    ruined = ruin(TEXT, "seed")
    assert ruined is not None
    assert ruined == ruin(TEXT, "seed") != ruin(TEXT, "another")
    assert len(ruined.split()) == len(TEXT.split())
    assert set(ruined.split()) <= set(TEXT.split())
    assert ruined.split() != TEXT.split()
    assert ruin("Too short.", "seed") is None
    assert ruin("so so so so so so", "seed") is None


def test_more_rows_keep_those_that_were_judged() -> None:
    ids = [f"p{i}" for i in range(50)]
    few, many = choose_prompts(ids, 10, 3), choose_prompts(ids, 20, 3)
    assert len(few) == 10
    assert set(few) < set(many)
    assert few == sorted(few, key=ids.index)
    assert choose_prompts(ids, 99, 3) == ids
    assert choose_prompts(ids, 10, 4) != few
