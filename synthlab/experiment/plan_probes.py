"""What a fine-tuning step is told about being watched: outside its key, because it changes no adapter."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

from synthlab.experiment.preference_rubrics import find_preference_rubric
from synthlab.experiment.probes import AXES
from synthlab.experiment.spec import (
    Axis,
    BiasOptions,
    Evaluate,
    ExperimentSpec,
    Probe,
    Sampling,
)

OBSERVING = ("probe", "save_every")
"""Settings of `[finetune]` that only decide what is seen and kept of the training on its way."""


class Watched(Protocol):
    """What is needed of a planner."""

    spec: ExperimentSpec

    def located(self, *keys: str) -> AbstractContextManager[None]: ...


def observe_training(planner: Watched) -> dict[str, Any]:
    """The observing parameters of every fine-tuning step of an experiment.

    `probe` is None where no axis is to be probed. Raises NotFoundError for a rubric that is not there.
    """
    finetune, evaluate = planner.spec.finetune, planner.spec.evaluate
    axes = probed_axes(finetune.probe, evaluate)
    if finetune.probe is None or not axes:
        return {"save_every": finetune.save_every, "probe": None}
    probe: dict[str, Any] = {
        "every": finetune.probe.every,
        "prompts": finetune.probe.prompts,
        "samples": finetune.probe.samples,
        "max_new_tokens": finetune.probe.max_new_tokens,
        "axes": list(axes),
        "share": finetune.probe.share,
    }
    sampling = evaluate.sampling if evaluate is not None else Sampling()
    probe |= {"temperature": sampling.temperature, "top_p": sampling.top_p}
    if "bias" in axes:
        bias = (evaluate.bias if evaluate is not None else None) or BiasOptions()
        with planner.located("evaluate", "bias", "rubric"):
            rubric = find_preference_rubric(bias.rubric, planner.spec.origin.folder, "pairwise")
        probe["judge"] = {
            "rubric": rubric.to_json(),
            "least_mass": bias.least_mass,
            "show_prompt": bias.show_prompt,
        }
    return {"save_every": finetune.save_every, "probe": probe}


def probed_axes(probe: Probe | None, evaluate: Evaluate | None) -> tuple[Axis, ...]:
    """The axes that are named, else those that the experiment measures in the end."""
    if probe is None:
        return ()
    if probe.axes is not None:
        return probe.axes
    measured = {
        "collapse": evaluate is not None and evaluate.collapse is not None,
        "robustness": evaluate is not None and evaluate.robustness is not None,
        "bias": evaluate is not None and evaluate.bias is not None,
    }
    return tuple(axis for axis in AXES if measured[axis])
