"""A comparison as tables in the terminal: what differs, values, differences, and what to know of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from synthlab.analysis.comparison import (
    Comparison,
    ConditionValue,
    Contrast,
    ShownMetric,
)
from synthlab.analysis.statistics.verdict import rounded_up
from synthlab.analysis.verdict_words import long_verdict, prompts_needed
from synthlab.cli.output import Column, Output
from synthlab.cli.words import figure

ALWAYS_SHOWN = ("mauve", "frontier-integral", "knn-", "danger-zone", "strongreject")
"""Metrics without a test that no tested metric stands for, by the beginning of their ids."""


def print_comparison(output: Output, comparison: Comparison, *, with_all: bool = False) -> None:
    """The tables, then the notes; with_all: every number that is shown without a test."""
    print_configuration(output, comparison)
    _print_values(output, comparison)
    output.data()
    _print_differences(output, comparison)
    shown = [one for one in comparison.shown if with_all or one.id.startswith(ALWAYS_SHOWN)]
    if shown:
        output.data()
        _print_shown(output, comparison, shown, with_reasons=with_all)
    output.data()
    for line in _footnotes(comparison):
        output.data(line)
    hidden = len(comparison.shown) - len(shown)
    if hidden:
        output.say(f"  {hidden} more numbers, which have no test: --all; in sentences: --words")


def print_verdicts(output: Output, comparison: Comparison) -> None:
    """One sentence for each metric and pair."""
    for metric in comparison.metrics:
        for contrast in metric.contrasts:
            output.data(long_verdict(metric, contrast, comparison.baseline))


def print_configuration(output: Output, comparison: Comparison) -> None:
    """What the conditions were made of, where it differs; one line each, as values may be long."""
    for one in comparison.configuration:
        by_text: dict[str, list[str]] = {}
        for condition in comparison.conditions:
            by_text.setdefault(one.values.get(condition, "—"), []).append(condition)
        output.data(f"{one.name}:")
        for text, conditions in by_text.items():
            output.data(f"  {', '.join(conditions)}: {text}")
    if comparison.configuration:
        output.data()


def _print_values(output: Output, comparison: Comparison) -> None:
    several = len(comparison.seeds) > 1
    output.table(
        [
            Column("metric", lambda row: "  SD over seeds" if row["spread"] else row["metric"].id),
            *(Column(name, _ValueText(name), True) for name in comparison.conditions),
            Column("n", lambda row: "" if row["spread"] else row["metric"].scored, True),
        ],
        [
            {"metric": metric, "spread": spread}
            for metric in comparison.metrics
            for spread in ((False, True) if several else (False,))
        ],
    )


def _print_differences(output: Output, comparison: Comparison) -> None:
    output.table(
        [
            Column("difference", lambda row: row["metric"].id),
            Column("of", lambda row: row["contrast"].name),
            Column(f"from {comparison.baseline} [95 %]", lambda row: difference(row["contrast"])),
            Column("p Holm", lambda row: p_value(row["contrast"]), True),
            Column("verdict", lambda row: verdict_cell(row["contrast"])),
        ],
        [
            {"metric": metric, "contrast": contrast}
            for metric in comparison.metrics
            for contrast in metric.contrasts
        ],
    )


def _print_shown(
    output: Output, comparison: Comparison, shown: list[ShownMetric], *, with_reasons: bool
) -> None:
    columns = [
        Column("without a test", lambda row: row["one"].id + (" ≠" if row["one"].unlike else "")),
        *(Column(name, _ShownText(name), True) for name in comparison.conditions),
    ]
    if with_reasons:
        columns.append(Column("why", lambda row: row["one"].why_untested))
    output.table(columns, [{"one": one} for one in shown])
    unlike = dict.fromkeys(name for one in shown for name in one.unlike)
    if unlike:
        output.data(f"≠ measured unlike ({', '.join(unlike)}): not to be compared")


class _ShownText:
    """A condition's value of a metric without a test."""

    def __init__(self, condition: str) -> None:
        self._condition = condition

    def __call__(self, row: Mapping[str, Any]) -> str:
        value = row["one"].values.get(self._condition, math.nan)
        return "undefined" if math.isnan(value) else figure(value)


def _footnotes(comparison: Comparison) -> list[str]:
    seeds = ", ".join(map(str, comparison.seeds))
    lines = [
        f"{', '.join(comparison.experiments)}, {comparison.axis}: value ± half (or [limits]) of its"
        " 95 % interval,",
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
        lines += [f"{metric.id}: {one.rows} left out, {one.reason}" for one in metric.left_out]
    return [*lines, *comparison.notes]


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


def difference(contrast: Contrast) -> str:
    """The difference with its interval, or why there is none."""
    result = contrast.result
    if math.isnan(result.difference):
        return "—"
    text = f"{result.difference:+.2g}"
    if result.interval.is_defined:
        text += f" [{result.interval.low:+.2g}, {result.interval.high:+.2g}]"
    return text


def p_value(contrast: Contrast) -> str:
    """The adjusted p, to three places."""
    if math.isnan(contrast.adjusted_p):
        return "—"
    return "< .001" if contrast.adjusted_p < 0.001 else f"{contrast.adjusted_p:.3f}"


def verdict_cell(contrast: Contrast) -> str:
    """The outcome in a word, with the prompts that would decide what is undecided."""
    result, outcome = contrast.result, contrast.verdict.outcome
    if outcome == "not comparable":
        return result.reason
    if outcome != "undecided":
        return outcome
    if math.isnan(result.p):
        return f"undecided: {result.reason}"
    needed = prompts_needed(result)
    return f"undecided ~{rounded_up(needed)}" if math.isfinite(needed) else "undecided"
