"""The choice of conditions on the Compare screen, without a screen."""

from __future__ import annotations

from screens.compare_conditions import MOST, Conditions
from screens.snapshots.compare import Basis

NAMES = ("vanilla", "a", "b", "c", "d", "e", "f", "g")


def basis(names: tuple[str, ...] = NAMES, experiment: str = "eggs.1") -> Basis:
    measured = (("collapse", names), ("bias", names[:2]))
    return Basis(experiment, names, measured, "1", None, "")


def test_the_first_six_take_part_and_one_more_needs_room() -> None:
    conditions = Conditions()
    conditions.take(basis())
    assert conditions.chosen == NAMES[:MOST]
    conditions.move(MOST)
    assert conditions.cursor == "f"
    assert conditions.why_not_mark() == "6 conditions at most; take one out first"
    conditions.move(-1)
    assert conditions.why_not_mark() == ""
    conditions.mark()
    conditions.move(1)
    assert conditions.why_not_mark() == ""
    conditions.mark()
    assert conditions.chosen == ("vanilla", "a", "b", "c", "d", "f")


def test_two_must_stay_and_the_baseline_takes_part() -> None:
    conditions = Conditions()
    conditions.take(basis(("vanilla", "a", "b")))
    conditions.move(2)
    conditions.mark()
    assert conditions.why_not_pin() == "b is left out; space takes it in"
    conditions.move(-1)
    assert conditions.why_not_mark() == "two conditions must stay"
    conditions.pin()
    assert conditions.chosen == ("a", "vanilla")
    assert conditions.in_order == ("a", "vanilla", "b")


def test_an_axis_has_only_what_was_measured_on_it() -> None:
    conditions = Conditions()
    conditions.take(basis(("vanilla", "a", "b")))
    assert conditions.next_axis == "bias"
    conditions.axis = conditions.next_axis
    assert conditions.chosen == ("vanilla", "a")
    conditions.move(2)
    assert conditions.why_not_mark() == "b is not measured on this axis yet"
    assert conditions.next_axis == "collapse"


def test_another_experiment_begins_anew_and_the_same_keeps_the_choice() -> None:
    conditions = Conditions()
    conditions.take(basis(("vanilla", "a", "b")))
    conditions.move(1)
    conditions.pin()
    conditions.take(basis(("vanilla", "a", "b")))
    assert conditions.baseline == "a"
    conditions.take(basis(("vanilla", "a", "b"), "ham.1"))
    assert (conditions.baseline, conditions.cursor) == ("vanilla", "vanilla")
