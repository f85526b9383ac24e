"""What a finished comparison says, in one object that the verb, the console and the report share.

Plain values only, and no numpy: a stored comparison opens as fast as its file can be read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import stdev

from synthlab.analysis.statistics.estimates import Estimate, PairedResult
from synthlab.analysis.statistics.multiplicity import HolmFamily
from synthlab.analysis.statistics.verdict import Verdict


@dataclass(frozen=True)
class ConditionValue:
    """A condition's value of one metric: the mean over its training seeds."""

    condition: str
    estimate: Estimate
    """Over prompts, of the mean over seeds."""
    by_seed: Mapping[int, float]

    @property
    def seed_sd(self) -> float:
        """Standard deviation over seeds; NaN for one seed, or where a seed has no value."""
        values = list(self.by_seed.values())
        known = len(values) > 1 and all(map(math.isfinite, values))
        return stdev(values) if known else math.nan


@dataclass(frozen=True)
class Contrast:
    """One condition against the baseline on one metric."""

    condition: str
    result: PairedResult
    """Over prompts: of these checkpoints. Holds difference, interval, p, effect and detectable
    difference, and the names of the comparability fields that differ."""
    adjusted_p: float
    """After Holm over every test of the comparison."""
    verdict: Verdict
    over_seeds: PairedResult | None = None
    """The same difference with training seeds as the unit, of the conditions themselves. Outside
    the Holm family. None where every judge stands alone."""
    seed: int | None = None
    """Of a contrast between two judges of one seed; None where seeds are averaged."""

    @property
    def name(self) -> str:
        """`condition`, or `condition.s0` for a judge."""
        return self.condition if self.seed is None else f"{self.condition}.s{self.seed}"


@dataclass(frozen=True)
class LeftOut:
    """Rows that no condition uses, for one reason."""

    reason: str
    rows: int
    examples: tuple[str, ...]
    """A few of their item ids."""


@dataclass(frozen=True)
class MetricComparison:
    """One metric over all conditions, on the rows that all of them have scored."""

    id: str
    name: str
    direction: str
    unit: str
    budget: int | None
    """Tokens that it was computed on; None where it read everything."""
    n_rows: int
    """M of "scored M of N"."""
    n_candidates: int
    """N of "scored M of N"."""
    left_out: tuple[LeftOut, ...]
    values: Mapping[str, ConditionValue]
    contrasts: tuple[Contrast, ...] = ()

    @property
    def scored(self) -> str:
        """`40` where every candidate row is scored, else `38 of 40`."""
        whole = self.n_rows == self.n_candidates
        return str(self.n_rows) if whole else f"{self.n_rows} of {self.n_candidates}"

    def against(self, condition: str, seed: int | None = None) -> Contrast | None:
        """The contrast of that condition (and judge), or None: the baseline has none."""
        for one in self.contrasts:
            if one.condition == condition and seed in (None, one.seed):
                return one
        return None


@dataclass(frozen=True)
class ShownMetric:
    """A metric that is only shown, with the reason why no test stands beside it."""

    id: str
    name: str
    direction: str
    unit: str
    values: Mapping[str, float]
    """Mean over the compared seeds by condition; NaN where none has a value."""
    by_seed: Mapping[str, Mapping[int, float]]
    scored: Mapping[str, str]
    """`40 of 40` by condition."""
    why_untested: str
    unlike: tuple[str, ...] = ()
    """Comparability fields in which the conditions differ: then the values must not be compared."""


@dataclass(frozen=True)
class ConfigDifference:
    """One input in which the conditions differ."""

    name: str
    """Such as `mixture`, or `training.learning_rate`."""
    values: Mapping[str, str]
    """By condition; a condition that has no such input is left out."""


@dataclass(frozen=True)
class JudgeLine:
    """One judge: a condition with one training seed."""

    condition: str
    seed: int
    is_believed: bool
    doubts: str
    """Why its biases are withheld; empty if they are not."""
    health: Mapping[str, Estimate]
    biases: Mapping[str, Estimate]


@dataclass(frozen=True)
class Comparison:
    """A finished comparison of conditions on one axis."""

    axis: str
    conditions: tuple[str, ...]
    """The baseline first. `EXPERIMENT:CONDITION` where experiments are compared."""
    seeds: tuple[int, ...]
    """Seeds that every condition has; others are left out."""
    left_out_seeds: tuple[int, ...]
    metrics: tuple[MetricComparison, ...]
    family: HolmFamily
    experiments: tuple[str, ...] = ()
    swaps: int = 0
    """Random swaps behind each p of a corpus metric."""
    configuration: tuple[ConfigDifference, ...] = ()
    shown: tuple[ShownMetric, ...] = ()
    judges: tuple[JudgeLine, ...] = ()
    """Of the bias axis: every judge's card, before anything is said of its bias."""
    notes: tuple[str, ...] = field(default=())
    """What a reader must know besides."""

    @property
    def baseline(self) -> str:
        """What the differences are taken from."""
        return self.conditions[0]

    def metric(self, identifier: str) -> MetricComparison:
        """The tested metric of that id; raises KeyError."""
        for one in self.metrics:
            if one.id == identifier:
                return one
        raise KeyError(identifier)
