"""The chart of one metric over the compared conditions: its values, or its differences."""

from __future__ import annotations

import math

from synthlab.analysis.charts.descriptions import (
    Axis,
    Bar,
    BarChart,
    IntervalPoint,
    IntervalSeries,
    ScatterWithIntervals,
)
from synthlab.analysis.comparison import Comparison, MetricComparison, ShownMetric

INTERVALS = "├ ┤ 95 % interval over prompts, of these checkpoints"


def value_chart(comparison: Comparison, metric: MetricComparison | ShownMetric) -> BarChart:
    """A bar from zero with its interval for each condition."""
    if isinstance(metric, ShownMetric):
        bars = tuple(
            Bar(
                name,
                metric.values.get(name, math.nan),
                reason="" if math.isfinite(metric.values.get(name, math.nan)) else "undefined",
                is_unlike=bool(metric.unlike) and name != comparison.baseline,
            )
            for name in comparison.conditions
        )
        notes: tuple[str, ...] = (metric.why_untested,)
    else:
        bars = tuple(
            _value_bar(comparison, metric, name)
            for name in comparison.conditions
            if name in metric.values
        )
        notes = (INTERVALS, f"scored {metric.n_rows} of {metric.n_candidates}")
    return BarChart(metric.id, Axis(_label(metric)), bars, notes)


def interval_chart(comparison: Comparison, metric: MetricComparison) -> ScatterWithIntervals:
    """A point with its interval for each condition, over an axis that need not begin at zero."""
    names = [name for name in comparison.conditions if name in metric.values]
    series = []
    for place, name in enumerate(names):
        bar = _value_bar(comparison, metric, name)
        point = IntervalPoint(float(place), bar.value, bar.low, bar.high)
        series.append(
            IntervalSeries(f"{name} ▒ unlike" if bar.is_unlike else name, (point,), bar.n)
        )
    places = Axis("", names=tuple(names), lower=-0.5, upper=len(names) - 0.5)
    notes = (INTERVALS, f"scored {metric.n_rows} of {metric.n_candidates}")
    return ScatterWithIntervals(metric.id, places, Axis(_label(metric)), tuple(series), notes)


def difference_chart(comparison: Comparison, metric: MetricComparison) -> BarChart:
    """A bar from zero with its interval for each condition against the baseline."""
    bars = tuple(
        Bar(
            one.name,
            math.nan if one.result.unlike else one.result.difference,
            one.result.interval.low,
            one.result.interval.high,
            one.result.n_units,
            one.result.reason,
            bool(one.result.unlike),
        )
        for one in metric.contrasts
    )
    title = f"{metric.id}, minus {comparison.baseline}"
    return BarChart(title, Axis(_label(metric)), bars, (INTERVALS,))


def _value_bar(comparison: Comparison, metric: MetricComparison, name: str) -> Bar:
    estimate = metric.values[name].estimate
    contrast = metric.against(name)
    unlike = contrast is not None and bool(contrast.result.unlike)
    interval = estimate.interval
    return Bar(
        name, estimate.value, interval.low, interval.high, estimate.n, estimate.reason, unlike
    )


def _label(metric: MetricComparison | ShownMetric) -> str:
    return ", ".join(part for part in (metric.unit or metric.id, metric.direction) if part)
