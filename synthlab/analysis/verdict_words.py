"""What a comparison decided, in one line for a table cell and in one sentence for a report."""

from __future__ import annotations

import math

from synthlab.analysis.comparison import Contrast, MetricComparison
from synthlab.analysis.statistics.estimates import PairedResult
from synthlab.analysis.statistics.verdict import rounded_up, verdict


def short_verdict(contrast: Contrast) -> str:
    """`lower`, `higher`, `undecided at 40, ~550 would`, or why there is no test."""
    result, outcome = contrast.result, contrast.verdict.outcome
    if outcome == "not comparable":
        return result.reason
    if outcome != "undecided":
        return outcome
    if math.isnan(result.p):
        return f"undecided: {result.reason}"
    needed = prompts_needed(result)
    more = f", ~{rounded_up(needed)} would" if math.isfinite(needed) else ""
    return f"undecided at {result.n_units}{more}"


def prompts_needed(result: PairedResult) -> float:
    """Units that would decide what these did not; NaN where that is not known or not more than now."""
    known = math.isfinite(result.needed) and result.needed > result.n_units
    return result.needed if known else math.nan


def long_verdict(metric: MetricComparison, contrast: Contrast, baseline: str) -> str:
    """The whole verdict of one metric and pair: over prompts, and where there are several, over seeds."""
    said = f"{metric.name}, {contrast.name} against {baseline}: {contrast.verdict.sentence}"
    seeds = seeds_sentence(contrast)
    return f"{said}. {seeds}" if seeds else said


def seeds_sentence(contrast: Contrast) -> str:
    """What the spread over training seeds alone says; empty where it cannot say anything."""
    result = contrast.over_seeds
    if result is None or result.unlike or result.n_units < 2:
        return ""
    return f"Over seeds: {verdict(result).sentence}"
