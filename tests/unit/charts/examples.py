"""One chart of each kind, with values that no random generator changes."""

from __future__ import annotations

import math

from synthlab.analysis.charts.descriptions import (
    Axis,
    Bar,
    BarChart,
    BoxChart,
    Chart,
    Heatmap,
    Histogram,
    IntervalPoint,
    IntervalSeries,
    LineChart,
    Sample,
    ScatterWithIntervals,
    Series,
    box_of,
)

CONDITIONS = ("vanilla", "human", "single", "multi")
STEPS = tuple(float(step) for step in range(0, 200, 2))


def spread(shift: float) -> tuple[float, ...]:
    """Skewed positive values: the quantiles of a log-normal law, roughly."""
    return tuple(math.exp(2 + shift + 1.2 * math.log((i + 0.5) / (39.5 - i))) for i in range(40))


EXAMPLES: dict[str, Chart] = {
    "lines": LineChart(
        "Training loss",
        Axis("step"),
        Axis("loss, nats per token"),
        tuple(
            Series(name, STEPS, tuple(3 * math.exp(-x / (40 + 15 * k)) + 1 for x in STEPS), 100)
            for k, name in enumerate(CONDITIONS)
        ),
    ),
    "scatter": ScatterWithIntervals(
        "Self-BLEU against N",
        Axis("N, answers", "log"),
        Axis("Self-BLEU-4"),
        tuple(
            IntervalSeries(
                name,
                tuple(
                    IntervalPoint(2.0**i, 0.1 * i + 0.03 * k, 0.1 * i - 0.02, 0.1 * i + 0.1)
                    for i in range(1, 8)
                ),
                128,
            )
            for k, name in enumerate(CONDITIONS)
        ),
    ),
    "boxes": BoxChart(
        "PPL-1: own answers under the base model",
        Axis("perplexity", "log"),
        tuple(box_of(name, spread(0.3 * k), "log") for k, name in enumerate(CONDITIONS)),
        ("box: quartiles; line: median; ◆ mean",),
    ),
    "bars": BarChart(
        "Self-BLEU-4",
        Axis("Self-BLEU-4, lower = more diverse"),
        (
            Bar("human s0", 0.31, 0.25, 0.37, 16),
            Bar("human s1", 0.29, 0.22, 0.36, 16),
            Bar("single", 0.52, n=16),
            Bar("odd", math.nan, reason="no text has words"),
        ),
    ),
    "signed bars": BarChart(
        "Bias", Axis("bias"), (Bar("human", -0.3, -0.4, -0.2, 10), Bar("single", 0.5, n=10))
    ),
    "histogram": Histogram(
        "PPL-1",
        Axis("perplexity", "log"),
        tuple(Sample(name, spread(0.3 * k)) for k, name in enumerate(CONDITIONS)),
    ),
    "heatmap": Heatmap(
        "Source x metric",
        ("self-bleu", "distinct-2", "ppl1"),
        ("human", "single", "multi"),
        ((0.3, 0.9, 12.0), (0.5, 0.7, 8.0), (0.4, math.nan, 10.0)),
        "value",
        16,
    ),
}
