"""The difference between two steps, as a person reads it in a plan."""

from __future__ import annotations

import pytest

from synthlab.experiment.keys import plan_difference, step_key
from synthlab.experiment.steps import Json, StepKey


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ({"learning_rate": 1e-4}, {"learning_rate": 2e-4}, "learning_rate 1e-4 -> 2e-4"),
        ({"x": 0.5}, {"x": 1.0}, "x 0.5 -> 1"),
        ({"lora": {"r": 8, "alpha": 2}}, {"lora": {"r": 16, "alpha": 2}}, "lora.r 8 -> 16"),
        ({"system": None}, {"system": "Be brief."}, 'system none -> "Be brief."'),
        ({"seed": 1}, {}, "seed 1 removed"),
        ({}, {"dedupe": True}, "dedupe true added"),
        (
            {"p": [{"share": 1}, {"share": 2}]},
            {"p": [{"share": 1}, {"share": 3}]},
            "p[1].share 2 -> 3",
        ),
        ({"m": ["a", "b"]}, {"m": ["a"]}, 'm ["a","b"] -> ["a"]'),
        ({"d": "a" * 64}, {"d": "b" * 64}, "d aaaaaaaaaaaa -> bbbbbbbbbbbb"),
        ({"x": 1}, {"x": True}, "x 1 -> true"),
        ({"x": 1.0000001}, {"x": 1.0000002}, "x 1.0000001 -> 1.0000002"),
        ({"t": "a\nb" * 99}, {"t": "c"}, 't "' + ("a b" * 99)[:59] + '…" -> c'),
    ],
)
def test_difference(old: dict[str, Json], new: dict[str, Json], shown: str) -> None:
    assert plan_difference(old, new) == (shown,)


def test_equal_parameters_have_no_difference() -> None:
    assert plan_difference({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}) == ()


def test_a_key_needs_every_part_and_no_order() -> None:
    one = step_key("mix", {"a": 1, "b": 2}, {"x": StepKey("k"), "y": StepKey("l")})
    assert one == step_key("mix", {"b": 2, "a": 1}, {"y": StepKey("l"), "x": StepKey("k")})
    others = {
        step_key("generate", {"a": 1, "b": 2}, {"x": StepKey("k"), "y": StepKey("l")}),
        step_key("mix", {"a": 1, "b": 3}, {"x": StepKey("k"), "y": StepKey("l")}),
        step_key("mix", {"a": 1, "b": 2}, {"x": StepKey("l"), "y": StepKey("k")}),
        step_key("mix", {"a": 1, "b": 2}, {"x": StepKey("k")}),
        step_key("mix", {"a": 1, "b": None}, {"x": StepKey("k"), "y": StepKey("l")}),
    }
    assert len(others | {one}) == 6


def test_a_key_refuses_what_json_cannot_spell() -> None:
    with pytest.raises(ValueError, match="JSON"):
        step_key("mix", {"a": float("nan")}, {})
