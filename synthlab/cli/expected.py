"""`synthlab expected EXPERIMENT`: what its file foretold, and what came of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthlab.analysis.comparison_json import finite_json
from synthlab.cli.comparing import ComparisonNarrator
from synthlab.cli.output import Column, Output
from synthlab.cli.session import Session, one_experiment
from synthlab.cli.words import figure, many
from synthlab.errors import ExitCode
from synthlab.experiment.expectations import Expected
from synthlab.experiment.load import parse_spec

if TYPE_CHECKING:
    from synthlab.analysis.expected import CheckedPart, ExpectedTable


def show_expected(session: Session) -> ExitCode:
    """Print the table of foretold directions; a contradiction is a result, not a failure."""
    with session.catalog() as connection:
        experiment = one_experiment(connection, session.arguments.experiment)
        expected = foretold(experiment)
    if not expected and not session.arguments.json:
        session.output.say(f"{experiment['id']} foretells nothing: its file has no [[expected]]")
        return ExitCode.DONE
    table = _check(session, experiment, expected, session.arguments.swaps)
    if session.arguments.json:
        session.output.json("expected", finite_json(asdict(table)))
    else:
        print_table(session.output, table)
    return ExitCode.DONE


def print_expected(session: Session, name: str) -> None:
    """The table at the end of a run, if its file foretells anything."""
    from synthlab.analysis.compare_conditions import SWAPS

    with session.catalog() as connection:
        experiment = one_experiment(connection, name)
    expected = foretold(experiment)
    if expected and not session.arguments.json:
        session.output.data()
        print_table(session.output, _check(session, experiment, expected, SWAPS))


def foretold(experiment: Mapping[str, Any]) -> tuple[Expected, ...]:
    """The expectations in the file that an experiment was planned from."""
    return parse_spec(experiment["spec_text"], Path(experiment["file"])).expected


def _check(
    session: Session, experiment: Mapping[str, Any], expected: tuple[Expected, ...], swaps: int
) -> ExpectedTable:
    from synthlab.analysis.expected import check_expectations

    narrator = ComparisonNarrator(session.output, swaps)
    with session.catalog() as connection:
        return check_expectations(
            connection, session.home, experiment["id"], expected, swaps=swaps, progress=narrator
        )


def print_table(output: Output, table: ExpectedTable) -> None:
    """One row for each entry, and one below it for each of its inequalities if there are several."""
    rows: list[dict[str, Any]] = []
    for entry in table.rows:
        alone = entry.parts[0] if len(entry.parts) == 1 else None
        what = f"{entry.number} {entry.metric}: {entry.statement}"
        rows.append({"what": what, "part": alone, "outcome": entry.outcome})
        if alone is None:
            rows += [
                {"what": f"    {part.statement}", "part": part, "outcome": part.outcome}
                for part in entry.parts
            ]
        elif alone.at:
            means = ", ".join(f"{figure(one.value)} at {one.amount:g}" for one in alone.at)
            rows.append({"what": f"    mean {means}", "part": None, "outcome": ""})
    columns = [
        Column("foretold", lambda row: row["what"]),
        Column("seen [95 %]", lambda row: _seen(row["part"]), True),
        Column("p Holm", lambda row: _p(row["part"]), True),
        Column("outcome", lambda row: row["outcome"]),
        Column("why", lambda row: row["part"].why if row["part"] else ""),
    ]
    output.table(columns, rows)
    output.data()
    counts = Counter(entry.outcome for entry in table.rows)
    said = ", ".join(f"{counts[one]} {one}" for one in ("confirmed", "contradicted", "undecided"))
    parts = [part for entry in table.rows for part in entry.parts]
    seeds = max((part.seeds for part in parts), default=0)
    output.data(f"{table.experiment}: of {len(table.rows)} foretold directions {said}")
    if table.tests:
        output.data(
            f"  inequalities: paired over prompts, p after Holm over {many(table.tests, 'test')}, and no "
            "training seed says the opposite"
        )
    if any("slope" in part.statement for part in parts):
        output.data(
            "  slopes: least squares per unit of the amount, over new prompts and trainings"
        )
    if seeds == 1:
        output.data("  one training seed: said of these checkpoints, not of the conditions")


def _seen(part: CheckedPart | None) -> str:
    if part is None or math.isnan(part.difference):
        return "" if part is None else "—"
    text = f"{part.difference:+.2g}"
    if part.interval.is_defined:
        text += f" [{part.interval.low:+.2g}, {part.interval.high:+.2g}]"
    return text


def _p(part: CheckedPart | None) -> str:
    if part is None or math.isnan(part.p):
        return ""
    return "< .001" if part.p < 0.001 else figure(round(part.p, 3))
