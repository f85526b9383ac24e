"""A comparison as tables of plain cells, for files and for a report."""

from __future__ import annotations

import math

from synthlab.analysis.comparison import Comparison, Contrast, MetricComparison
from synthlab.analysis.statistics.estimates import Interval
from synthlab.analysis.table_text import Table
from synthlab.escaping import CsvCell

INTERVAL = "95 %"


def value_table(comparison: Comparison) -> Table:
    """One row for each tested metric and condition: value, interval, spread over seeds, M of N."""
    rows: list[tuple[CsvCell, ...]] = []
    for metric in comparison.metrics:
        for value in metric.values.values():
            low, high = _limits(value.estimate.interval)
            rows.append(
                (
                    metric.id,
                    metric.direction,
                    metric.unit,
                    value.condition,
                    _number(value.estimate.value),
                    low,
                    high,
                    _number(value.seed_sd),
                    len(value.by_seed),
                    metric.n_rows,
                    metric.n_candidates,
                    value.estimate.reason,
                )
            )
    return Table(
        f"Values, {_subject(comparison)}",
        (
            "metric",
            "direction",
            "unit",
            "condition",
            "value",
            f"{INTERVAL} low",
            f"{INTERVAL} high",
            "SD over seeds",
            "seeds",
            "scored",
            "of",
            "why undefined",
        ),
        tuple(rows),
    )


def difference_table(comparison: Comparison) -> Table:
    """One row for each tested metric and pair, with everything that its verdict rests on."""
    rows = tuple(
        _difference_row(metric, contrast)
        for metric in comparison.metrics
        for contrast in metric.contrasts
    )
    return Table(
        f"Differences from {comparison.baseline}, {_subject(comparison)}",
        (
            "metric",
            "condition",
            "difference",
            f"{INTERVAL} low",
            f"{INTERVAL} high",
            "p",
            "p Holm",
            "effect",
            "effect kind",
            "detectable difference",
            "n",
            "unit of n",
            "n that would decide",
            "seeds that would decide",
            "test",
            "verdict",
            "sentence",
        ),
        rows,
    )


def _difference_row(metric: MetricComparison, contrast: Contrast) -> tuple[CsvCell, ...]:
    result = contrast.result
    low, high = _limits(result.interval)
    seeds = contrast.over_seeds
    return (
        metric.id,
        contrast.name,
        _number(result.difference),
        low,
        high,
        _number(result.p),
        _number(contrast.adjusted_p),
        _number(result.effect.value),
        result.effect.kind,
        _number(result.mde),
        result.n_units,
        result.unit,
        _number(result.needed),
        None if seeds is None else _number(seeds.needed),
        result.method,
        contrast.verdict.outcome,
        contrast.verdict.sentence,
    )


def shown_table(comparison: Comparison) -> Table:
    """One row for each metric and condition that is shown without a test, and why."""
    rows = tuple(
        (
            metric.id,
            metric.direction,
            metric.unit,
            condition,
            _number(value),
            metric.scored[condition],
            ", ".join(metric.unlike),
            metric.why_untested,
        )
        for metric in comparison.shown
        for condition, value in metric.values.items()
    )
    return Table(
        f"Shown without a test, {_subject(comparison)}",
        (
            "metric",
            "direction",
            "unit",
            "condition",
            "value",
            "scored",
            "measured unlike in",
            "why there is no test",
        ),
        rows,
    )


def configuration_table(comparison: Comparison) -> Table:
    """One row for each input that differs, one column for each condition."""
    rows = tuple(
        (one.name, *(one.values.get(name, "") for name in comparison.conditions))
        for one in comparison.configuration
    )
    return Table(f"What differs, {_subject(comparison)}", ("input", *comparison.conditions), rows)


def tables_of(comparison: Comparison) -> tuple[Table, ...]:
    """What differs, the values, the differences, and what is only shown: those that have rows."""
    tables = (
        configuration_table(comparison),
        value_table(comparison),
        difference_table(comparison),
        shown_table(comparison),
    )
    return tuple(table for table in tables if table.rows)


def _subject(comparison: Comparison) -> str:
    return f"{', '.join(comparison.experiments)}, {comparison.axis}"


def _limits(interval: Interval) -> tuple[CsvCell, CsvCell]:
    return _number(interval.low), _number(interval.high)


def _number(value: float) -> CsvCell:
    """An infinite number is as little a number to other programs as an undefined one."""
    return value if math.isfinite(value) else None
