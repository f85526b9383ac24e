"""`[[expected]]`: what the four forms mean, and every fault with its line."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from synthlab.errors import SpecError
from synthlab.experiment.expectations import Dose, Expected, ExpectedPair
from tests.unit.experiment.examples import EGGS, eggs

END = "token_budget = 500\n"


def expected(text: str) -> tuple[Expected, ...]:
    return eggs((END, f"{END}\n[[expected]]\n{text}")).expected


def test_an_order_is_the_pairs_of_neighbours() -> None:
    (one,) = expected('metric = "ppl2-log"\norder = ["human", "<", "multi", "<", "single"]')
    assert one.pairs == (ExpectedPair("multi", "human"), ExpectedPair("single", "multi"))
    assert one.statement == "human < multi < single"
    assert one.conditions == ("human", "multi", "single")


def test_higher_and_lower_are_all_pairs() -> None:
    (one,) = expected('metric = "ppl1-log"\nhigher = "human"\nlower = ["single", "vanilla"]')
    assert one.pairs == (ExpectedPair("human", "single"), ExpectedPair("human", "vanilla"))
    assert one.statement == "human > single, vanilla"


def test_a_trend_has_amounts_and_no_pairs() -> None:
    (one,) = expected('metric = "self-bleu-4"\nfalls_with = { single = 1, multi = 2 }')
    assert one.falls_with == (Dose("single", 1.0), Dose("multi", 2.0))
    assert one.pairs == ()
    assert one.statement == "falls over 1, 2"


def test_several_entries_keep_their_order() -> None:
    text = 'metric = "ppl1-log"\nhigher = "human"\nlower = "multi"\n'
    two = expected(text + "[[expected]]\n" + text.replace("ppl1", "ppl2"))
    assert [one.metric for one in two] == ["ppl1-log", "ppl2-log"]


def test_what_is_foretold_is_in_no_key() -> None:
    from tests.unit.experiment.examples import plan_of

    entry = f'{END}\n[[expected]]\nmetric = "ppl1-log"\nhigher = "human"\nlower = "multi"\n'
    keys = [[step.key for step in plan.steps] for plan in (plan_of(), plan_of((END, entry)))]
    assert keys[0] == keys[1]


PAIR = 'higher = "human"\nlower = "multi"'
FAULTS: Mapping[str, tuple[str, str]] = {
    "no metric": (PAIR, "metric: is missing"),
    "unknown metric": (f'metric = "bleurgh"\n{PAIR}', '"bleurgh" is no metric'),
    "misspelt metric": (f'metric = "self-blue-4"\n{PAIR}', 'did you mean "self-bleu-4"?'),
    "axis not measured": (f'metric = "refusal-rate/other"\n{PAIR}', "of the axis robustness"),
    "no such set": (f'metric = "ppl1-log/othre"\n{PAIR}', 'no prompt set is called "othre"'),
    "no such condition": ('metric = "ppl1-log"\nhigher = "humans"\nlower = "multi"', "humans"),
    "no form": ('metric = "ppl1-log"', "says one thing"),
    "two forms": (
        f'metric = "ppl1-log"\n{PAIR}\norder = ["human", ">", "multi"]',
        "says one thing",
    ),
    "half a pair": ('metric = "ppl1-log"\nhigher = "human"', "go together"),
    "order without signs": (
        'metric = "ppl1-log"\norder = ["human", "multi", "single"]',
        "between them",
    ),
    "one amount": ('metric = "ppl1-log"\nrises_with = { human = 1, multi = 1 }', "two different"),
    "amount in words": ('metric = "ppl1-log"\nrises_with = { human = "a", multi = 1 }', "a number"),
    "unknown key": (f'metric = "ppl1-log"\n{PAIR}\nsure = true', "unknown key"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str) -> None:
    text, message = FAULTS[name]
    with pytest.raises(SpecError, match=message) as caught:
        expected(text)
    lines = len(EGGS.splitlines())
    assert int(str(caught.value).split(":")[1]) > lines


def test_a_single_table_is_no_list_of_entries() -> None:
    with pytest.raises(SpecError, match="must be a list"):
        eggs((END, f'{END}\n[expected]\nmetric = "ppl1-log"\n'))
