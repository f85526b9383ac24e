"""`synthlab compare A B --axis bias`: each judge's health first, then its bias net of quality."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from synthlab.analysis.comparison import Comparison, Contrast, JudgeLine
from synthlab.analysis.statistics.estimates import Estimate
from synthlab.cli.comparison_print import difference, p_value, print_configuration
from synthlab.cli.output import Column, Output
from synthlab.cli.words import figure

HEALTH = {
    "judge-anchor-accuracy": "anchors",
    "judge-order-flips": "flips",
    "judge-first-share": "first",
    "judge-identical-decisiveness": "identical",
    "judge-longer-wins": "longer",
    "judge-label-mass": "mass",
}
BIAS = {
    "bias-net": "net of quality [95 %]",
    "bias-difference": "plain difference",
    "bias-equal-opportunity": "equal opportunity",
}


def print_judges(output: Output, comparison: Comparison) -> None:
    """The judge cards, the biases behind them, and the differences from the baseline."""
    print_configuration(output, comparison)
    rows: Sequence[dict[str, Any]] = [{"line": line} for line in comparison.judges]
    who = (
        Column("judge", lambda row: row["line"].condition),
        Column("seed", lambda row: str(row["line"].seed), True),
    )
    health = [Column(title, _FigureText(metric), True) for metric, title in HEALTH.items()]
    believed = Column("believed", lambda row: "yes" if row["line"].is_believed else "no")
    output.table([*who, *health, believed], rows)
    output.data()
    shown = [Column(title, _EstimateText(metric)) for metric, title in BIAS.items()]
    output.table([*who, *shown], rows)
    contrasts = [one for metric in comparison.metrics for one in metric.contrasts]
    if contrasts:
        output.data()
        _print_contrasts(output, comparison.baseline, contrasts)
    output.data()
    for line in _footnotes(comparison):
        output.data(line)


def _print_contrasts(output: Output, baseline: str, contrasts: Sequence[Contrast]) -> None:
    columns = [
        Column("bias of", lambda row: row["one"].condition),
        Column("seed", lambda row: str(row["one"].seed), True),
        Column(f"from {baseline} [95 %]", lambda row: _difference(row["one"])),
        Column("p Holm", lambda row: p_value(row["one"]), True),
        Column("verdict", lambda row: row["one"].verdict.outcome),
    ]
    output.table(columns, [{"one": one} for one in contrasts])


def _footnotes(comparison: Comparison) -> list[str]:
    lines = [
        f"{', '.join(comparison.experiments)}, bias: positive = prefers its own texts more than the"
        " panel of the other",
        "judges does. anchors: right on pairs with a known better text; flips: the order decides;",
        "first: share of the text shown first; identical: decided between equal texts; longer:",
        "the longer text wins; mass: probability on the labels.",
    ]
    doubts = dict.fromkeys(line.doubts for line in comparison.judges if line.doubts)
    lines += [f"not believed: {text}" for text in doubts]
    return [*lines, *comparison.notes]


class _FigureText:
    """One figure of a judge's card."""

    def __init__(self, metric: str) -> None:
        self._metric = metric

    def __call__(self, row: Mapping[str, Any]) -> str:
        line: JudgeLine = row["line"]
        estimate = line.health.get(self._metric)
        return "—" if estimate is None else _number(estimate.value)


class _EstimateText:
    """One bias of a judge with its interval; withheld from a judge that is not believed."""

    def __init__(self, metric: str) -> None:
        self._metric = metric

    def __call__(self, row: Mapping[str, Any]) -> str:
        line: JudgeLine = row["line"]
        if not line.is_believed:
            return "— (not believed)" if self._metric == "bias-net" else "—"
        estimate: Estimate = line.biases[self._metric]
        if math.isnan(estimate.value):
            return "undefined"
        text = f"{estimate.value:+.3f}"
        interval = estimate.interval
        if interval.is_defined:
            text += f" [{interval.low:+.2g}, {interval.high:+.2g}]"
        return text


def _number(value: float) -> str:
    return "undefined" if math.isnan(value) else figure(value)


def _difference(contrast: Contrast) -> str:
    shown = difference(contrast)
    return contrast.result.reason or shown if shown == "—" else shown
