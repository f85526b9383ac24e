"""Which foretold directions came true: confirmed, contradicted, or undecided at this n."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Literal, TypeAlias

from storage.home import LabHome
from synthlab.analysis.compare_conditions import SWAPS, Progress, compare_conditions
from synthlab.analysis.comparison import Comparison, MetricComparison
from synthlab.analysis.judge_values import COMPARED as DESCRIPTIVE
from synthlab.analysis.measured import MeasuredCell, read_cells
from synthlab.analysis.statistics.estimates import DEFAULT_ALPHA, Interval, undefined_interval
from synthlab.analysis.statistics.multiplicity import HolmFamily, NamedP, holm
from synthlab.errors import SynthlabError
from synthlab.experiment.expectations import Expected, ExpectedPair
from synthlab.metrics import catalog

if TYPE_CHECKING:
    from synthlab.analysis.dose import DoseValue

Outcome: TypeAlias = Literal["confirmed", "contradicted", "undecided"]


@dataclass(frozen=True)
class CheckedPart:
    """One inequality, or the slope of a trend."""

    statement: str
    difference: float
    """Higher minus lower as foretold, or the slope; NaN where it could not be computed."""
    interval: Interval
    p: float
    """After Holm over all inequalities of the table; NaN for a slope, whose interval decides."""
    n: int
    """Prompts behind it."""
    seeds: int
    outcome: Outcome
    why: str
    """Why it is undecided; empty otherwise."""
    at: tuple[AmountMean, ...] = ()
    """Of a slope: the metric at each amount."""


@dataclass(frozen=True)
class AmountMean:
    """Mean of a metric over the conditions of one amount."""

    amount: float
    value: float
    conditions: int


@dataclass(frozen=True)
class CheckedExpectation:
    """One entry of the file with what was found."""

    number: int
    metric: str
    claim: str
    statement: str
    outcome: Outcome
    """Contradicted if one part is; confirmed if all are."""
    parts: tuple[CheckedPart, ...]


@dataclass(frozen=True)
class ExpectedTable:
    """All entries of an experiment, checked."""

    experiment: str
    rows: tuple[CheckedExpectation, ...]
    tests: int
    """Size of the Holm family."""


@dataclass(frozen=True)
class _Found:
    """A pair before the correction."""

    pair: ExpectedPair
    name: str
    difference: float
    interval: Interval
    p: float
    n: int
    needed: float
    by_seed: tuple[float, ...]
    why: str


def check_expectations(
    connection: sqlite3.Connection,
    home: LabHome,
    experiment: str,
    expected: Sequence[Expected],
    *,
    swaps: int = SWAPS,
    progress: Progress | None = None,
) -> ExpectedTable:
    """Check every entry against the comparisons of the experiment.

    experiment: an id. An inequality is decided by its paired test over prompts, after Holm over all
    inequalities of the table, if no training seed says the opposite; a trend by the interval of its
    slope over seeds and prompts.
    """
    comparisons = _Comparisons(connection, home, experiment, swaps, progress)
    found = [
        [one for pair in entry.pairs for one in _pair(comparisons, entry, number, pair)]
        for number, entry in enumerate(expected)
    ]
    family = holm("foretold inequalities", [NamedP(p.name, p.p) for one in found for p in one])
    rows = []
    for number, entry in enumerate(expected):
        parts = [_judged(one, family) for one in found[number]]
        if entry.rises_with or entry.falls_with:
            parts.append(_trend(connection, home, experiment, entry))
        rows.append(
            CheckedExpectation(
                number + 1, entry.metric, entry.claim, entry.statement, _of(parts), tuple(parts)
            )
        )
    return ExpectedTable(experiment, tuple(rows), family.size)


def axis_of(metric: str) -> str:
    """The axis that a metric of an entry belongs to; raises KeyError for one that is not known."""
    return catalog.metric(metric.partition("/")[0]).axis


class _Comparisons:
    """One comparison for each axis and baseline, made when it is first asked for."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        home: LabHome,
        experiment: str,
        swaps: int,
        progress: Progress | None,
    ) -> None:
        self._progress = progress
        self._connection = connection
        self._home = home
        self._experiment = experiment
        self._swaps = swaps
        self._made: dict[tuple[str, str], Comparison | str] = {}

    def judges(self) -> list[MeasuredCell]:
        """Every finished judge of the experiment."""
        return read_cells(self._connection, self._home, self._experiment, "bias")

    def of(self, axis: str, baseline: str) -> Comparison | str:
        """The comparison, or why there is none."""
        if (axis, baseline) not in self._made:
            try:
                made: Comparison | str = compare_conditions(
                    self._connection,
                    self._home,
                    [self._experiment],
                    axis=axis,
                    baseline=baseline,
                    swaps=self._swaps,
                    progress=self._progress,
                )
            except SynthlabError as error:
                made = error.message
            self._made[axis, baseline] = made
        return self._made[axis, baseline]


def _pair(
    comparisons: _Comparisons, entry: Expected, number: int, pair: ExpectedPair
) -> list[_Found]:
    """The pair once, or once for each judge of a seed where judges stand alone."""
    comparison = comparisons.of(axis_of(entry.metric), pair.lower)
    if isinstance(comparison, str):
        return [_missing(number, pair, comparison)]
    if entry.metric in DESCRIPTIVE:
        return _judges(comparisons, comparison, entry.metric, number, pair)
    try:
        metric = comparison.metric(entry.metric)
    except KeyError:
        tested = ", ".join(one.id for one in comparison.metrics if one.contrasts)
        return [_missing(number, pair, f"no test for {entry.metric}; there is one for {tested}")]
    contrasts = [one for one in metric.contrasts if one.condition == pair.higher]
    if not contrasts:
        return [_missing(number, pair, f"{entry.metric} is not compared for {pair.higher}")]
    return [
        _Found(
            pair,
            f"{number} {one.name} > {pair.lower}",
            one.result.difference,
            one.result.interval,
            one.result.p,
            one.result.n_units,
            one.result.needed,
            _by_seed(metric, pair) if one.seed is None else (one.result.difference,),
            one.result.reason,
        )
        for one in contrasts
    ]


def _judges(
    comparisons: _Comparisons, comparison: Comparison, metric: str, number: int, pair: ExpectedPair
) -> list[_Found]:
    """A number of the judges themselves, paired by article, once for each seed that both have."""
    from synthlab.analysis.judge_contrasts import compare_judge_values

    doubted = {
        (one.condition, one.seed): one.doubts for one in comparison.judges if not one.is_believed
    }
    found = []
    for seed, result in compare_judge_values(comparisons.judges(), metric, pair.higher, pair.lower):
        doubts = [doubted.get((name, seed), "") for name in (pair.higher, pair.lower)]
        if why := next((f"a judge is not believed: {one}" for one in doubts if one), ""):
            found.append(_missing(number, pair, why, seed))
            continue
        name = f"{number} {pair.higher}.s{seed} > {pair.lower}"
        found.append(
            _Found(
                pair,
                name,
                result.difference,
                result.interval,
                result.p,
                result.n_units,
                result.needed,
                (result.difference,),
                result.reason,
            )
        )
    return found or [_missing(number, pair, "no seed has both judges")]


def _by_seed(metric: MetricComparison, pair: ExpectedPair) -> tuple[float, ...]:
    ours, theirs = metric.values[pair.higher].by_seed, metric.values[pair.lower].by_seed
    return tuple(value - theirs[seed] for seed, value in ours.items() if seed in theirs)


def _missing(number: int, pair: ExpectedPair, why: str, seed: int | None = None) -> _Found:
    of_seed = "" if seed is None else f".s{seed}"
    name = f"{number} {pair.higher}{of_seed} > {pair.lower}"
    none = undefined_interval("not compared")
    return _Found(pair, name, math.nan, none, math.nan, 0, math.nan, (), why)


def _judged(found: _Found, family: HolmFamily) -> CheckedPart:
    adjusted = family.of(found.name).adjusted
    statement = f"{found.pair.higher} > {found.pair.lower}"
    seeds = [value for value in found.by_seed if math.isfinite(value)]
    outcome: Outcome = "undecided"
    why = ""
    if math.isnan(adjusted):
        why = found.why or "no test"
    elif adjusted > DEFAULT_ALPHA or found.difference == 0:
        needed = found.needed
        more = math.isfinite(needed) and needed > found.n
        why = f"about {needed:,.0f} prompts would decide it" if more else "undecided at this n"
    elif any((value > 0) != (found.difference > 0) for value in seeds):
        why = "the seeds disagree in direction"
    else:
        outcome = "confirmed" if found.difference > 0 else "contradicted"
    return CheckedPart(
        statement,
        found.difference,
        found.interval,
        adjusted,
        found.n,
        len(seeds),
        outcome,
        why,
    )


def _trend(
    connection: sqlite3.Connection, home: LabHome, experiment: str, entry: Expected
) -> CheckedPart:
    from synthlab.analysis.dose import dose_effect

    doses = {one.condition: one.amount for one in entry.rises_with or entry.falls_with}
    axis = axis_of(entry.metric)
    statement = f"slope of {entry.metric}"
    try:
        cells = read_cells(connection, home, experiment, axis)
        effect = dose_effect(axis, entry.metric, cells, doses)
    except (ValueError, KeyError) as error:
        why = str(error.args[0]) if error.args else "the metric is not offered"
        none = undefined_interval("no slope")
        return CheckedPart(statement, math.nan, none, math.nan, 0, 0, "undecided", why)
    slope = effect.slope
    interval = slope.combined_interval
    outcome: Outcome = "undecided"
    why = slope.reason
    if interval.is_defined and not slope.is_one_seed:
        foretold = slope.value > 0 if entry.rises_with else slope.value < 0
        if interval.contains(0.0):
            why = "the interval of the slope holds 0"
        else:
            outcome, why = ("confirmed" if foretold else "contradicted"), ""
    clusters = min((one.estimate.n_clusters for one in effect.by_seed), default=0)
    amounts = sorted({one.amount for one in effect.at})
    at = tuple(_mean_at(amount, effect.at) for amount in amounts)
    return CheckedPart(
        statement, slope.value, interval, math.nan, clusters, slope.n_seeds, outcome, why, at
    )


def _mean_at(amount: float, values: Sequence[DoseValue]) -> AmountMean:
    there = [one.value for one in values if one.amount == amount]
    return AmountMean(amount, fmean(there), len(there))


def _of(parts: Sequence[CheckedPart]) -> Outcome:
    outcomes = {part.outcome for part in parts}
    if "contradicted" in outcomes:
        return "contradicted"
    return "confirmed" if outcomes == {"confirmed"} else "undecided"
