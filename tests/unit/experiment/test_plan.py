"""Plans: what is in a key, what is not, and which steps an edit touches."""

from __future__ import annotations

import pytest

from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment import steps as steps_module
from synthlab.experiment.plan import build_plan, whole_weights
from synthlab.experiment.spec import Share
from synthlab.experiment.steps import Cell, Plan, Step
from tests.unit.experiment.examples import EverythingIsThere, eggs, plan_of

IMPORT = {"import/train"}
OTHER = {"import/other"}
LLAMA = {"generate/llama"}
PUPIL = {"generate/pupil"}
HUMAN = {"mix/human", "finetune/human.s0", "finetune/human.s1"}
SINGLE = {"mix/single", "finetune/single.s0", "finetune/single.s1"}
MULTI = {"mix/multi", "finetune/multi.s0", "finetune/multi.s1"}
COLLAPSE = {f"collapse/{c}.s{s}" for c in ("vanilla", "human", "single", "multi") for s in (0, 1)}
ANSWERS = {label.replace("collapse", "answers") for label in COLLAPSE}
EVERYTHING = IMPORT | OTHER | LLAMA | PUPIL | HUMAN | SINGLE | MULTI | ANSWERS | COLLAPSE


def measured(*conditions: str) -> set[str]:
    wanted = ANSWERS | COLLAPSE
    return {label for label in wanted if label.split("/")[1].split(".")[0] in conditions}


def keys(plan: Plan) -> dict[str, str]:
    return {step.label: step.key for step in plan.steps}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {
        label for label in before.keys() | after.keys() if before.get(label) != after.get(label)
    }


def test_the_plan_has_every_step_once_and_inputs_first() -> None:
    plan = plan_of()
    assert {step.label for step in plan.steps} == EVERYTHING
    assert len(plan.steps) == len(EVERYTHING)
    seen: set[str] = set()
    for step in plan.steps:
        assert {given.step for given in step.inputs} <= seen, step.label
        seen.add(step.label)


TRAINED = HUMAN | PUPIL | MULTI | measured("human", "multi")
MATRIX = {
    "name": (('name = "eggs"', 'name = "ham"'), set()),
    "description": (('name = "eggs"', 'name = "eggs"\ndescription = "x"'), set()),
    "probe": (("every = 50", "every = 7"), set()),
    "no probe": (("{ every = 50 }", "false"), set()),
    "probed axes": (("every = 50", 'axes = ["bias"], share = 0.5'), set()),
    "checkpoints": (("probe = { every = 50 }", "save_every = 3"), set()),
    "equal shares": (("{ llama = 1, pupil = 2 }", "{ llama = 0.5, pupil = 1.0 }"), set()),
    "purpose": (('purpose = "benign"', 'purpose = "harmful"'), set()),
    "base model": (
        ('"base-model"', '"another"'),
        EVERYTHING - IMPORT - OTHER - LLAMA - {"mix/human", "mix/single"},
    ),
    "dtype": (('"float32"', '"bfloat16"'), EVERYTHING - IMPORT - OTHER - {"mix/human"}),
    "base system": (
        ("Be brief", "Be long"),
        EVERYTHING - IMPORT - OTHER - {"mix/human"},
    ),
    "data set": (("data.jsonl", "new.jsonl"), EVERYTHING - OTHER),
    "other data set": (("other.csv", "new.csv"), OTHER),
    "column": (('"question"', '"{title}: {question}"'), EVERYTHING - OTHER),
    "rows": (("rows = 100", "rows = 99"), EVERYTHING - OTHER),
    "holdout": (("share = 0.2", "share = 0.3"), EVERYTHING - OTHER),
    "holdout seed": (("seed = 3", "seed = 2"), EVERYTHING - OTHER),
    "generator": (
        ('"llama"\ns', '"gemma"\ns'),
        LLAMA | SINGLE | MULTI | measured("single", "multi"),
    ),
    "sampling": (
        ("temperature = 0.7", "temperature = 0.8"),
        LLAMA | SINGLE | MULTI | measured("single", "multi"),
    ),
    "source seed": (("seed = 5", "seed = 6"), LLAMA | SINGLE | MULTI | measured("single", "multi")),
    "persona": (("pirate", "poet"), PUPIL | MULTI | measured("multi")),
    "adapter": (
        ('adapter = "human"', 'adapter = "some/folder"'),
        PUPIL | MULTI | measured("multi"),
    ),
    "shares": (("pupil = 2", "pupil = 3"), MULTI | measured("multi")),
    "assign": (('"folds"', '"random"'), MULTI | measured("multi")),
    "mixture rows": (("rows = 60", "tokens = 900"), MULTI | measured("multi")),
    "filters": (("min_chars = 10", "min_chars = 11"), MULTI | measured("multi")),
    "mixture seed": (("seed = 4", "seed = 9"), MULTI | measured("multi")),
    "learning rate": (
        ("1e-4", "2e-4"),
        (HUMAN | SINGLE | MULTI | PUPIL | measured("human", "single", "multi"))
        - {"mix/human", "mix/single"},
    ),
    "lora": (
        ("r = 8", "r = 4"),
        (HUMAN | SINGLE | MULTI | PUPIL | measured("human", "single", "multi"))
        - {"mix/human", "mix/single"},
    ),
    "steps": (
        ("epochs = 2", "max_steps = 20"),
        (HUMAN | SINGLE | MULTI | PUPIL | measured("human", "single", "multi"))
        - {"mix/human", "mix/single"},
    ),
    "answer sampling": (("temperature = 0.5", "temperature = 0.6"), ANSWERS | COLLAPSE),
    "answer samples": (("samples = 2", "samples = 3"), ANSWERS | COLLAPSE),
    "evaluated set": (("[evaluate]", '[evaluate]\nprompts = "other"'), ANSWERS | COLLAPSE),
    "token budget": (("token_budget = 500", "token_budget = 400"), COLLAPSE),
}


@pytest.mark.parametrize("edit", MATRIX)
def test_an_edit_changes_exactly_the_keys_it_touches(edit: str) -> None:
    change, expected = MATRIX[edit]
    assert changed(keys(plan_of()), keys(plan_of(change))) == expected


def test_a_training_is_told_how_it_is_watched_outside_its_key() -> None:
    step = plan_of(("{ every = 50 }", "{ every = 7, prompts = 5 }")).step("finetune/human.s0")
    assert not {"probe", "save_every"} & step.params.keys()
    assert step.observing["save_every"] is None
    probe = step.observing["probe"]
    assert (probe["every"], probe["prompts"], probe["axes"]) == (7, 5, ["collapse"])
    assert probe["temperature"] == 0.5
    assert "judge" not in probe
    every = plan_of(("{ every = 50 }", '{ axes = ["bias", "robustness"] }'))
    told = every.step("finetune/human.s0").observing["probe"]
    assert told["axes"] == ["robustness", "bias"]
    assert told["judge"]["rubric"]["id"] == "pairwise-ab"
    off = plan_of(("probe = { every = 50 }", "probe = false\nsave_every = 9"))
    assert off.step("finetune/human.s0").observing == {"save_every": 9, "probe": None}


def test_a_code_version_changes_its_steps_and_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys(plan_of())
    monkeypatch.setitem(steps_module.JOB_VERSIONS, "collapse", 99)
    assert changed(before, keys(plan_of())) == COLLAPSE


def test_a_new_seed_adds_only_its_own_cells() -> None:
    before, after = keys(plan_of()), keys(plan_of(("[0, 1]", "[0, 1, 2]")))
    added = {f"finetune/{c}.s2" for c in ("human", "single", "multi")} | {
        f"{kind}/{c}.s2"
        for kind in ("answers", "collapse")
        for c in ("vanilla", "human", "single", "multi")
    }
    assert changed(before, after) == added


def test_renaming_a_mixture_and_its_sources_changes_no_key() -> None:
    renamed = plan_of(
        ("[mixtures.multi]", "[mixtures.zoo]"),
        ("[sources.llama]", "[sources.alpaca]"),
        ("llama = 1", "alpaca = 1"),
        ("[sources.human]", "[sources.people]"),
        ("human = 1", "people = 1"),
    )
    assert sorted(keys(renamed).values()) == sorted(keys(plan_of()).values())
    assert "answers/zoo.s0" in keys(renamed)


def test_places_on_this_machine_are_not_in_keys() -> None:
    class Elsewhere(EverythingIsThere):
        def dataset(self, reference: str, revision: str | None, split: str):  # type: ignore[no-untyped-def]
            found = super().dataset(reference, revision, split)
            return type(found)(found.params, {"dataset": f"/mnt/{reference}"})

    plan = build_plan(eggs(), Elsewhere())
    assert keys(plan) == keys(plan_of())
    assert plan.step("import/train").locate == {"dataset": "/mnt/data.jsonl"}


def test_equal_work_is_done_once_and_keeps_all_its_names() -> None:
    plan = plan_of(("[finetune]", "[mixtures.twin]\nshares = { llama = 3 }\n[finetune]"))
    assert {step.label for step in plan.steps} == EVERYTHING
    shared = plan.step("finetune/twin.s1")
    assert shared.label == "finetune/single.s1"
    assert [alias.cell for alias in shared.aliases] == [Cell("twin", 1, None)]
    cell = next(c for c in plan.cells if c.cell == Cell("twin", 1, "collapse"))
    assert (cell.step, cell.answers) == ("collapse/single.s1", "answers/single.s1")


def test_every_cell_knows_its_steps() -> None:
    plan = plan_of()
    assert [c.cell for c in plan.cells] == [
        Cell(condition, seed, "collapse")
        for condition in ("vanilla", "human", "single", "multi")
        for seed in (0, 1)
    ]
    vanilla, multi = plan.cells[0], plan.cells[-1]
    assert (vanilla.finetune, multi.finetune) == (None, "finetune/multi.s1")
    roles = {given.role: given.step for given in plan.step(multi.step).inputs}
    assert roles == {
        "answers": "answers/multi.s1",
        "human": "import/train",
        "adapter": "finetune/multi.s1",
    }
    assert "adapter" not in {given.role for given in plan.step(vanilla.answers or "").inputs}


def test_a_model_that_is_elsewhere_is_fetched_once() -> None:
    plan = plan_of(('"base-model"', '"remote/Base.Model"'), ('"llama"\ns', '"remote/other"\ns'))
    fetches = [step for step in plan.steps if step.kind == "fetch"]
    assert [step.label for step in fetches] == ["fetch/base-model", "fetch/other"]
    for step in plan.steps:
        if step.needs_model:
            wanted = "fetch/other" if step.label == "generate/llama" else "fetch/base-model"
            assert ("model", wanted) in [(i.role, i.step) for i in step.inputs]
            assert "model" not in step.locate
    # Another revision of the base reaches everything that loads it, through the key of the fetch.
    pinned = plan_of(
        ('"base-model"', '"remote/Base.Model"\nrevision = "v2"'),
        ('"llama"\ns', '"remote/other"\ns'),
    )
    assert "generate/llama" not in changed(keys(plan), keys(pinned))
    assert {"fetch/base-model", "generate/pupil"} <= changed(keys(plan), keys(pinned))


def params_of(step: Step) -> dict[str, object]:
    return dict(step.params)


def test_parameters_hold_what_the_jobs_need() -> None:
    plan = plan_of()
    assert params_of(plan.step("import/train"))["holdouts"] == [
        {"set": "test", "share": 0.2, "rows": None, "stratify": "category", "seed": 3}
    ]
    answers = params_of(plan.step("answers/multi.s1"))
    assert (answers["prompts"], answers["seed"], answers["system"]) == ("test", 1, "Be brief.")
    assert answers["sampling"] == {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_new_tokens": 1024,
        "samples": 2,
    }
    mix = params_of(plan.step("mix/multi"))
    assert mix["parts"] == [
        {"role": "responses:0", "share": 1, "set": None},
        {"role": "responses:1", "share": 2, "set": None},
    ]
    human = params_of(plan.step("mix/human"))
    assert human["parts"] == [{"role": "responses:0", "share": 1, "set": "train"}]
    finetune = params_of(plan.step("finetune/multi.s1"))
    assert finetune["lora"] == {
        "r": 8,
        "alpha": 16,
        "dropout": 0.0,
        "targets": ["q_proj", "v_proj"],
    }
    assert (finetune["seed"], finetune["epochs"], finetune["max_steps"]) == (1, 2.0, None)


def test_the_adapter_of_a_mixture_fits_only_the_base() -> None:
    with pytest.raises(SpecError, match=r"sources\.pupil\.adapter"):
        plan_of(('adapter = "human"', 'adapter = "human"\nmodel = "llama"'))


def test_what_is_not_found_is_told_with_its_line() -> None:
    class NothingIsThere(EverythingIsThere):
        def model(self, reference: str, revision: str | None):  # type: ignore[no-untyped-def]
            raise NotFoundError(f"no {reference}", "install it")

    with pytest.raises(NotFoundError) as caught:
        build_plan(eggs(), NothingIsThere())
    assert caught.value.message == "eggs.toml:6: base.model: no base-model"
    assert caught.value.hint == "install it"


def test_what_cannot_be_read_is_told_with_its_line() -> None:
    class Locked(EverythingIsThere):
        def model(self, reference: str, revision: str | None):  # type: ignore[no-untyped-def]
            raise PermissionError(13, "Permission denied", "/models/w")

    with pytest.raises(NotFoundError, match=r"eggs\.toml:6: base\.model: cannot be read: .*denied"):
        build_plan(eggs(), Locked())


def test_weights_are_whole_and_reduced() -> None:
    shares = tuple(Share(f"s{i}", w) for i, w in enumerate((0.1, 0.2, 0.7)))
    assert whole_weights(shares) == (1, 2, 7)
    assert whole_weights((Share("a", 4.0), Share("b", 2.0))) == (2, 1)


def test_without_an_axis_the_answers_are_the_end() -> None:
    plan = plan_of(("[evaluate.collapse]\ntoken_budget = 500\n", ""))
    assert not [step for step in plan.steps if step.kind == "collapse"]
    assert plan.cells[-1].step == "answers/multi.s1"
    assert plan.cells[-1].cell.axis is None
