"""Who answers what in a mixture: exact shares, stable draws, and every loss counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synthlab.errors import JobError
from synthlab.jobs.apportion import apportion
from synthlab.jobs.assignment import Assigned, Assignment, assign, assign_all, within_budget
from synthlab.jobs.candidates import Candidates, MixPrompt, ResponseFilters, usable_responses
from synthlab.jobs.responses import Response


def prompts_of(categories: Sequence[str]) -> list[MixPrompt]:
    return [
        MixPrompt(f"p{i}", f"text {i}", category, None) for i, category in enumerate(categories)
    ]


def response(prompt: str, generator: str = "g", **other: object) -> Response:
    given: dict[str, object] = {
        "id": f"{prompt}-{generator}-{other.get('sample', 0)}",
        "prompt_id": prompt,
        "source": generator,
        "generator": generator,
        "sample": 0,
        "seed": 0,
        "text": f"{generator} answers {prompt}",
        "finish_reason": "stop",
        "prompt_tokens": 1,
        "completion_tokens": 3,
    }
    return Response.from_json({**given, **other})


def part_of(ids: Sequence[str], name: str = "g") -> Candidates:
    return Candidates({i: response(i, name) for i in ids}, len(ids), {}, name)


def everybody(prompts: Sequence[MixPrompt], count: int) -> list[Candidates]:
    return [part_of([p.id for p in prompts], f"g{n}") for n in range(count)]


def counts_of(assignment: Assignment, parts: int) -> tuple[int, ...]:
    counted = Counter(row.part for row in assignment.rows)
    return tuple(counted[n] for n in range(parts))


CATEGORIES = st.lists(st.sampled_from("abc"), min_size=1, max_size=60)
WEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@pytest.mark.parametrize("how", ["random", "folds"])
@given(CATEGORIES, WEIGHTS, st.integers(0, 5))
def test_shares_are_exact(how: str, categories: list[str], weights: list[int], seed: int) -> None:
    prompts = prompts_of(categories)
    found = assign(prompts, everybody(prompts, len(weights)), weights, how, None, seed)
    assert counts_of(found, len(weights)) == apportion(len(prompts), weights)
    assert sorted(row.prompt_id for row in found.rows) == sorted(p.id for p in prompts)
    assert (found.no_response, found.swapped, found.reassigned) == (0, 0, 0)


@given(CATEGORIES, WEIGHTS, st.integers(0, 5), st.data())
def test_the_number_of_rows_is_exact(
    categories: list[str], weights: list[int], seed: int, data: st.DataObject
) -> None:
    prompts = prompts_of(categories)
    rows = data.draw(st.integers(1, len(prompts)))
    found = assign(prompts, everybody(prompts, len(weights)), weights, "random", rows, seed)
    assert counts_of(found, len(weights)) == apportion(rows, weights)


@pytest.mark.parametrize("how", ["random", "folds"])
@given(CATEGORIES, WEIGHTS, st.data())
def test_gaps_are_filled_and_counted(
    how: str, categories: list[str], weights: list[int], data: st.DataObject
) -> None:
    prompts = prompts_of(categories)
    subsets = st.lists(st.sampled_from([p.id for p in prompts]), unique=True)
    parts = [part_of(data.draw(subsets), f"g{n}") for n in range(len(weights))]
    answered = {i for part in parts for i in part.by_prompt}
    found = assign(prompts, parts, weights, how, None, 0)
    assert {row.prompt_id for row in found.rows} == answered
    assert len(found.rows) == len(answered)
    assert found.no_response == len(prompts) - len(answered)
    assert all(row.prompt_id in parts[row.part].by_prompt for row in found.rows)
    if found.reassigned == 0:
        assert counts_of(found, len(weights)) == apportion(len(answered), weights)


def test_an_exchange_keeps_the_shares() -> None:
    prompts = prompts_of("a" * 40)
    ids = [p.id for p in prompts]
    parts = [part_of(ids, "whole"), part_of(ids[5:], "lacks five")]
    found = assign(prompts, parts, [1, 1], "random", None, 0)
    assert counts_of(found, 2) == (20, 20)
    assert found.swapped > 0
    assert found.reassigned == 0


def test_without_a_partner_the_shares_move_and_it_is_counted() -> None:
    prompts = prompts_of("a" * 10)
    found = assign(
        prompts, [part_of([p.id for p in prompts]), part_of(["p0"])], [1, 1], "random", None, 0
    )
    assert counts_of(found, 2)[1] <= 1
    assert len(found.rows) == 10
    assert found.reassigned >= 4


def test_a_further_prompt_disturbs_little() -> None:
    prompts = prompts_of("a" * 300)
    before = assign(prompts[:-1], everybody(prompts, 3), [1, 1, 1], "random", None, 0)
    after = assign(prompts, everybody(prompts, 3), [1, 1, 1], "random", None, 0)
    assert len(set(before.rows) - set(after.rows)) <= 3


def test_assignment_does_not_hang_on_order_but_on_the_seed() -> None:
    prompts = prompts_of("a" * 50)
    parts = everybody(prompts, 2)
    one = assign(prompts, parts, [1, 1], "random", None, 0)
    assert assign(prompts[::-1], parts, [1, 1], "random", None, 0) == one
    assert set(assign(prompts, parts, [1, 1], "random", None, 1).rows) != set(one.rows)


@given(CATEGORIES, WEIGHTS)
def test_folds_are_contiguous_and_stratified(categories: list[str], weights: list[int]) -> None:
    prompts = prompts_of(categories)
    found = assign(prompts, everybody(prompts, len(weights)), weights, "folds", None, 0)
    part = {row.prompt_id: row.part for row in found.rows}
    for category in set(categories):
        order = [part[p.id] for p in prompts if p.category == category]
        assert order == sorted(order)
        for number, weight in enumerate(weights):
            assert abs(order.count(number) - len(order) * weight / sum(weights)) <= 2


def test_too_few_rows() -> None:
    prompts = prompts_of("aaa")
    with pytest.raises(JobError, match="asks for 3 rows, but only 2"):
        assign(prompts, [part_of(["p0", "p2"])], [1], "random", 3, 0)
    with pytest.raises(JobError, match="asks for 4 rows, but only 3"):
        assign_all(prompts, [part_of(["p0", "p2"]), part_of(["p0"], "h")], 4, 0, dedupe=True)


def test_all_takes_every_answer_but_the_same_one_twice() -> None:
    prompts = prompts_of("aaa")
    twin = Candidates({"p0": response("p0", "g")}, 1, {}, "twin")
    parts = [part_of(["p0", "p1"]), part_of(["p1", "p2"], "h"), twin]
    found = assign_all(prompts, parts, None, 0, dedupe=True)
    assert set(found.rows) == {
        Assigned("p0", 0),
        Assigned("p1", 0),
        Assigned("p1", 1),
        Assigned("p2", 1),
    }
    assert (found.no_response, found.duplicates) == (4, 1)
    assert len(assign_all(prompts, parts, None, 0, dedupe=False).rows) == 5
    assert assign_all(prompts, parts, 3, 0, dedupe=True).rows == found.rows[:3]


@given(st.lists(st.integers(1, 30), min_size=2, max_size=60), WEIGHTS, st.integers(1, 400))
def test_a_token_budget_is_kept_and_nearly_filled(
    sizes: list[int], weights: list[int], tokens: int
) -> None:
    rows = tuple(Assigned(f"p{i}", i % len(weights)) for i in range(len(sizes)))
    size = {f"p{i}": n for i, n in enumerate(sizes)}
    quotas = apportion(tokens, weights)
    have = [sum(size[r.prompt_id] for r in rows if r.part == n) for n in range(len(weights))]
    assume(all(h >= quota for h, quota in zip(have, quotas, strict=True)))
    found = within_budget(Assignment(rows), tokens, weights, lambda row: size[row.prompt_id])
    assert found.over_budget == len(rows) - len(found.rows)
    for number, quota in enumerate(quotas):
        own = [r for r in rows if r.part == number]
        kept = [r for r in found.rows if r.part == number]
        used = sum(size[r.prompt_id] for r in kept)
        assert own[: len(kept)] == kept
        assert used <= quota
        assert used == quota or used + size[own[len(kept)].prompt_id] > quota


def test_a_source_with_too_little_text_for_the_budget_is_named() -> None:
    rows = (Assigned("p0", 0), Assigned("p1", 1))
    with pytest.raises(JobError, match="source 2 of the mixture should give 10 tokens and has 5"):
        within_budget(Assignment(rows), 20, [1, 1], lambda row: 10 if row.part == 0 else 5)


FILTERS = ResponseFilters(min_chars=3, max_chars=20, dedupe=True, drop_truncated=True)


def test_filters_count_their_reasons() -> None:
    prompts = [MixPrompt(f"p{i}", "same" if i > 7 else f"text {i}", None, None) for i in range(10)]
    given = [
        response("p0", text="fine"),
        response("p0", text="fine too", sample=1),
        response("p1", text="", finish_reason="error:oom"),
        response("p2", text=" \n "),
        response("p3", text="ab"),
        response("p4", text="x" * 21),
        response("p5", text="cut of", finish_reason="length"),
        response("p6", text="fine"),
        response("p8", text="twice"),
        response("p9", text="twice "),
        response("elsewhere", text="fine"),
        response("p7", text="", finish_reason="error:oom"),
        response("p7", text="second try", sample=1),
    ]
    found = usable_responses(prompts, given, FILTERS)
    assert {i: r.text for i, r in found.by_prompt.items()} == {
        "p0": "fine",
        "p6": "fine",
        "p7": "second try",
        "p8": "twice",
    }
    assert found.dropped == {
        "further sample": 1,
        "failed": 2,
        "empty": 1,
        "shorter than 3 characters": 1,
        "longer than 20 characters": 1,
        "truncated": 1,
        "duplicate": 1,
        "not in the prompt set": 1,
    }
    assert found.seen == len(given) == len(found.by_prompt) + sum(found.dropped.values())
    assert usable_responses(prompts, given[::-1], FILTERS) == found


def test_filters_that_are_switched_off() -> None:
    prompts = [MixPrompt("p0", "same", None, None), MixPrompt("p1", "same", None, None)]
    given = [response("p0", text="cut", finish_reason="length"), response("p1", text="cut")]
    lax = ResponseFilters(min_chars=1, max_chars=None, dedupe=False, drop_truncated=False)
    assert len(usable_responses(prompts, given, lax).by_prompt) == 2


def test_one_source_is_one_generator() -> None:
    prompts = prompts_of("ab")
    with pytest.raises(JobError, match="2 generators: g, h"):
        usable_responses(prompts, [response("p0"), response("p1", "h")], FILTERS)
    with pytest.raises(JobError, match="no responses"):
        usable_responses(prompts, [], FILTERS)
