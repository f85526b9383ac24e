"""What a fine-tuning run measures of itself while it trains: a few numbers of each axis, on few prompts.

A probe shows which way an axis moves; the numbers of an experiment come from its measuring steps.
Every point of a probe is a live metric of the training run, named `probe/<axis>/<metric>`. Step 0 is
the untouched base model: the line that the others are read against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from synthlab.metrics.catalog import Axis, Direction, metric

PREFIX = "probe/"
COUNT = "n"
"""Last part of the name of the live metric that counts an axis' items."""
REFERENCE_STEP = 0
"""Where the base model's own numbers stand in every series."""
AXES: tuple[Axis, ...] = ("collapse", "robustness", "bias")


@dataclass(frozen=True)
class ProbeMetric:
    """One number of a probe; it follows the same definition as the metric of that id."""

    axis: Axis
    metric: str
    """Id in the catalog of metrics."""
    label: str
    """Short enough for the title of a small chart."""

    @property
    def name(self) -> str:
        """As it stands in the live metrics of a run."""
        return f"{PREFIX}{self.axis}/{self.metric}"

    @property
    def direction(self) -> Direction:
        """How a difference reads."""
        return metric(self.metric).direction

    @property
    def unit(self) -> str:
        """Unit of the value; empty for a pure number."""
        return metric(self.metric).unit

    @property
    def long_name(self) -> str:
        """The metric's name in tables, marked as a probe."""
        return f"probe: {metric(self.metric).name}"


PROBE_METRICS: Mapping[str, ProbeMetric] = MappingProxyType(
    {
        one.name: one
        for one in (
            ProbeMetric("collapse", "ppl1-log", "log PPL-1"),
            ProbeMetric("collapse", "self-bleu-2", "Self-BLEU-2"),
            ProbeMetric("collapse", "distinct-2", "distinct-2"),
            ProbeMetric("collapse", "length-words-mean", "answer length"),
            ProbeMetric("robustness", "refusal-rate", "refusals"),
            ProbeMetric("robustness", "broken-rate", "broken answers"),
            ProbeMetric("bias", "bias-difference", "self-preference"),
            ProbeMetric("bias", "preference-own", "own text preferred"),
            ProbeMetric("bias", "judge-order-flips", "order flips"),
            ProbeMetric("bias", "judge-first-share", "first place preferred"),
            ProbeMetric("bias", "judge-anchor-accuracy", "anchor accuracy"),
        )
    }
)
"""Every number of a probe by its name, in the order in which a person reads them."""


def count_name(axis: Axis) -> str:
    """The live metric that says how many items the axis' numbers rest on: answers, or pairs."""
    return f"{PREFIX}{axis}/{COUNT}"


def is_probe(name: str) -> bool:
    """Whether a live metric is a probe's, known to this version or not."""
    return name.startswith(PREFIX)
