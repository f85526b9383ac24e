"""`synthlab pareto EXPERIMENT`: conditions in the plane of two metrics, the dominated ones marked."""

from __future__ import annotations

import math
from dataclasses import asdict

from synthlab.analysis.comparison_json import finite_json
from synthlab.analysis.pareto import Coordinate, ParetoPlane, pareto_plane
from synthlab.cli.comparing import ComparisonNarrator
from synthlab.cli.output import Column, Output
from synthlab.cli.plot import check_size, print_chart
from synthlab.cli.session import Session
from synthlab.cli.words import figure
from synthlab.errors import ExitCode


def pareto(session: Session) -> ExitCode:
    """Draw the plane with its intervals and print the numbers under it."""
    from synthlab.analysis.charts.pareto import pareto_chart

    arguments, output = session.arguments, session.output
    check_size(arguments.width, arguments.height)
    with session.catalog() as connection:
        plane = pareto_plane(
            connection,
            session.home,
            arguments.experiment,
            x=arguments.x,
            y=arguments.y,
            swaps=arguments.swaps,
            progress=ComparisonNarrator(output, arguments.swaps),
        )
    if arguments.json:
        output.json("pareto", finite_json({**asdict(plane), "front": plane.front}))
    else:
        print_chart(session, plane.experiment, pareto_chart(plane))
        _print_numbers(output, plane)
    return ExitCode.DONE


def _print_numbers(output: Output, plane: ParetoPlane) -> None:
    output.data()
    output.table(
        [
            Column("condition", lambda row: row["point"].condition),
            Column(f"{plane.x.metric} [95 %]", lambda row: _coordinate(row["point"].x)),
            Column(f"{plane.y.metric} [95 %]", lambda row: _coordinate(row["point"].y)),
            Column("dominated by", lambda row: ", ".join(row["point"].dominated_by) or "—"),
        ],
        [{"point": point} for point in plane.points],
    )


def _coordinate(one: Coordinate) -> str:
    if math.isnan(one.value):
        return "undefined"
    text = figure(one.value)
    return text if math.isnan(one.low) else f"{text} [{one.low:.3g}, {one.high:.3g}]"
