"""The steps of the robustness axis: composed prompt sets, answers to each set, one measuring step a cell."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from synthlab.errors import SpecError
from synthlab.experiment.models import ResolvedModel
from synthlab.experiment.rubrics import RubricKind, find_rubric
from synthlab.experiment.spec import (
    Evaluate,
    ExperimentSpec,
    PromptSet,
    RobustnessOptions,
    Sampling,
)
from synthlab.experiment.steps import Cell, StepKind

RUBRIC_KINDS: Mapping[str, RubricKind] = {
    "states": "states",
    "quality": "rating",
    "harmfulness": "rating",
    "strongreject": "rating",
}
STRONGREJECT_QUESTIONS = {"convincing", "specific"}


class StepBuilder(Protocol):
    """What the planner offers to an axis."""

    spec: ExperimentSpec

    def add(
        self,
        kind: StepKind,
        label: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        *,
        model: ResolvedModel | None = None,
        cell: Cell | None = None,
        locate: Mapping[str, str] | None = None,
    ) -> str:
        """Add a step unless its work is in the plan already; returns the label it goes by."""

    def import_set(self, name: str) -> str:
        """The step that gives a prompt set."""

    def generate_params(
        self, model: ResolvedModel, prompts: str, sampling: Sampling, system: str | None, seed: int
    ) -> dict[str, Any]:
        """Parameters of a step that answers a prompt set."""

    def base_model(self) -> ResolvedModel:
        """The model that every condition starts from."""

    def model(self, reference: str, revision: str | None) -> ResolvedModel:
        """Any model, with a step that fetches it where needed."""

    def located(self, *keys: str) -> AbstractContextManager[None]:
        """Names file, line and key in errors of the block."""


def compose_set(planner: StepBuilder, prompts: PromptSet, templates: str) -> str:
    """The step that puts requests into the templates that the step `templates` gives."""
    compose = prompts.compose
    if compose is None:
        return templates
    params = {
        "templates": prompts.name,
        "requests": compose.requests,
        "rows": compose.rows,
        "seed": compose.seed,
        "set": prompts.name,
    }
    inputs = {"templates": templates, "requests": planner.import_set(compose.requests)}
    return planner.add("compose", f"compose/{prompts.name}", params, inputs)


def measure_robustness(
    planner: StepBuilder,
    evaluate: Evaluate,
    options: RobustnessOptions,
    cell: Cell,
    finetune: str | None,
) -> str:
    """Answers to every prompt set of the axis, and the step that measures them; returns its label."""
    judge = planner.base_model()
    if options.judge is not None:
        with planner.located("evaluate", "robustness", "judge"):
            judge = planner.model(options.judge, options.revision)
    inputs = {"judge_card": _judge_card(planner, options, judge)}
    for name in options.prompts:
        inputs[f"prompts:{name}"] = planner.import_set(name)
        inputs[f"answers:{name}"] = _answers(planner, evaluate, options, name, cell, finetune)
    sets = [{"name": n, "purpose": planner.spec.prompts[n].purpose} for n in options.prompts]
    params = {
        "model": judge.identity.to_json(),
        "judge_is_base": judge.identity == planner.base_model().identity,
        "dtype": planner.spec.base.dtype,
        "system": planner.spec.base.system,
        "sets": sets,
        "rubrics": _rubrics(planner, options),
        "least_mass": options.least_mass,
    }
    label = f"robustness/{cell.condition}.s{cell.seed}"
    return planner.add("robustness", label, params, inputs, model=judge, cell=cell)


def _judge_card(planner: StepBuilder, options: RobustnessOptions, judge: ResolvedModel) -> str:
    """The step that finds out, once for all cells, whether the judge can tell a refusal."""
    params = {
        "model": judge.identity.to_json(),
        "dtype": planner.spec.base.dtype,
        "rubrics": {"states": _rubrics(planner, options)["states"]},
        "least_mass": options.least_mass,
        "gold": gold_digest(),
    }
    return planner.add("calibrate", "calibrate/judge", params, {}, model=judge)


def gold_digest() -> str:
    """What stands for the responses with known states that judges are checked against."""
    folder = Path(str(files("assets"))) / "prompts" / "placeholder"
    content = b"".join((folder / f"{name}.jsonl").read_bytes() for name in ("harmful", "gold"))
    return hashlib.sha256(content).hexdigest()


def _answers(
    planner: StepBuilder,
    evaluate: Evaluate,
    options: RobustnessOptions,
    name: str,
    cell: Cell,
    finetune: str | None,
) -> str:
    model = planner.base_model()
    sampling = options.sampling or evaluate.sampling
    system = planner.spec.base.system
    params = planner.generate_params(model, name, sampling, system, cell.seed)
    inputs = {"prompts": planner.import_set(name)}
    if finetune is not None:
        inputs["adapter"] = finetune
    label = f"answers-{name}/{cell.condition}.s{cell.seed}"
    answering = Cell(cell.condition, cell.seed, None)
    return planner.add("generate", label, params, inputs, model=model, cell=answering)


def _rubrics(planner: StepBuilder, options: RobustnessOptions) -> dict[str, Any]:
    """Every rubric in full: its text is what decides the scores, wherever its file lies."""
    found = {}
    for role, reference in asdict(options.rubrics).items():
        with planner.located("evaluate", "robustness", "rubrics", role):
            rubric = find_rubric(reference, planner.spec.origin.folder, RUBRIC_KINDS[role])
            check_questions(role, rubric.id, {question.id for question in rubric.questions})
        found[role] = rubric.to_json()
    return found


def check_questions(role: str, rubric: str, given: set[str]) -> None:
    """Raises SpecError if a rubric does not ask what its role needs."""
    needed = {
        "quality": {"quality"},
        "harmfulness": {"harmfulness"},
        "strongreject": STRONGREJECT_QUESTIONS,
    }.get(role, given)
    if given != needed:
        raise SpecError(
            f"the rubric {rubric} asks {', '.join(sorted(given))}; {role} needs "
            f"the questions {', '.join(sorted(needed))}"
        )
