"""`synthlab compare A B [C …]`: is the difference real, and how would one know."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from storage.catalog.queries import find_experiment, newest_experiment
from synthlab.cli.bias import print_biases
from synthlab.cli.output import Column, Output
from synthlab.cli.session import Session, one_experiment
from synthlab.cli.words import figure
from synthlab.errors import ExitCode, NotFoundError, UsageError

if TYPE_CHECKING:
    from synthlab.analysis.bias_comparison import BiasComparison
    from synthlab.analysis.compare import Comparison, ConditionValue, Contrast, MetricComparison
    from synthlab.analysis.measured import MeasuredCell


def compare(session: Session) -> ExitCode:
    """Compare conditions on one axis; the first one named is the baseline.

    Each word is an experiment (all its conditions), EXPERIMENT:CONDITION, or a condition of the
    experiment named before it, which is the newest one to begin with.
    """
    arguments, output = session.arguments, session.output
    if arguments.axis == "bias":
        return _compare_judges(session)
    from synthlab.analysis.compare import compare as compare_conditions

    chosen = _chosen_cells(session, arguments.words, arguments.axis)
    conditions = list(dict.fromkeys(cell.condition for cell in chosen))
    experiments = ", ".join(dict.fromkeys(cell.experiment for cell in chosen))
    if len(conditions) < 2:
        raise UsageError(
            f"a comparison needs two conditions, {experiments} gives {', '.join(conditions)}"
        )
    output.say(f"{experiments}: {arguments.swaps} swaps for each corpus metric …")
    try:
        comparison = compare_conditions(arguments.axis, chosen, conditions, swaps=arguments.swaps)
    except ValueError as error:
        raise UsageError(f"{experiments}: {error}") from error
    if arguments.json:
        output.json("comparison", document_of(experiments, comparison))
    else:
        print_comparison(output, experiments, comparison)
    return ExitCode.DONE


def _compare_judges(session: Session) -> ExitCode:
    from synthlab.analysis.bias_comparison import compare_judges
    from synthlab.analysis.measured import read_cells

    chosen = _chosen_cells(session, session.arguments.words, "bias")
    experiments = list(dict.fromkeys(cell.experiment for cell in chosen))
    if len(experiments) > 1:
        raise UsageError(
            f"judges of different experiments saw different texts: {', '.join(experiments)}",
            "name conditions of one experiment",
        )
    with session.catalog() as connection:
        panel = read_cells(connection, session.home, experiments[0], "bias")
    conditions = list(dict.fromkeys(cell.condition for cell in chosen))
    comparison = compare_judges(panel, conditions)
    if session.arguments.json:
        session.output.json("comparison", document_of(experiments[0], comparison))
    else:
        print_biases(session.output, experiments[0], comparison)
    return ExitCode.DONE


class _Wanted(NamedTuple):
    experiment: str
    condition: str | None
    """None for all of them."""


def _wanted(connection: sqlite3.Connection, words: Sequence[str]) -> list[_Wanted]:
    newest = newest_experiment(connection)
    current = newest["id"] if newest else ""
    found: list[_Wanted] = []
    for word in words:
        experiment, colon, condition = word.rpartition(":")
        if colon:
            current = one_experiment(connection, experiment)["id"]
            found.append(_Wanted(current, condition))
        elif (named := find_experiment(connection, word)) is not None:
            current = named["id"]
            found.append(_Wanted(current, None))
        elif current:
            found = [one for one in found if one != _Wanted(current, None)]
            found.append(_Wanted(current, word))
        else:
            raise NotFoundError(f"there is no experiment {word!r}", "synthlab experiments")
    return found


def _chosen_cells(session: Session, words: Sequence[str], axis: str) -> list[MeasuredCell]:
    from synthlab.analysis.measured import read_cells

    with session.catalog() as connection:
        wanted = _wanted(connection, words)
        several = len({one.experiment for one in wanted}) > 1
        chosen = []
        for one in wanted:
            cells = read_cells(connection, session.home, one.experiment, axis)
            measured = list(dict.fromkeys(cell.condition for cell in cells))
            if not measured:
                raise NotFoundError(
                    f"{one.experiment} has no finished measurement on the axis {axis}",
                    f"synthlab show {one.experiment} tells what is missing",
                )
            if one.condition is not None and one.condition not in measured:
                raise NotFoundError(
                    f"{one.experiment} has not measured a condition {one.condition!r}",
                    f"it has: {', '.join(measured)}",
                )
            kept = [c for c in cells if one.condition in (None, c.condition)]
            prefix = f"{one.experiment}:" if several else ""
            chosen += [replace(cell, condition=prefix + cell.condition) for cell in kept]
    return chosen


def print_comparison(output: Output, experiment: str, comparison: Comparison) -> None:
    """The table of values, the table of differences, and what a reader must know of both."""
    several = len(comparison.seeds) > 1
    output.table(
        [
            Column("metric", lambda row: "  SD over seeds" if row["spread"] else row["metric"].id),
            *(Column(name, _ValueText(name), True) for name in comparison.conditions),
            Column("n", lambda row: "" if row["spread"] else _rows(row["metric"]), True),
        ],
        [
            {"metric": metric, "spread": spread}
            for metric in comparison.metrics
            for spread in ((False, True) if several else (False,))
        ],
    )
    output.data()
    output.table(
        [
            Column("difference", lambda row: row["metric"].id),
            Column("of", lambda row: row["contrast"].condition),
            Column(f"from {comparison.baseline} [95 %]", lambda row: _difference(row["contrast"])),
            Column("p Holm", lambda row: _p(row["contrast"]), True),
            Column("verdict", lambda row: _verdict(row["contrast"])),
        ],
        [
            {"metric": metric, "contrast": contrast}
            for metric in comparison.metrics
            for contrast in metric.contrasts
        ],
    )
    output.data()
    for line in _footnotes(experiment, comparison):
        output.data(line)


def _footnotes(experiment: str, comparison: Comparison) -> list[str]:
    seeds = ", ".join(map(str, comparison.seeds))
    lines = [
        f"{experiment}, {comparison.axis}: value ± half (or [limits]) of its 95 % interval,",
        f"over prompts, mean of seeds {seeds}; of these checkpoints, not of every training."
        if len(comparison.seeds) > 1
        else f"one seed ({seeds}): nothing is known of the spread over trainings.",
        f"p after Holm over {comparison.family.size} tests. ~N: prompts that would decide a"
        " difference this large.",
    ]
    budgets = {metric.id: metric.budget for metric in comparison.metrics if metric.budget}
    lines += [f"{name} on {budget} tokens" for name, budget in budgets.items()]
    if comparison.left_out_seeds:
        left = ", ".join(map(str, comparison.left_out_seeds))
        lines.append(f"seeds that not every condition has are left out: {left}")
    for metric in comparison.metrics:
        reasons = Counter(exclusion.reason for exclusion in metric.exclusions)
        lines += [f"{metric.id}: {count} left out, {text}" for text, count in reasons.items()]
    return lines


def _rows(metric: MetricComparison) -> str:
    whole = metric.n_rows == metric.n_candidates
    return str(metric.n_rows) if whole else f"{metric.n_rows} of {metric.n_candidates}"


class _ValueText:
    """A condition's value with half of its interval, or its spread over seeds."""

    def __init__(self, condition: str) -> None:
        self._condition = condition

    def __call__(self, row: Mapping[str, Any]) -> str:
        value: ConditionValue = row["metric"].values[self._condition]
        if row["spread"]:
            return "" if math.isnan(value.seed_sd) else f"{value.seed_sd:.2g}"
        if math.isnan(value.estimate.value):
            return "undefined"
        text = figure(value.estimate.value)
        interval = value.estimate.interval
        if interval.is_defined:
            text += _spread(value.estimate.value, interval.low, interval.high)
        return text


def _spread(value: float, low: float, high: float) -> str:
    """Half of the interval where it is symmetric, else both its limits."""
    half = (high - low) / 2
    if abs(high + low - 2 * value) <= 0.02 * half:
        return f" ±{half:.2g}"
    return f" [{low:.2g}, {high:.2g}]"


def _difference(contrast: Contrast) -> str:
    result = contrast.result
    if math.isnan(result.difference):
        return "—"
    text = f"{result.difference:+.2g}"
    if result.interval.is_defined:
        text += f" [{result.interval.low:+.2g}, {result.interval.high:+.2g}]"
    return text


def _p(contrast: Contrast) -> str:
    if math.isnan(contrast.adjusted_p):
        return "—"
    return "< .001" if contrast.adjusted_p < 0.001 else f"{contrast.adjusted_p:.3f}"


def _verdict(contrast: Contrast) -> str:
    result, outcome = contrast.result, contrast.verdict.outcome
    if outcome == "not comparable":
        return result.reason
    if outcome != "undecided":
        return outcome
    if math.isnan(result.p):
        return f"undecided: {result.reason}"
    if math.isfinite(result.needed) and result.needed > result.n_units:
        return f"undecided ~{result.needed:.0f}"
    return "undecided"


def document_of(experiment: str, comparison: Comparison | BiasComparison) -> dict[str, Any]:
    """The comparison as JSON has it."""
    document = {"experiment": experiment, **asdict(comparison)}
    finite = _finite(document)
    assert isinstance(finite, dict)
    return finite


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: null stands for both, and the reason stands beside it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
