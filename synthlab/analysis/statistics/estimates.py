"""The values that the statistics hand to tables, plots and the catalog."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Unit = Literal["prompts", "seeds"]
EffectKind = Literal["d_z", "d", "log ratio", "odds ratio"]

DEFAULT_LEVEL = 0.95
DEFAULT_ALPHA = 0.05
DEFAULT_POWER = 0.8


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval that names its own construction, so that a reader can judge it."""

    low: float
    high: float
    level: float
    method: str

    @property
    def is_defined(self) -> bool:
        """Both limits are numbers (an infinite limit is a limit)."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def contains(self, value: float) -> bool:
        """Limits belong to the interval; an undefined interval contains nothing."""
        return self.low <= value <= self.high


def undefined_interval(method: str, level: float = DEFAULT_LEVEL) -> Interval:
    """Interval of a value whose spread cannot be estimated; the owner carries the reason."""
    return Interval(math.nan, math.nan, level, method)


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number of one run, with what is needed to believe it or to see why it is missing."""

    value: float
    interval: Interval
    n: int
    """Scored rows behind the value."""
    n_clusters: int
    """Independent units behind the value: prompts, unless said otherwise."""
    reason: str
    """Why the value or its interval is NaN; empty when both are numbers."""
    standard_error: float = math.nan
    """In units of the value; NaN exactly when the interval comes without one, or with a reason."""


def undefined_estimate(
    reason: str,
    *,
    method: str,
    n: int = 0,
    n_clusters: int = 0,
    value: float = math.nan,
    level: float = DEFAULT_LEVEL,
) -> Estimate:
    """An estimate without an interval (and perhaps without a value) that says why."""
    return Estimate(value, undefined_interval(method, level), n, n_clusters, reason)


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference on a scale that can be read across metrics."""

    value: float
    kind: EffectKind
    interval: Interval
    reason: str = ""
    """Why the value or its interval is NaN."""


def undefined_effect(kind: EffectKind, reason: str, level: float = DEFAULT_LEVEL) -> Effect:
    """An effect size that cannot be computed, with its reason."""
    return Effect(math.nan, kind, undefined_interval(kind, level), reason)


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """A second test of the same difference under other assumptions, shown beside the first."""

    method: str
    p: float


@dataclass(frozen=True, slots=True)
class PairedResult:
    """Candidate minus baseline, with everything a verdict needs."""

    difference: float
    interval: Interval
    p: float
    """Two-sided; NaN with a reason where no test is possible or allowed."""
    method: str
    effect: Effect
    n_pairs: int
    """Rows that both sides have."""
    mde: float
    """Smallest true difference that this n would detect at the default alpha and power."""
    n_units: int
    """Independent units: prompts or seeds (per side, the smaller count, for seeds)."""
    unit: Unit
    needed: float
    """Units that would decide a true difference as large as the one seen: a whole number,
    inf where no difference was seen, NaN with a reason where the spread is unknown."""
    reason: str = ""
    unlike: tuple[str, ...] = ()
    """Names of the comparability fields that differ; a result with any has no p-value."""
    cross_checks: tuple[CrossCheck, ...] = ()


def undefined_result(
    reason: str,
    *,
    method: str,
    effect: EffectKind,
    unit: Unit = "prompts",
    difference: float = math.nan,
    n_pairs: int = 0,
    n_units: int = 0,
    level: float = DEFAULT_LEVEL,
    unlike: tuple[str, ...] = (),
) -> PairedResult:
    """A comparison that could not be tested, with its reason."""
    return PairedResult(
        difference=difference,
        interval=undefined_interval(method, level),
        p=math.nan,
        method=method,
        effect=undefined_effect(effect, reason, level),
        n_pairs=n_pairs,
        mde=math.nan,
        n_units=n_units,
        unit=unit,
        needed=math.nan,
        reason=reason,
        unlike=unlike,
    )
