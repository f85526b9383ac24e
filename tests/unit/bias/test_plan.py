"""`[evaluate.bias]`: which texts meet which judge, and what an edit makes anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthlab.errors import SpecError
from synthlab.experiment.plan import build_plan
from synthlab.experiment.spec import BiasOptions
from synthlab.experiment.steps import Plan
from tests.unit.experiment.examples import EverythingIsThere, eggs, plan_of

BIAS = ("token_budget = 500", "token_budget = 500\n[evaluate.bias]\nrows = 12")
CONDITIONS = ("vanilla", "human", "single", "multi")


def keys(plan: Plan) -> dict[str, str]:
    return {step.label: step.key for step in plan.steps}


def bias_with(*lines: str) -> tuple[str, str]:
    return (BIAS[0], "\n".join((BIAS[1], *lines)))


def test_every_condition_judges_all_sources_and_all_conditions_of_its_seed() -> None:
    plan = plan_of(BIAS)
    for seed in (0, 1):
        expected = {
            "import/train",
            "generate-test/llama",
            "generate-test/pupil",
            *(f"answers/{condition}.s{seed}" for condition in CONDITIONS),
        }
        seen = set()
        for condition in CONDITIONS:
            step = plan.step(f"bias/{condition}.s{seed}")
            roles = {given.role: given.step for given in step.inputs}
            candidates = step.params["candidates"]
            texts = tuple(roles[one["role"]] for one in candidates)
            assert set(texts) == expected
            assert len(texts) == len(expected)
            assert [one["kind"] for one in candidates] == ["source"] * 3 + ["answers"] * 4
            assert candidates[0]["set"] == "test"
            adapter = None if condition == "vanilla" else f"finetune/{condition}.s{seed}"
            assert roles.get("adapter") == adapter
            assert step.needs_model
            seen.add(texts)
        assert len(seen) == 1
    cells = [cell for cell in plan.cells if cell.cell.axis == "bias"]
    assert [(c.cell.condition, c.cell.seed) for c in cells] == [
        (condition, seed) for seed in (0, 1) for condition in CONDITIONS
    ]


def test_the_axis_adds_steps_and_changes_none() -> None:
    before, after = keys(plan_of()), keys(plan_of(BIAS))
    assert before.items() <= after.items()
    added = after.keys() - before.keys()
    assert {label.split("/")[0] for label in added} == {"bias", "generate-test"}


@pytest.mark.parametrize(
    "line",
    ["show_prompt = false", "ratings = false", "anchors = 1", "least_mass = 0.2", "seed = 3",
     'rubric = "RUBRIC"', 'sources = ["human", "llama"]'],
)  # fmt: skip
def test_an_option_makes_only_the_judging_anew(line: str, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    text = (Path(__file__).parents[3] / "assets/rubrics/preference/pairwise-ab.toml").read_text()
    own.write_text(text.replace("Compare two answers", "Weigh two answers"))
    before = keys(plan_of(BIAS))
    after = keys(plan_of(bias_with(line.replace("RUBRIC", str(own)))))
    changed = {label for label in after if before.get(label) != after[label]}
    assert changed == {label for label in after if label.startswith("bias/")}


def test_a_source_that_answers_as_a_condition_does_stands_there_once() -> None:
    twin = (
        "[sources.pupil]",
        '[sources.same]\nkind = "model"\nprompts = "train"\nsampling = { temperature = 0.5, samples = 2 }\n'
        "[sources.pupil]",
    )
    plan = plan_of(BIAS, twin)
    step = plan.step("bias/human.s0")
    assert plan.step("generate-test/same") == plan.step("answers/vanilla.s0")
    kinds = [one["kind"] for one in step.params["candidates"]]
    assert kinds == ["source"] * 4 + ["answers"] * 3
    assert [one["kind"] for one in plan.step("bias/human.s1").params["candidates"]] == (
        ["source"] * 4 + ["answers"] * 4
    )


def test_articles_of_their_own_are_answered_by_everybody() -> None:
    articles = (
        "[sources.human]",
        '[prompts.news]\ndataset = "news.jsonl"\npurpose = "articles"\n[sources.human]',
    )
    plan = plan_of(BIAS, articles)
    roles = {given.role: given.step for given in plan.step("bias/single.s1").inputs}
    assert roles["prompts"] == roles["candidate:0"] == "import/news"
    assert roles["candidate:1"] == "generate-news/llama"
    assert roles["candidate:6"] == "answers-news/multi.s1"
    alone = build_plan(
        eggs(articles, ("[evaluate.collapse]\ntoken_budget = 500", "[evaluate.bias]")),
        EverythingIsThere(),
    )
    assert not [step.label for step in alone.steps if step.label.startswith("answers/")]


def test_defaults_are_filled_in() -> None:
    evaluate = eggs(BIAS).evaluate
    assert evaluate is not None
    assert evaluate.bias == BiasOptions(
        prompts="test", rows=12, sources=("human", "llama", "pupil")
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('prompts = "tset"', r'evaluate\.bias\.prompts.*did you mean "test"'),
        ('sources = ["human", "lama"]', r'evaluate\.bias\.sources.*did you mean "llama"'),
        ('sources = ["human"]', "at least two sources, and there is 1"),
        ("show_promt = true", 'did you mean "show_prompt"'),
        ("least_mass = 2.0", "at most 1"),
        ("anchors = -1", "at least 0"),
    ],
)
def test_faults_are_named_with_their_line(line: str, words: str) -> None:
    with pytest.raises(SpecError, match=rf"eggs\.toml:\d+: .*{words}"):
        eggs(bias_with(line))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('rubric = "pairwise-abc"', 'did you mean "pairwise-ab"'),
        ('rubric = "rating-5"', "is a rating rubric, and a pairwise one is needed"),
        ('rating_rubric = "nowhere.toml"', "no rubric"),
    ],
)
def test_a_rubric_that_cannot_be_used_is_named_with_its_line(line: str, words: str) -> None:
    with pytest.raises(Exception, match=rf"eggs\.toml:\d+: evaluate\.bias\.\w+: .*{words}"):
        plan_of(bias_with(line))
