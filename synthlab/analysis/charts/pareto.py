"""The figure of a Pareto plane: a point for each condition with an interval both ways."""

from __future__ import annotations

from synthlab.analysis.charts.descriptions import (
    Axis,
    IntervalPoint,
    IntervalSeries,
    ScatterWithIntervals,
)
from synthlab.analysis.pareto import ParetoPlane, PlaneAxis

DOMINATED = "†"


def pareto_chart(plane: ParetoPlane) -> ScatterWithIntervals:
    """One series for each condition; a dominated one has a dagger behind its name."""
    series = tuple(
        IntervalSeries(
            point.condition + (f" {DOMINATED}" if point.dominated_by else ""),
            (
                IntervalPoint(
                    point.x.value,
                    point.y.value,
                    point.y.low,
                    point.y.high,
                    point.x.low,
                    point.x.high,
                ),
            ),
        )
        for point in plane.points
    )
    losers = [point for point in plane.points if point.dominated_by]
    return ScatterWithIntervals(
        f"{plane.y.name} against {plane.x.name}",
        Axis(_label(plane.x)),
        Axis(_label(plane.y)),
        series,
        (
            *(
                f"{DOMINATED} {p.condition}: dominated by {', '.join(p.dominated_by)}"
                for p in losers
            ),
            *plane.notes,
        ),
    )


def _label(axis: PlaneAxis) -> str:
    return ", ".join(part for part in (axis.metric, axis.unit, axis.direction) if part)
