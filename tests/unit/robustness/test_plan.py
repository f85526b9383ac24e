"""The axis in experiment files: what may be written, what is planned, and what an edit touches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synthlab.errors import SpecError
from synthlab.experiment.kinship import kinship_warning
from synthlab.experiment.models import ModelIdentity, ResolvedModel
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


ROLES = ("states", "quality", "harmfulness", "strongreject")
JUDGES = {f"judge-{role}/{c}.s{s}" for role in ROLES for c in CONDITIONS for s in (0, 1)}


def judges(role: str) -> set[str]:
    return {label for label in JUDGES if label.startswith(f"judge-{role}/")}


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
        *((f"judgements:{role}", f"judge-{role}/human.s1") for role in ROLES),
    }
    assert step.cell == Cell("human", 1, "robustness")
    assert not step.needs_model
    assert step.params["model"]["id"] == "judge-model"
    assert step.observing == {}
    assert [one["purpose"] for one in step.params["sets"]] == ["benign", "harmful", "jailbreak"]
    assert {cell.cell.axis for cell in plan.cells} == {"collapse", "robustness"}
    inputs = {(i.role, i.step) for i in plan.step("compose/wrapped").inputs}
    assert inputs == {("templates", "import/wrapped"), ("requests", "import/bad")}


def test_the_judge_reads_answers_under_one_rubric_a_step() -> None:
    plan = robust()
    step = plan.step("judge-harmfulness/human.s1")
    assert {(i.role, i.step) for i in step.inputs} == {
        ("prompts:bad", "import/bad"),
        ("prompts:wrapped", "compose/wrapped"),
        ("answers:bad", "answers-bad/human.s1"),
        ("answers:wrapped", "answers-wrapped/human.s1"),
    }
    assert step.needs_model
    assert step.cell is None
    assert step.params["rubrics"].keys() == {"harmfulness"}
    quality = plan.step("judge-quality/human.s1")
    assert [one["name"] for one in quality.params["sets"]] == ["other", "bad", "wrapped"]


def test_names_of_conditions_never_reach_the_measuring_step() -> None:
    for label in CELLS | JUDGES:
        text = repr(robust().step(label).params)
        assert not any(f"'{name}'" in text for name in CONDITIONS)


def test_another_rubric_scores_again_and_generates_nothing(tmp_path: Path) -> None:
    text = (rubric_folder() / "quality.toml").read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace("Useless", "Of no use"), encoding="utf-8")
    assert touched((AXIS, f'{AXIS}rubrics = {{ quality = "{own}" }}\n')) == {
        *CELLS, *judges("quality"),
    }  # fmt: skip
    # The same words under another file name are the same rubric.
    own.write_text(text, encoding="utf-8")
    assert touched((AXIS, f'{AXIS}rubrics = {{ quality = "{own}" }}\n')) == set()


@pytest.mark.parametrize("line", ["least_mass = 0.5", 'prompts = ["bad", "other"]'])
def test_options_of_the_axis_touch_only_the_axis(line: str) -> None:
    found = touched((AXIS, f"{AXIS}{line}\n"))
    assert found >= CELLS
    allowed = ("robustness/", "answers-wrapped/", "calibrate/", "judge-")
    assert all(x.startswith(allowed) for x in found)
    if "least_mass" in line:
        assert not found & JUDGES


def test_other_pairs_touch_only_what_reads_them() -> None:
    found = touched(("rows = 30, seed = 2", "rows = 30, seed = 3"))
    answers = {x.replace("robustness", "answers-wrapped") for x in CELLS}
    assert found == {"compose/wrapped", *answers, *JUDGES, *CELLS}


@pytest.mark.parametrize(
    "judging", ['{ method = "parsed" }', '{ method = "parsed", draws = 3, temperature = 0.5 }']
)
def test_another_way_of_judging_asks_again_and_generates_nothing(judging: str) -> None:
    found = touched((AXIS, f"{AXIS}judging = {judging}\n"))
    assert found == {*CELLS, *JUDGES, "calibrate/judge"}


def test_where_no_judge_is_named_the_base_judges_and_the_plan_warns() -> None:
    step = robust(('judge = "judge-model"\n', "")).step("robustness/vanilla.s0")
    assert step.params["model"]["id"] == "base-model"
    assert "is the model that the conditions start from" in step.observing["warning"]


def test_no_judge_is_asked_where_the_file_wants_none() -> None:
    labels = keys(robust(('judge = "judge-model"', 'judge = "none"')))
    assert labels.keys() >= CELLS
    assert not [x for x in labels if x.startswith(("judge-", "calibrate/"))]
    step = robust(('judge = "judge-model"', 'judge = "none"')).step("robustness/human.s0")
    assert step.params["model"] is None
    assert step.observing == {}
    assert not step.needs_model


SERVED = (
    f'{AXIS}judging = {{ method = "parsed", engine = "openai", base_url = "http://here:1/v1", '
    'api_key_env = "JUDGE_API_KEY" }\n'
)


def test_a_judge_behind_a_server_is_known_by_its_name_and_the_way_to_it_is_not_in_the_key() -> None:
    plan = robust((AXIS, SERVED))
    step = plan.step("judge-quality/human.s0")
    assert not step.needs_model
    assert step.params["model"] == {"id": "judge-model", "revision": None, "digest": None}
    assert step.locate["server"] == "http://here:1/v1"
    assert step.observing["server"]["api_key_env"] == "JUDGE_API_KEY"
    assert "nobody can check which model judges" in step.observing["warning"]
    assert "here:1" not in repr(step.params)
    moved = robust((AXIS, SERVED.replace("here:1", "there:2")))
    assert keys(moved) == keys(plan)
    named = keys(robust((AXIS, SERVED.replace('"judge-model"', '"judge-model"\nrevision = "b"'))))
    changed = {x for x in named if named[x] != keys(plan)[x]}
    assert changed == {*CELLS, *JUDGES, "calibrate/judge"}


def model(name: str, folder: Path | None = None, digest: str = "d") -> ResolvedModel:
    return ResolvedModel(ModelIdentity(name, None, digest), folder)


def folder_of(tmp_path: Path, name: str, kind: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": kind}), encoding="utf-8")
    return folder


def test_relatives_are_known_by_identity_name_and_architecture(tmp_path: Path) -> None:
    ours = model("Qwen/Qwen2.5-7B-Instruct")
    assert "start from" in kinship_warning(ours, ours)
    assert '"qwen"' in kinship_warning(model("unsloth/qwen3-4b", digest="x"), ours)
    assert kinship_warning(model("google/gemma-3-4b-it"), ours) == ""
    one = model("a/Yi-6B", folder_of(tmp_path, "yi", "llama"))
    other = model("b/SmolLM2-135M", folder_of(tmp_path, "smol", "llama"))
    assert "architecture (llama)" in kinship_warning(one, other)
    assert kinship_warning(one, model("b/OLMo-1B", folder_of(tmp_path, "olmo", "olmo"))) == ""
    assert kinship_warning(one, model("b/OLMo-1B")) == ""


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
        ((AXIS, f'{AXIS}judging = {{ methd = "parsed" }}\n'), "unknown key"),
        ((AXIS, f'{AXIS}judging = {{ method = "guessed" }}\n'), 'use one of "labels", "parsed"'),
        ((AXIS, f"{AXIS}judging = {{ draws = 3 }}\n"), 'belongs to method = "parsed"'),
        (
            (AXIS, f'{AXIS}judging = {{ method = "parsed", draws = 3 }}\n'),
            "are all alike at temperature 0",
        ),
        ((AXIS, SERVED.replace('method = "parsed", ', "")), 'write method = "parsed" beside it'),
        ((AXIS, SERVED.replace('base_url = "http://here:1/v1", ', "")), "goes together with"),
        ((AXIS, SERVED.replace("http://here:1/v1", "here")), "must be an address"),
        ((AXIS, SERVED.replace('judge = "judge-model"', "")), "is missing: the name under which"),
        (
            (AXIS, f'{AXIS}judging = {{ base_url = "http://x" }}\n'),
            'goes together with engine = "openai"',
        ),
        (
            (AXIS, '\n[evaluate.robustness]\njudge = "none"\nleast_mass = 0.1\n'),
            'judge = "none" asks none',
        ),
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
