"""`synthlab results EXPERIMENT`: the numbers, condition beside condition, seed beside seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from storage.catalog.queries import experiment_results, experiment_steps
from synthlab.analysis.summary import CellSummary, MetricLine, ResultTable, summarise
from synthlab.cli.output import Column, Output
from synthlab.cli.session import Session, one_experiment
from synthlab.cli.words import figure
from synthlab.errors import ExitCode


def show_results(session: Session) -> ExitCode:
    """Print the results of an experiment; exit code 5 if some of its steps have not succeeded."""
    return print_results(session, session.arguments.experiment)


def print_results(session: Session, name: str) -> ExitCode:
    """Print what is measured so far, and say aloud what is missing."""
    output = session.output
    with session.catalog() as connection:
        experiment = one_experiment(connection, name)
        rows = experiment_results(connection, experiment["id"])
        steps = experiment_steps(connection, experiment["id"])
    missing = [step["label"] for step in steps if step["axis"] and step["state"] != "succeeded"]
    if session.arguments.json:
        shown = [
            {**row, "key": json.loads(row["key"]), "detail": json.loads(row["detail"])}
            for row in rows
        ]
        output.json("results", {"experiment": experiment["id"], "rows": shown, "missing": missing})
    elif rows:
        _print_table(output, experiment, summarise(rows))
    else:
        output.say(f"{experiment['id']}: nothing is measured yet")
    if missing:
        output.say(f"not measured: {', '.join(missing)}")
        return ExitCode.DEGRADED
    return ExitCode.DONE


def _print_table(output: Output, experiment: Mapping[str, Any], table: ResultTable) -> None:
    seeds = sorted({s.seed for line in table.lines for c in line.cells.values() for s in c.seeds})
    columns = [Column("metric", _metric_name)]
    for condition in table.conditions:
        columns.append(Column(condition, _CellText(condition), True))
    columns.append(Column("n", _scored, True))
    output.table(columns, [{"line": line} for line in table.lines])
    listed = ", ".join(str(seed) for seed in seeds)
    output.data(
        f"{experiment['id']}: mean over {len(seeds)} seeds ({listed}), in brackets each seed's value"
        if len(seeds) > 1
        else f"{experiment['id']}: one seed ({listed}); nothing is known of the spread over seeds"
    )


def _metric_name(row: Mapping[str, MetricLine]) -> str:
    line = row["line"]
    return f"{line.name} ({line.unit})" if line.unit else line.name


class _CellText:
    """Shows a condition's cell: its mean and every seed's value behind it."""

    def __init__(self, condition: str) -> None:
        self._condition = condition

    def __call__(self, row: Mapping[str, MetricLine]) -> str:
        cell: CellSummary = row["line"].cells[self._condition]
        if not cell.seeds:
            return "—"
        if len(cell.seeds) == 1:
            return figure(cell.mean)
        return f"{figure(cell.mean)} [{' '.join(figure(s.value) for s in cell.seeds)}]"


def _scored(row: Mapping[str, MetricLine]) -> str:
    counts = dict.fromkeys(c.scored for c in row["line"].cells.values() if c.seeds)
    return "; ".join(counts)
