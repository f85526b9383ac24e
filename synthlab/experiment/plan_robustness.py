"""The steps of the robustness axis: composed sets, answers, judgements, one measuring step a cell."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from synthlab.errors import SpecError
from synthlab.experiment.kinship import kinship_warning
from synthlab.experiment.models import ModelIdentity, ResolvedModel
from synthlab.experiment.plan_sources import way_to
from synthlab.experiment.robustness_roles import ROLES_OF
from synthlab.experiment.robustness_section import judge_as_source
from synthlab.experiment.rubrics import RubricKind, find_rubric
from synthlab.experiment.spec import (
    NO_JUDGE,
    Evaluate,
    ExperimentSpec,
    PromptSet,
    Purpose,
    RobustnessOptions,
    Sampling,
    Source,
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
        observing: Mapping[str, Any] | None = None,
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
    """Answers to every prompt set of the axis, judgements of them under each rubric, and the step
    that makes numbers of both; returns its label."""
    sets = [
        AskedSet(name, planner.spec.prompts[name].purpose, planner.import_set(name), answers)
        for name in options.prompts
        for answers in [_answers(planner, evaluate, options, name, cell, finetune)]
    ]
    inputs = _set_inputs(sets)
    params: dict[str, Any] = {
        "model": None,
        "system": planner.spec.base.system,
        "sets": [one.to_json() for one in sets],
    }
    warning = ""
    if options.judge != NO_JUDGE:
        asking = _find_judge(planner, options)
        rubrics = _rubrics(planner, options)
        inputs["judge_card"] = _judge_card(planner, asking, options, rubrics)
        for role, rubric in rubrics.items():
            asked = [one for one in sets if role in ROLES_OF[one.purpose]]
            if asked:
                label = f"judge-{role}/{cell.condition}.s{cell.seed}"
                inputs[f"judgements:{role}"] = _judge(planner, asking, {role: rubric}, asked, label)
        params |= {**asking.params, "rubrics": rubrics, "least_mass": options.least_mass}
        warning = kinship_warning(asking.model, planner.base_model())
    label = f"robustness/{cell.condition}.s{cell.seed}"
    observing = {"warning": warning} if warning else {}
    return planner.add("robustness", label, params, inputs, cell=cell, observing=observing)


@dataclass(frozen=True)
class AskedSet:
    """One prompt set of the axis with the condition's answers to it."""

    name: str
    purpose: Purpose
    prompts: str
    """The step that gives the set."""
    answers: str
    """The step that answers it."""

    def to_json(self) -> dict[str, str]:
        """As it stands in the parameters of steps."""
        return {"name": self.name, "purpose": self.purpose}


@dataclass(frozen=True)
class Asking:
    """Who judges and how; the same for every cell."""

    model: ResolvedModel
    params: Mapping[str, Any]
    """What decides the judge's reply, as it stands in the parameters of steps."""
    served: Source | None = None
    """How the server is reached, for a judge that is not computed here."""

    def add(
        self,
        planner: StepBuilder,
        kind: StepKind,
        label: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
    ) -> str:
        """Add a step in which the judge is asked; returns its label."""
        whole = {**self.params, **params}
        if self.served is None:
            return planner.add(kind, label, whole, inputs, model=self.model)
        place = self.served.base_url or ""
        warning = (
            f"nobody can check which model judges at {place} as {self.served.model}; its judgements"
            " are reused by that name"
        )
        return planner.add(
            kind,
            label,
            whole,
            inputs,
            locate={"server": place},
            observing={"warning": warning, **way_to(self.served)},
        )


def _find_judge(planner: StepBuilder, options: RobustnessOptions) -> Asking:
    judging = options.judging
    taken = {
        "method": judging.method,
        "draws": judging.draws,
        "temperature": judging.temperature,
        "reply_tokens": judging.reply_tokens,
    }
    if judging.engine == "openai":
        identity = ModelIdentity(options.judge or "", options.revision, None)
        params = {"model": identity.to_json(), "engine": judging.engine, "judging": taken}
        served = judge_as_source(options.judge, options.revision, judging)
        return Asking(ResolvedModel(identity, None), params, served)
    model = planner.base_model()
    if options.judge is not None:
        with planner.located("evaluate", "robustness", "judge"):
            model = planner.model(options.judge, options.revision)
    params = {
        "model": model.identity.to_json(),
        "dtype": planner.spec.base.dtype,
        "judging": taken,
    }
    return Asking(model, params)


def _set_inputs(sets: Sequence[AskedSet]) -> dict[str, str]:
    inputs = {}
    for one in sets:
        inputs[f"prompts:{one.name}"] = one.prompts
        inputs[f"answers:{one.name}"] = one.answers
    return inputs


def _judge(
    planner: StepBuilder,
    asking: Asking,
    rubrics: Mapping[str, Any],
    sets: Sequence[AskedSet],
    label: str,
) -> str:
    """The step in which the judge reads the answers under one rubric."""
    params = {"rubrics": rubrics, "sets": [one.to_json() for one in sets]}
    return asking.add(planner, "judge", label, params, _set_inputs(sets))


def _judge_card(
    planner: StepBuilder, asking: Asking, options: RobustnessOptions, rubrics: Mapping[str, Any]
) -> str:
    """The step that finds out, once for all cells, whether the judge can tell a refusal."""
    params = {
        "rubrics": {"states": rubrics["states"]},
        "least_mass": options.least_mass,
        "gold": gold_digest(),
    }
    return asking.add(planner, "calibrate", "calibrate/judge", params, {})


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
