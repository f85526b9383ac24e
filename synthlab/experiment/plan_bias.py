"""The steps of the self-preference axis: texts of all sources and conditions, one judging step a cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from synthlab.experiment.plan_robustness import StepBuilder
from synthlab.experiment.preference_rubrics import find_preference_rubric
from synthlab.experiment.spec import BiasOptions, Evaluate, Mixture, Source
from synthlab.experiment.steps import Cell, PlanCell


class BiasBuilder(StepBuilder, Protocol):
    """What the planner offers beside to this axis."""

    def generate(self, source: Source, prompts: str | None = None) -> str:
        """The step by which a model source answers a prompt set."""

    def answers(self, evaluate: Evaluate, condition: str, seed: int, finetune: str | None) -> str:
        """The step by which a condition answers the prompts of `[evaluate]`."""

    def finetune(self, mixture: Mixture, seed: int) -> str:
        """The step that trains a condition's adapter."""


def measure_bias(
    planner: BiasBuilder, evaluate: Evaluate, options: BiasOptions
) -> Iterator[PlanCell]:
    """Every condition judges the sources' texts and those of all conditions of its seed.

    All judges of one seed see the same texts, so that each can be on the others' panel.
    """
    spec = planner.spec
    rubrics = _rubrics(planner, options)
    sources = [_source_texts(planner, spec.sources[name], options) for name in options.sources]
    for seed in spec.seeds:
        adapters: dict[str, str | None] = {}
        for condition in spec.conditions:
            mixture = spec.mixtures.get(condition)
            adapters[condition] = planner.finetune(mixture, seed) if mixture else None
        answers = {
            condition: _answers(planner, evaluate, options, condition, seed, adapter)
            for condition, adapter in adapters.items()
        }
        texts = [(*one, "source") for one in dict.fromkeys(sources)]
        known = {step for step, _, _ in texts}
        # A source may be the very step that answers for a condition; its texts stand there once.
        texts += [(step, None, "answers") for step in answers.values() if step not in known]
        for condition, adapter in adapters.items():
            cell = Cell(condition, seed, "bias")
            step = _judge(planner, options, rubrics, texts, cell, adapter)
            yield PlanCell(cell, step, answers[condition], adapter)


def _judge(
    planner: BiasBuilder,
    options: BiasOptions,
    rubrics: dict[str, Any],
    texts: list[tuple[str, str | None, str]],
    cell: Cell,
    adapter: str | None,
) -> str:
    model = planner.base_model()
    candidates = [
        {"role": f"candidate:{i}", "kind": kind, "set": given}
        for i, (_, given, kind) in enumerate(texts)
    ]
    params = {
        "model": model.identity.to_json(),
        "prompts": options.prompts,
        "candidates": candidates,
        "rows": options.rows,
        "show_prompt": options.show_prompt,
        **rubrics,
        "least_mass": options.least_mass,
        "anchors": options.anchors,
        "seed": options.seed,
        "dtype": planner.spec.base.dtype,
    }
    inputs = {"prompts": planner.import_set(options.prompts)}
    inputs |= {f"candidate:{i}": step for i, (step, _, _) in enumerate(texts)}
    if adapter is not None:
        inputs["adapter"] = adapter
    label = f"bias/{cell.condition}.s{cell.seed}"
    return planner.add("bias", label, params, inputs, model=model, cell=cell)


def _source_texts(
    planner: BiasBuilder, source: Source, options: BiasOptions
) -> tuple[str, str | None]:
    """The step that holds a source's texts, and the set name if it is an import."""
    if source.kind == "human":
        return planner.import_set(options.prompts), options.prompts
    return planner.generate(source, options.prompts), None


def _answers(
    planner: BiasBuilder,
    evaluate: Evaluate,
    options: BiasOptions,
    condition: str,
    seed: int,
    adapter: str | None,
) -> str:
    if options.prompts == evaluate.prompts:
        return planner.answers(evaluate, condition, seed, adapter)
    model = planner.base_model()
    system = planner.spec.base.system
    params = planner.generate_params(model, options.prompts, evaluate.sampling, system, seed)
    inputs = {"prompts": planner.import_set(options.prompts)}
    if adapter is not None:
        inputs["adapter"] = adapter
    label = f"answers-{options.prompts}/{condition}.s{seed}"
    return planner.add(
        "generate", label, params, inputs, model=model, cell=Cell(condition, seed, None)
    )


def _rubrics(planner: BiasBuilder, options: BiasOptions) -> dict[str, Any]:
    """Both rubrics in full: their text decides the numbers, wherever its file lies."""
    folder = planner.spec.origin.folder
    with planner.located("evaluate", "bias", "rubric"):
        pairwise = find_preference_rubric(options.rubric, folder, "pairwise")
    if not options.ratings:
        return {"pairwise": pairwise.to_json(), "rating": None}
    with planner.located("evaluate", "bias", "rating_rubric"):
        rating = find_preference_rubric(options.rating_rubric, folder, "rating")
    return {"pairwise": pairwise.to_json(), "rating": rating.to_json()}
