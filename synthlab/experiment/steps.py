"""What a plan is made of: steps with content keys, and the cells of the comparison they serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NewType, TypeAlias

from synthlab.errors import NotFoundError

StepKind: TypeAlias = Literal[
    "fetch",
    "import",
    "generate",
    "mix",
    "finetune",
    "collapse",
    "compose",
    "calibrate",
    "judge",
    "robustness",
    "bias",
]
StepKey = NewType("StepKey", str)
Json: TypeAlias = Any
"""A value that JSON can hold."""

JOB_VERSIONS: Mapping[StepKind, int] = {
    "fetch": 1,
    "import": 1,
    "generate": 1,
    "mix": 1,
    "finetune": 1,
    "collapse": 1,
    "compose": 1,
    "calibrate": 1,
    "judge": 1,
    "robustness": 2,
    "bias": 1,
}
"""Raised when a job's code would give another output for the same parameters; part of the key."""


@dataclass(frozen=True)
class StepInput:
    """An output that a step reads."""

    role: str
    """The name that the job knows the input by."""
    step: str
    """Label of the step it comes from."""


@dataclass(frozen=True)
class Cell:
    """One place of the comparison."""

    condition: str
    seed: int
    axis: str | None
    """The axis that the step measures; None for a step that makes what is measured."""


@dataclass(frozen=True)
class StepAlias:
    """Another name under which the same work was asked for."""

    label: str
    cell: Cell | None


@dataclass(frozen=True)
class Step:
    """One piece of work: everything that decides its output, and nothing else, is in its key."""

    kind: StepKind
    label: str
    """Its name for people, unique in the plan; never part of the key."""
    key: StepKey
    params: Mapping[str, Json]
    inputs: tuple[StepInput, ...]
    cell: Cell | None
    needs_model: bool
    """Whether the job loads a language model and therefore takes a GPU or a CPU slot."""
    locate: Mapping[str, str] = field(default_factory=dict)
    """Paths of this machine where the job finds things whose content is in the key."""
    observing: Mapping[str, Json] = field(default_factory=dict)
    """How the job is watched and saved while it works: cannot change the output, never in the key."""
    aliases: tuple[StepAlias, ...] = ()
    blocked: str = ""
    """Why it cannot run on this machine as things are; its key is then provisional. Empty if it can."""


@dataclass(frozen=True)
class PlanCell:
    """Where the parts of one cell of the comparison come from, by step label."""

    cell: Cell
    step: str
    """The step that measures the cell; the one that answers, or trains, where nothing is measured."""
    answers: str | None
    finetune: str | None
    """None for the condition `vanilla`, which has no adapter."""


@dataclass(frozen=True)
class Plan:
    """The steps of an experiment, inputs before those who read them, and its cells."""

    experiment: str
    steps: tuple[Step, ...]
    cells: tuple[PlanCell, ...]

    def step(self, label: str) -> Step:
        """The step of that label or alias; raises NotFoundError if the plan has none."""
        for step in self.steps:
            if step.label == label or any(alias.label == label for alias in step.aliases):
                return step
        raise NotFoundError(f"the plan of {self.experiment} has no step {label}")
