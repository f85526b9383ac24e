"""What plans are reckoned to cost, against the study's logs and against counts by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from synthlab.errors import NotAtHandError
from synthlab.experiment.absent import AbsentAllowed
from synthlab.experiment.datasets import ResolvedDataset
from synthlab.experiment.embedders import ResolvedEmbedder
from synthlab.experiment.estimates import Facts, Pace, PlanEstimate, StepEstimate, estimate
from synthlab.experiment.load import load_spec
from synthlab.experiment.models import ResolvedModel
from synthlab.experiment.plan import build_plan
from synthlab.experiment.recipes import find_recipe
from synthlab.experiment.shapes import gpu_of, known_datasets, known_models
from synthlab.experiment.steps import Plan
from synthlab.experiment.training_steps import optimiser_steps, validation_rows
from synthlab.experiment.workload import Counted, workloads
from tests.unit.experiment.examples import EverythingIsThere, plan_of

FACTS = Facts(known_models(), known_datasets(), gpu_of("H100"), has_gpu=False)


class NothingIsThere(EverythingIsThere):
    """A machine without network, models or data."""

    def model(self, reference: str, revision: str | None) -> ResolvedModel:
        raise NotAtHandError(reference)

    def dataset(self, reference: str, revision: str | None, split: str) -> ResolvedDataset:
        if reference.startswith("builtin:"):
            return super().dataset(reference, revision, split)
        raise NotAtHandError(reference)

    def embedder(self, reference: str) -> ResolvedEmbedder:
        raise NotAtHandError(reference)


def recipe(name: str) -> Plan:
    return build_plan(load_spec(find_recipe(name).path), AbsentAllowed(NothingIsThere()))


def of(cost: PlanEstimate, label: str) -> StepEstimate:
    return next(one for one in cost.steps if one.label == label)


def test_the_study_trained_603_and_303_steps() -> None:
    rows = 13_509 - validation_rows(13_509, 0.05)
    small = {"epochs": 3, "batch_size": 4, "accumulation": 16}
    assert optimiser_steps(small, rows) == 603
    assert optimiser_steps({**small, "batch_size": 1, "accumulation": 128}, rows) == 303
    assert optimiser_steps({**small, "max_steps": 7}, rows) == 7


def test_the_plan_of_the_8b_study_has_its_steps_and_nearly_its_hours() -> None:
    cost = estimate(recipe("paper-8b").steps, FACTS)
    multi = of(cost, "finetune/multi.s42")
    assert multi.optimiser_steps == 603
    assert multi.gpus == 1 and multi.basis == "formula"
    assert multi.gpu_hours == pytest.approx(2 * 2968 / 3600, rel=0.25)
    assert not cost.unknown


def test_the_plan_of_the_study_names_its_twelve_models_and_their_steps() -> None:
    plan = recipe("paper")
    small = ("vanilla", "human", "single-small", "multi-small")
    tiers = [
        f"{kind}-{size}" for size in ("small", "medium", "large") for kind in ("single", "multi")
    ]
    large = [f"{name}-70b" for name in ("vanilla", "human", *tiers)]
    assert {cell.cell.condition for cell in plan.cells} == {*small, *large}
    steps = {w.label: w.optimiser_steps for w in estimate(plan.steps, FACTS).steps}
    trained = {name: n for name, n in steps.items() if name.startswith("finetune/")}
    assert trained == {f"finetune/{name}.s42": 603 for name in small[1:]} | {
        f"finetune/{name}.s42": 303 for name in large[1:]
    }


def test_the_study_fits_the_gpus_that_its_recipes_name() -> None:
    assert estimate(recipe("paper-8b").steps, FACTS).most_gpus == 1
    on_b200 = estimate(recipe("paper").steps, replace(FACTS, gpu=gpu_of("B200")))
    assert on_b200.most_gpus == 1
    assert on_b200.cost == pytest.approx(110, rel=0.1)
    assert not on_b200.unknown


def test_what_is_cached_costs_nothing() -> None:
    steps = recipe("paper-8b").steps
    left = [step.label for step in steps if step.kind != "generate"]
    whole, rest = estimate(steps, FACTS), estimate(steps, FACTS, todo=left)
    assert rest.gpu_hours < whole.gpu_hours
    assert of(rest, "finetune/multi.s42") == of(whole, "finetune/multi.s42")


def test_a_price_makes_money_of_hours() -> None:
    steps = recipe("paper-8b").steps
    free, paid = estimate(steps, FACTS), estimate(steps, replace(FACTS, price=2.5))
    assert free.cost == 0
    assert paid.cost == pytest.approx(2.5 * free.gpu_hours)


def test_a_measured_pace_wins_over_the_formula() -> None:
    steps = recipe("paper-8b").steps
    model = "meta-llama/Llama-3.1-8B-Instruct"
    paces = {("finetune", model): Pace(0.5, 3)}
    rows = 3 * (13_509 - 675)
    cost = estimate(steps, replace(FACTS, paces=paces, has_gpu=True))
    measured = of(cost, "finetune/multi.s42")
    assert measured.basis == "measured"
    assert measured.gpu_hours == pytest.approx(0.5 * rows / 3600)
    on_cpu = of(estimate(steps, replace(FACTS, paces=paces)), "finetune/multi.s42")
    assert on_cpu.gpu_hours == 0 and on_cpu.cpu_hours == measured.gpu_hours
    assert of(cost, "answers/multi.s42").basis == "formula"


def test_what_nobody_knows_is_said_and_not_summed() -> None:
    cost = estimate(plan_of(("rows = 100\n", "")).steps, FACTS)
    assert any("rows of data.jsonl are not counted yet" in why for why in cost.unknown)
    assert of(cost, "collapse/multi.s0").gpu_hours is None
    assert cost.gpu_hours == 0
    assert {kind.kind: kind.unknown for kind in cost.kinds}["collapse"] == 8


def test_rows_that_an_import_counted_are_taken() -> None:
    plan = plan_of(("rows = 100\n", ""))
    key = plan.step("import/train").key
    counted = Counted({key: {"train": 70, "test": 30}}, {("llama", 64): 33.0})
    works = workloads(plan.steps, {}, counted)
    assert works["generate/llama"].written == 70 * 33
    assert works["answers/multi.s0"].units == 2 * 30
    assert works["mix/multi"].rows == 60


def test_the_work_of_tiny_is_what_its_jobs_report() -> None:
    works = workloads(recipe("tiny").steps, known_datasets(), Counted())
    assert works["finetune/multi.s0"].steps == 12
    assert works["bias/multi.s0"].units == 240
    assert (
        sum(w.units for n, w in works.items() if n.startswith("judge-") and "multi.s0" in n) == 48
    )
    assert works["collapse/multi.s0"].units == 48
    assert works["collapse/vanilla.s0"].units == 32
    assert works["generate/prose"].units == 32


@pytest.mark.parametrize("name", ["open-small", "sources-1-2-4", "human-share"])
def test_recipes_for_a_24_gb_gpu_fit_one_for_an_evening(name: str) -> None:
    cost = estimate(recipe(name).steps, replace(FACTS, gpu=gpu_of("RTX 4090")))
    assert cost.most_gpus == 1
    assert cost.gpu_hours < 9
    assert not cost.unknown
