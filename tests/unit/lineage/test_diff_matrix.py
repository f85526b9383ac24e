"""One input is changed at a time: `diff` names exactly that input, for every field of every kind of step."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from synthlab.experiment import steps as steps_module
from synthlab.experiment.load import parse_spec
from synthlab.experiment.plan import build_plan
from synthlab.experiment.steps import Plan
from synthlab.lineage.difference import DiffReport, diff_labelled, diff_nodes
from synthlab.lineage.step_nodes import StepNode
from tests.unit.experiment.examples import EGGS, PATH, EverythingIsThere

HARMFUL = """\
[prompts.harm]
dataset = "harm.jsonl"
purpose = "harmful"
[prompts.jail]
dataset = "jail.jsonl"
purpose = "jailbreak"
compose = { requests = "harm", rows = 9, seed = 1 }

[sources.human]"""
AXES = """\
embedder = "minilm"
seed = 2
[evaluate.robustness]
judge = "judge-model"
least_mass = 0.3
[evaluate.robustness.judging]
method = "parsed"
draws = 3
temperature = 0.9
reply_tokens = 20
[evaluate.bias]
rows = 20
anchors = 2
seed = 1
least_mass = 0.1
"""
SINGLE = "[mixtures.single]"
BASE = EGGS.replace("[sources.human]", HARMFUL, 1).replace(SINGLE, f"{SINGLE}\ntokens = 900") + AXES


def plan_of(text: str, path: Path = PATH) -> Plan:
    return build_plan(parse_spec(text, path), EverythingIsThere())


def changed(*changes: tuple[str, str]) -> str:
    text = BASE
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


BASE_PLAN = plan_of(BASE)
TUNE = "epochs = 2"
MATRIX: dict[str, tuple[str, str, str]] = {
    # what: old text, new text, the one name that diff must give
    "base model": ('model = "base-model"', 'model = "another"', "model"),
    "dtype": ('"float32"', '"bfloat16"', "dtype"),
    "system": ("Be brief", "Be long", "system"),
    "data set": ("data.jsonl", "new.jsonl", "dataset"),
    "other data set": ("other.csv", "new.csv", "dataset"),
    "column": ('"question"', '"title"', "columns.prompt"),
    "category": ('category = "topic"', 'category = "area"', "columns.category"),
    "rows": ("rows = 100", "rows = 99", "rows"),
    "row order": ("rows = 100", "rows = 100\nseed = 9", "order_seed"),
    "held-out share": ("share = 0.2", "share = 0.3", "holdouts.test.share"),
    "held-out seed": ("seed = 3", "seed = 2", "holdouts.test.seed"),
    "strata": (', stratify = "category"', "", "holdouts.test.stratify"),
    "templates": ("jail.jsonl", "jail2.jsonl", "dataset"),
    "requests": ("harm.jsonl", "hurt.jsonl", "dataset"),
    "composed rows": ("rows = 9, seed = 1", "rows = 8, seed = 1", "rows"),
    "composed seed": ("rows = 9, seed = 1", "rows = 9, seed = 7", "seed"),
    "generator": ('model = "llama"', 'model = "gemma"', "model"),
    "revision": ('model = "llama"', 'model = "llama"\nrevision = "v2"', "model"),
    "temperature": ("temperature = 0.7", "temperature = 0.8", "sampling.temperature"),
    "nucleus": ("top_p = 0.9", "top_p = 0.8", "sampling.top_p"),
    "length": ("max_new_tokens = 64", "max_new_tokens = 65", "sampling.max_new_tokens"),
    "source seed": ("seed = 5", "seed = 6", "seed"),
    "source system": ("like a pirate", "like a monk", "system"),
    "source adapter": ('adapter = "human"', 'adapter = "folder"', "adapter"),
    "shares": ("pupil = 2 }", "pupil = 3 }", "shares"),
    "order of shares": ("{ llama = 1, pupil = 2 }", "{ pupil = 2, llama = 1 }", "shares"),
    "one source more": ("pupil = 2 }", "pupil = 2, human = 1 }", "shares"),
    "one source less": ("llama = 1, pupil = 2 }", "pupil = 2 }", "shares"),
    "assignment": ('"folds"', '"random"', "assign"),
    "mixture rows": ("rows = 60", "rows = 61", "rows"),
    "mixture tokens": ("tokens = 900", "tokens = 800", "tokens"),
    "filter": ("min_chars = 10", "min_chars = 11", "filters.min_chars"),
    "truncation filter": (", drop_truncated = true", "", "filters.drop_truncated"),
    "mixture seed": ("seed = 4", "seed = 8", "seed"),
    "rank": ("r = 8", "r = 4", "lora.r"),
    "alpha": ("alpha = 16", "alpha = 8", "lora.alpha"),
    "dropout": ("dropout = 0.0", "dropout = 0.1", "lora.dropout"),
    "targets": ('"q_proj", "v_proj"', '"q_proj"', "lora.targets"),
    "learning rate": ("1e-4", "2e-4", "learning_rate"),
    "epochs": (TUNE, "epochs = 3", "epochs"),
    "batch size": (TUNE, f"{TUNE}\nbatch_size = 2", "batch_size"),
    "accumulation": (TUNE, f"{TUNE}\naccumulation = 3", "accumulation"),
    "max length": (TUNE, f"{TUNE}\nmax_length = 77", "max_length"),
    "warm-up": (TUNE, f"{TUNE}\nwarmup_ratio = 0.2", "warmup_ratio"),
    "weight decay": (TUNE, f"{TUNE}\nweight_decay = 0.2", "weight_decay"),
    "scheduler": (TUNE, f'{TUNE}\nscheduler = "linear"', "scheduler"),
    "loss": (TUNE, f'{TUNE}\nloss = "all"', "loss"),
    "validation share": (TUNE, f"{TUNE}\nvalidation_share = 0.2", "validation_share"),
    "evaluations": (TUNE, f"{TUNE}\neval_every = 9", "eval_every"),
    "patience": (TUNE, f"{TUNE}\npatience = 3", "patience"),
    "sampling of answers": (
        "sampling = { temperature = 0.5 }",
        "sampling = { temperature = 0.6 }",
        "sampling.temperature",
    ),
    "samples": ("samples = 2", "samples = 3", "sampling.samples"),
    "token budget": ("token_budget = 500", "token_budget = 400", "token_budget"),
    "metrics": (
        "token_budget = 500",
        'token_budget = 500\nmetrics = ["length"]',
        "metrics",
    ),
    "embedder": ('embedder = "minilm"\n', "", "embedder"),
    "other embedder": ('"minilm"', '"maxilm"', "embedder"),
    "collapse seed": ("seed = 2\n[", "seed = 3\n[", "seed"),
    "judge": ('"judge-model"', '"jury-model"', "model"),
    "judge that was fetched": ('"judge-model"', '"remote-judge"', "model"),
    "judge is the base": ('judge = "judge-model"\n', "", "model"),
    "least mass": ("least_mass = 0.3", "least_mass = 0.2", "least_mass"),
    "draws of the judge": ("draws = 3", "draws = 4", "judging.draws"),
    "heat of the judge": ("temperature = 0.9", "temperature = 0.8", "judging.temperature"),
    "length of replies": ("reply_tokens = 20", "reply_tokens = 21", "judging.reply_tokens"),
    "purpose": ('purpose = "benign"', 'purpose = "harmful"', "sets.other.purpose"),
    "one set less": (
        "least_mass = 0.3",
        'least_mass = 0.3\nprompts = ["harm", "jail"]',
        "sets.other",
    ),
    "judged rows": ("rows = 20", "rows = 21", "rows"),
    "anchors": ("anchors = 2", "anchors = 3", "anchors"),
    "bias seed": ("seed = 1\nleast_mass = 0.1", "seed = 5\nleast_mass = 0.1", "seed"),
    "bias mass": ("least_mass = 0.1", "least_mass = 0.05", "least_mass"),
    "show the prompt": ("anchors = 2", "anchors = 2\nshow_prompt = false", "show_prompt"),
    "no ratings": ("anchors = 2", "anchors = 2\nratings = false", "rating"),
}
RENAMED = {
    "held-out set": [("prompts.test]", "prompts.exam]")],
    "training set": [
        ("[prompts.train]", "[prompts.school]"),
        ('of = "train"', 'of = "school"'),
        ('kind = "human"\nprompts = "train"', 'kind = "human"\nprompts = "school"'),
        ('prompts = "train"\nmodel', 'prompts = "school"\nmodel'),
        ('prompts = "train"\nadapter', 'prompts = "school"\nadapter'),
    ],
    "harmful set": [("prompts.harm]", "prompts.hurt]"), ('requests = "harm"', 'requests = "hurt"')],
}
RUBRICS = {
    # which: the packaged file, where the experiment names it, what diff must call it
    "states": (
        "refusal-states",
        "least_mass = 0.3\nrubrics = {{ states = {} }}",
        "rubrics.states.",
    ),
    "quality": ("quality", "least_mass = 0.3\nrubrics = {{ quality = {} }}", "rubrics.quality."),
    "pairwise": ("preference/pairwise-ab", "least_mass = 0.1\nrubric = {}", "pairwise."),
    "rating": ("preference/rating-5", "least_mass = 0.1\nrating_rubric = {}", "rating."),
}
OTHERWISE_TESTED = {
    # There is one engine, and the gold responses come with the program.
    ("generate", "engine"),
    ("calibrate", "gold"),
    # A step that measures another set, or trains with another seed, has another label.
    *{("compose", "templates"), ("compose", "set"), ("import", "set"), ("finetune", "seed")},
    *{(kind, "rubrics") for kind in ("robustness", "judge", "calibrate")},
    ("bias", "pairwise"),
}


def nodes_of_plan(plan: Plan) -> dict[str, StepNode]:
    """As `nodes_of_lineage` has them after the run: so hundreds of plans can be compared unrun."""
    found: dict[str, StepNode] = {}
    for step in plan.steps:
        inputs = {given.role: found[given.step] for given in step.inputs}
        version = steps_module.JOB_VERSIONS[step.kind]
        node = StepNode(step.kind, step.label, step.key, version, step.params, inputs)
        for label in (step.label, *(alias.label for alias in step.aliases)):
            found[label] = node
    return found


def diff(text: str) -> DiffReport:
    return diff_labelled(nodes_of_plan(BASE_PLAN), nodes_of_plan(plan_of(text)))


@pytest.mark.parametrize("what", MATRIX)
def test_one_changed_input_is_named_and_nothing_else(what: str) -> None:
    old, new, name = MATRIX[what]
    report = diff(changed((old, new)))
    assert [one.name for one in report.differences] == [name], report
    assert report.differences[0].old != report.differences[0].new
    assert report.notes == ()


@pytest.mark.parametrize("what", RENAMED)
def test_a_renamed_prompt_set_is_one_difference(what: str) -> None:
    report = diff(changed(*RENAMED[what]))
    assert {one.name for one in report.differences} == {"prompt set"}, report


def test_every_parameter_of_every_kind_of_step_is_in_the_matrix() -> None:
    before = {step.label: step for step in BASE_PLAN.steps}
    seen = set()
    texts = [changed((old, new)) for old, new, _ in MATRIX.values()]
    texts.append(changed((TUNE, "max_steps = 30")))
    texts += [changed(*changes) for changes in RENAMED.values()]
    for text in texts:
        for step in plan_of(text).steps:
            if step.label in before:
                old = before[step.label].params
                names = old.keys() | step.params.keys()
                seen |= {(step.kind, n) for n in names if old.get(n) != step.params.get(n)}
    needed = {(step.kind, name) for step in BASE_PLAN.steps for name in step.params}
    assert needed - seen <= OTHERWISE_TESTED
    assert {kind for kind, _ in needed} == set(steps_module.JOB_VERSIONS) - {"fetch"}


@pytest.mark.parametrize("which", RUBRICS)
def test_a_changed_word_of_a_rubric_is_named(which: str, tmp_path: Path) -> None:
    packaged, form, name = RUBRICS[which]
    old = form.partition("\n")[0]
    text = changed((old, form.format('"mine.toml"')))
    original = (Path(str(files("assets"))) / "rubrics" / f"{packaged}.toml").read_text("utf-8")
    reports = []
    changed_words = original.replace("Judge only", "Weigh").replace("Look at whether", "See if")
    assert changed_words != original
    for rubric in (original, changed_words):
        (tmp_path / "mine.toml").write_text(rubric)
        plan = plan_of(text, tmp_path / "eggs.toml")
        reports.append(diff_labelled(nodes_of_plan(BASE_PLAN), nodes_of_plan(plan)))
    assert reports[0].differences == ()
    found = reports[1].differences
    assert found
    assert all(one.name.startswith(name) for one in found), found


@pytest.mark.parametrize("kind", sorted(steps_module.JOB_VERSIONS))
def test_a_new_code_version_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = changed(('"judge-model"', '"remote-judge"'))
    before = nodes_of_plan(plan_of(text))
    versions = dict(steps_module.JOB_VERSIONS)
    versions[kind] += 1  # type: ignore[index]  # parametrised by its own keys
    monkeypatch.setattr("synthlab.experiment.keys.JOB_VERSIONS", versions)
    monkeypatch.setattr(steps_module, "JOB_VERSIONS", versions)
    report = diff_labelled(before, nodes_of_plan(plan_of(text)))
    assert [one.name for one in report.differences] == [f"code version of {kind}"]


def test_seeds_of_a_condition_differ_in_the_seed() -> None:
    nodes = nodes_of_plan(BASE_PLAN)
    for axis in ("collapse", "robustness", "bias"):
        report = diff_nodes([(nodes[f"{axis}/multi.s0"], nodes[f"{axis}/multi.s1"])])
        assert [(one.name, one.old, one.new) for one in report.differences] == [("seed", "0", "1")]


def test_conditions_differ_in_their_mixture_or_in_having_none() -> None:
    nodes = nodes_of_plan(BASE_PLAN)
    report = diff_nodes([(nodes["collapse/vanilla.s0"], nodes["collapse/multi.s0"])])
    assert {(o.name, o.old, o.new) for o in report.differences} == {
        ("adapter", "none", "finetune/multi.s0")
    }
    report = diff_nodes([(nodes["collapse/single.s0"], nodes["collapse/human.s0"])])
    assert "shares" in {one.name for one in report.differences}


def test_equal_plans_do_not_differ() -> None:
    assert diff(BASE) == DiffReport((), ())


def test_steps_in_place_of_epochs_are_two_fields() -> None:
    """The file allows only one of them, so one edit changes both."""
    report = diff(changed((TUNE, "max_steps = 30")))
    assert {(o.name, o.old, o.new) for o in report.differences} == {
        ("epochs", "2", "none"),
        ("max_steps", "none", "30"),
    }


def test_two_changed_inputs_are_two_differences() -> None:
    report = diff(changed(("r = 8", "r = 4"), ("temperature = 0.7", "temperature = 0.1")))
    assert {one.name for one in report.differences} == {"lora.r", "sampling.temperature"}
