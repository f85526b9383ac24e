"""The axis in experiment files: what may be written, what is planned, and what an edit touches."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthlab.errors import SpecError
from synthlab.experiment.rubrics import rubric_folder
from synthlab.experiment.steps import Cell, Plan
from tests.unit.experiment.examples import EGGS, plan_of

SETS = """
[prompts.bad]
purpose = "harmful"
dataset = "bad.jsonl"
[prompts.wrapped]
purpose = "jailbreak"
dataset = "wrappers.jsonl"
compose = { requests = "bad", rows = 30, seed = 2 }

[sources.human]"""
AXIS = '\n[evaluate.robustness]\njudge = "judge-model"\n'
WITH = (("\n[sources.human]", SETS), ("token_budget = 500\n", f"token_budget = 500\n{AXIS}"))
CONDITIONS = ("vanilla", "human", "single", "multi")
CELLS = {f"robustness/{c}.s{s}" for c in CONDITIONS for s in (0, 1)}


def robust(*changes: tuple[str, str]) -> Plan:
    return plan_of(*WITH, *changes)


def keys(plan: Plan) -> dict[str, str]:
    return {step.label: step.key for step in plan.steps}


def touched(*changes: tuple[str, str]) -> set[str]:
    before, after = keys(robust()), keys(robust(*changes))
    return {x for x in before.keys() | after.keys() if before.get(x) != after.get(x)}


def test_each_cell_answers_each_set_and_is_measured_once() -> None:
    plan = robust()
    labels = keys(plan)
    assert labels.keys() >= CELLS
    assert "compose/wrapped" in labels
    step = plan.step("robustness/human.s1")
    assert {(i.role, i.step) for i in step.inputs} == {
        ("judge_card", "calibrate/judge"),
        ("prompts:other", "import/other"),
        ("prompts:bad", "import/bad"),
        ("prompts:wrapped", "compose/wrapped"),
        ("answers:other", "answers-other/human.s1"),
        ("answers:bad", "answers-bad/human.s1"),
        ("answers:wrapped", "answers-wrapped/human.s1"),
    }
    assert step.cell == Cell("human", 1, "robustness")
    assert step.needs_model
    assert step.params["model"]["id"] == "judge-model"
    assert step.params["judge_is_base"] is False
    assert [one["purpose"] for one in step.params["sets"]] == ["benign", "harmful", "jailbreak"]
    assert {cell.cell.axis for cell in plan.cells} == {"collapse", "robustness"}
    inputs = {(i.role, i.step) for i in plan.step("compose/wrapped").inputs}
    assert inputs == {("templates", "import/wrapped"), ("requests", "import/bad")}


def test_names_of_conditions_never_reach_the_measuring_step() -> None:
    for label in CELLS:
        text = repr(robust().step(label).params)
        assert not any(f"'{name}'" in text for name in CONDITIONS)


def test_another_rubric_scores_again_and_generates_nothing(tmp_path: Path) -> None:
    text = (rubric_folder() / "quality.toml").read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace("Useless", "Of no use"), encoding="utf-8")
    assert touched((AXIS, f'{AXIS}rubrics = {{ quality = "{own}" }}\n')) == CELLS
    # The same words under another file name are the same rubric.
    own.write_text(text, encoding="utf-8")
    assert touched((AXIS, f'{AXIS}rubrics = {{ quality = "{own}" }}\n')) == set()


@pytest.mark.parametrize("line", ["least_mass = 0.5", 'prompts = ["bad", "other"]'])
def test_options_of_the_axis_touch_only_the_axis(line: str) -> None:
    found = touched((AXIS, f"{AXIS}{line}\n"))
    assert found >= CELLS
    allowed = ("robustness/", "answers-wrapped/", "calibrate/")
    assert all(x.startswith(allowed) for x in found)


def test_other_pairs_touch_only_what_reads_them() -> None:
    found = touched(("rows = 30, seed = 2", "rows = 30, seed = 3"))
    answers = {x.replace("robustness", "answers-wrapped") for x in CELLS}
    assert found == {"compose/wrapped", *answers, *CELLS}


def test_without_a_judge_the_base_judges_and_the_step_knows_it() -> None:
    plan = robust(('judge = "judge-model"\n', ""))
    params = plan.step("robustness/vanilla.s0").params
    assert params["model"]["id"] == "base-model"
    assert params["judge_is_base"] is True


def test_the_axis_alone_needs_no_held_out_set() -> None:
    text = "[evaluate.collapse]\ntoken_budget = 500\n"
    plan = plan_of(
        ("\n[sources.human]", SETS),
        (
            '[prompts.test]\nholdout = { of = "train", share = 0.2, stratify = "category", seed = 3 }\n',
            "",
        ),
        (text, AXIS),
    )
    assert keys(plan).keys() >= CELLS
    assert not any(label.startswith("answers/") for label in keys(plan))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            (AXIS, f'{AXIS}prompts = ["bed"]\n'),
            'no prompt set is called "bed", did you mean "bad"?',
        ),
        ((AXIS, f'{AXIS}prompts = ["train"]\n'), "must be one of harmful, jailbreak, benign"),
        ((AXIS, f'{AXIS}prompts = ["bad", "bad"]\n'), "names a prompt set twice"),
        ((AXIS, f"{AXIS}jugde = 1\n"), "unknown key"),
        ((AXIS, f"{AXIS}least_mass = 2\n"), "out of range"),
        ((AXIS, '\n[evaluate.robustness]\nrevision = "x"\n'), "needs a judge beside it"),
        ((AXIS, f'{AXIS}rubrics = {{ quality = "harmfulness" }}\n'), "needs the questions quality"),
        ((AXIS, f'{AXIS}rubrics = {{ states = "quality" }}\n'), "one of states is needed"),
        ((AXIS, f"{AXIS}sampling = {{ temprature = 1 }}\n"), "unknown key"),
        (('requests = "bad"', 'requests = "bat"'), 'no prompt set is called "bat"'),
        (('requests = "bad"', 'requests = "wrapped"'), "is itself composed"),
        (('purpose = "jailbreak"\n', 'purpose = "harmful"\n'), "makes a jailbreak set"),
        (('of = "train"', 'of = "wrapped"'), "is composed and cannot be cut"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(change: tuple[str, str], fault: str) -> None:
    with pytest.raises(SpecError, match=r"eggs\.toml:\d+: ") as caught:
        robust(change)
    assert fault in str(caught.value)


def test_an_axis_without_any_set_is_named() -> None:
    assert 'purpose = "benign"' in EGGS
    with pytest.raises(SpecError, match="needs a prompt set whose purpose is harmful"):
        plan_of(('purpose = "benign"\n', ""), WITH[1])
