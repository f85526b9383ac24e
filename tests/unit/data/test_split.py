"""Splits: exact, stratified, disjoint, and the same whatever the order of the rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthlab.errors import JobError
from synthlab.jobs.readers.fields import PromptRow
from synthlab.jobs.split import HoldoutCut, draw, split


def row(number: int, category: str | None = None, text: str | None = None) -> PromptRow:
    return PromptRow(f"id{number}", text or f"prompt {number}", None, category, None)


def rows_of(categories: list[str]) -> list[PromptRow]:
    return [row(i, category) for i, category in enumerate(categories)]


def cut(rows: int | None = None, share: float | None = None, **other: Any) -> HoldoutCut:
    given = {"set": "test", "stratify": None, "seed": 0, **other}
    return HoldoutCut(share=share, rows=rows, **given)


CATEGORIES = st.lists(st.sampled_from("abcd"), min_size=4, max_size=80)


@given(CATEGORIES, st.floats(0.05, 0.9), st.integers(0, 3), st.randoms())
def test_a_stratified_split(categories: list[str], share: float, seed: int, random: Any) -> None:
    rows = rows_of(categories)
    wanted = int(share * len(rows) + 0.5)
    if not 0 < wanted < len(rows):
        return
    one = cut(share=share, stratify="category", seed=seed)
    parts = split(rows, "train", [one]).sets
    assert len(parts["test"]) == wanted
    ids = [r.id for part in parts.values() for r in part]
    assert sorted(ids) == sorted(r.id for r in rows)
    sizes, taken = Counter(categories), Counter(r.category for r in parts["test"])
    for category, size in sizes.items():
        assert abs(taken[category] - wanted * size / len(rows)) < 1
    shuffled = list(rows)
    random.shuffle(shuffled)
    again = split(shuffled, "train", [one]).sets
    assert {r.id for r in again["test"]} == {r.id for r in parts["test"]}


def test_another_seed_or_set_is_another_draw() -> None:
    rows = rows_of(["a"] * 60)
    draws = {
        frozenset(r.id for r in split(rows, "train", [one]).sets[one.set])
        for one in (cut(20), cut(20, seed=1), cut(20, set="other"))
    }
    assert len(draws) == 3


def test_a_further_row_disturbs_little() -> None:
    rows = rows_of(["a"] * 200)
    before = {r.id for r in split(rows[:-1], "train", [cut(50)]).sets["test"]}
    after = {r.id for r in split(rows, "train", [cut(50)]).sets["test"]}
    assert len(before & after) >= 49


def test_two_holdouts_are_disjoint() -> None:
    rows = rows_of(list("ab") * 20)
    parts = split(rows, "train", [cut(10), cut(share=0.25, set="more")]).sets
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 20,
        "test": 10,
        "more": 10,
    }
    assert len({r.id for part in parts.values() for r in part}) == 40


def test_a_prompt_that_is_measured_is_not_trained_on() -> None:
    rows = [*rows_of(["a"] * 10), *(row(100 + i, "a", f"prompt {i}") for i in range(10))]
    parts = split(rows, "train", [cut(8)])
    texts = {name: {r.text for r in part} for name, part in parts.sets.items()}
    assert not texts["train"] & texts["test"]
    assert len(parts.sets["test"]) == 8
    assert len(parts.sets["train"]) + parts.dropped["prompt is also held out"] == 12


@pytest.mark.parametrize("one", [cut(10), cut(11), cut(share=0.01), cut(share=0.99)])
def test_no_part_may_be_empty(one: HoldoutCut) -> None:
    with pytest.raises(JobError, match="cannot hold out"):
        split(rows_of(["a"] * 10), "train", [one])


def test_drawing_rows() -> None:
    rows = rows_of(["a"] * 50)
    some = draw(rows, 20, 1)
    assert draw(list(reversed(rows)), 20, 1) == some
    assert draw(rows, None, 1)[:20] == some
    assert draw(rows, 20, 2) != some
    with pytest.raises(JobError, match="only 50 can be used"):
        draw(rows, 51, 1)
