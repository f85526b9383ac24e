"""An experiment with several base models, taken apart: one part for each base."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from synthlab.experiment.spec import ExperimentSpec, FurtherBase


class Arm(NamedTuple):
    """The part of an experiment that starts from one base model."""

    keys: tuple[str, ...]
    """Where the base stands in the file."""
    spec: ExperimentSpec


def arms(spec: ExperimentSpec) -> tuple[Arm, ...]:
    """The experiment once for each base, its mixtures renamed to the conditions that they make."""
    first = replace(spec, bases={}, mixtures=spec.trained_on(spec.base))
    others = [Arm(("bases", name), _further(spec, name, base)) for name, base in spec.bases.items()]
    return (Arm(("base",), first), *others)


def _further(spec: ExperimentSpec, name: str, further: FurtherBase) -> ExperimentSpec:
    chosen = {
        f"{mixture}-{name}": replace(one, name=f"{mixture}-{name}")
        for mixture, one in spec.trained_on(further.base).items()
    }
    evaluate = spec.evaluate
    if evaluate is not None and evaluate.bias is not None and further.bias_sources:
        evaluate = replace(evaluate, bias=replace(evaluate.bias, sources=further.bias_sources))
    return replace(
        spec,
        base=replace(further.base, mixtures=()),
        bases={},
        mixtures=chosen,
        finetune=further.finetune,
        evaluate=evaluate,
        untouched=f"{spec.untouched}-{name}",
    )
