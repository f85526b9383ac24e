"""Several base models in one file: their conditions, what they share and what they change."""

from __future__ import annotations

import pytest

from synthlab.errors import SpecError
from synthlab.experiment.plan import build_plan
from synthlab.experiment.steps import Plan
from tests.unit.experiment.examples import EverythingIsThere, eggs

BIG = """[bases.big]
model = "big-model"
mixtures = ["human"]
finetune = { batch_size = 1, accumulation = 8 }

[prompts.train]"""


def planned(*changes: tuple[str, str]) -> Plan:
    return build_plan(eggs(("[prompts.train]", BIG), *changes), EverythingIsThere())


def test_a_further_base_adds_its_own_conditions() -> None:
    spec = eggs(("[prompts.train]", BIG))
    assert spec.conditions == ("vanilla", "human", "single", "multi", "vanilla-big", "human-big")
    assert {cell.cell.condition for cell in planned().cells} == set(spec.conditions)


def test_the_first_base_can_leave_mixtures_to_the_others() -> None:
    spec = eggs(("[prompts.train]", BIG), ('dtype = "float32"', 'mixtures = ["single"]'))
    assert spec.conditions == ("vanilla", "single", "vanilla-big", "human-big")


def test_bases_share_sources_and_mixtures_and_nothing_else() -> None:
    plan = planned()
    alone = {step.label: step.key for step in build_plan(eggs(), EverythingIsThere()).steps}
    both = {step.label: step.key for step in plan.steps}
    assert {label: both[label] for label in alone} == alone
    added = both.keys() - alone.keys()
    assert {label.split(".")[0] for label in added} == {
        "finetune/human-big",
        "answers/vanilla-big",
        "answers/human-big",
        "collapse/vanilla-big",
        "collapse/human-big",
    }
    assert plan.step("mix/human-big").label == "mix/human"


def test_training_changes_only_where_the_base_says_so() -> None:
    plan = planned()
    ours, theirs = (plan.step(f"finetune/human{end}.s0").params for end in ("-big", ""))
    changed = {name for name in theirs if ours[name] != theirs[name]}
    assert changed == {"model", "batch_size", "accumulation"}
    assert ours["system"] == "Be brief."


def test_a_source_without_a_model_is_the_first_base_for_all() -> None:
    plan = planned(('mixtures = ["human"]', 'mixtures = ["multi"]'))
    assert plan.step("mix/multi-big").label == "mix/multi"
    assert plan.step("generate/pupil").params["model"]["id"] == "base-model"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('mixtures = ["human"]', 'mixtures = ["humans"]', 'did you mean "human"'),
        ('model = "big-model"', "", "bases.big.model: is missing"),
        ("batch_size = 1", "batch_size = 0", "bases.big.finetune.batch_size"),
        ("batch_size = 1", "batchsize = 1", "unknown key"),
        ("accumulation = 8 }", 'accumulation = 8 }\nbias_sources = ["nobody"]', "no source"),
    ],
)
def test_faults_name_their_line(old: str, new: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        eggs(("[prompts.train]", BIG), (old, new))
    assert str(caught.value).startswith("eggs.toml:")


def test_a_fault_of_the_shared_training_is_told_once() -> None:
    with pytest.raises(SpecError) as caught:
        eggs(("[prompts.train]", BIG), ("learning_rate = 1e-4", "learning_rate = 7"))
    assert caught.value.message.count("learning_rate") == 1
