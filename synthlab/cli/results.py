"""`synthlab results EXPERIMENT`: the numbers, condition beside condition, seed beside seed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from storage.catalog.queries import experiment_results, experiment_steps
from synthlab.analysis.headline import HEADLINES, Headline, headlines_of
from synthlab.analysis.summary import MetricLine, ResultTable, SeedValue, summarise
from synthlab.cli.output import Column, Output
from synthlab.cli.session import Session, one_experiment
from synthlab.cli.words import figure
from synthlab.errors import ExitCode

COUNTED = {"collapse": "answers", "robustness": "answers", "bias": "judgements"}
"""What the n of an axis counts."""


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
        table = summarise(rows)
        axes = list(dict.fromkeys(line.axis for line in table.lines))
        short = [axis for axis in axes if axis in HEADLINES]
        if session.arguments.all or not short:
            _print_long(output, experiment, table)
        else:
            for number, axis in enumerate(short):
                if number:
                    output.data()
                _print_short(output, experiment, table, axis)
            output.say(f"  every metric: synthlab results {experiment['name']} --all")
            for axis in short:
                say = f"synthlab compare {experiment['name']} --axis {axis}"
                output.say(f"  with intervals and tests: {say}")
        for warning in _judge_warnings(rows):
            output.say(f"  note: {warning}")
    else:
        output.say(f"{experiment['id']}: nothing is measured yet")
    if missing:
        output.say(f"not measured: {', '.join(missing)}")
        return ExitCode.DEGRADED
    return ExitCode.DONE


def _judge_warnings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the numbers' runs say of their judge, each once."""
    found = dict.fromkeys(json.loads(row["detail"]).get("judge_warning") for row in rows)
    return [str(warning) for warning in found if warning]


def _print_short(
    output: Output, experiment: Mapping[str, Any], table: ResultTable, axis: str
) -> None:
    """One row for each condition and seed, one column for each headline metric of the axis."""
    lines = {line.name: line for line in table.lines if line.axis == axis}
    headlines = headlines_of(axis, lines)
    rows: list[dict[str, Any]] = []
    for condition in table.conditions:
        cells = {h.metric: lines[h.metric].cells[condition] for h in headlines}
        seeds = sorted({value.seed for cell in cells.values() for value in cell.seeds})
        for seed in seeds:
            values = {m: cell.of_seed(seed) for m, cell in cells.items()}
            rows.append({"condition": condition, "seed": str(seed), "values": values})
        if len(seeds) > 1:
            means = {metric: cell.mean for metric, cell in cells.items()}
            rows.append({"condition": condition, "seed": "mean", "means": means})
    columns = [
        Column("condition", lambda row: row["condition"]),
        Column("seed", lambda row: row["seed"], True),
        Column("n", _scored, True),
        *(Column(headline.title, _HeadlineText(headline.metric), True) for headline in headlines),
    ]
    output.table(columns, rows)
    output.data()
    output.data(
        f"{experiment['id']}, {axis}: n = {COUNTED[axis]} scored, M of N where some were not"
    )
    width = max(len(headline.title) for headline in headlines)
    for headline in headlines:
        part = _part_read(lines[headline.metric])
        output.data(f"  {headline.title:<{width}}  {headline.meaning}{part}")
    for reason, titles in _undefined(headlines, lines).items():
        output.data(f"  undefined: {', '.join(titles)}: {reason}")


def _undefined(
    headlines: Sequence[Headline], lines: Mapping[str, MetricLine]
) -> dict[str, list[str]]:
    """Which columns have undefined numbers, by the reason; of several reasons the first."""
    found: dict[str, list[str]] = {}
    for headline in headlines:
        cells = lines[headline.metric].cells.values()
        missing = [value for cell in cells for value in cell.seeds if value.value is None]
        reasons = list(dict.fromkeys(value.reason for value in missing))
        if reasons:
            more = f" (and {len(reasons) - 1} more: --all)" if len(reasons) > 1 else ""
            found.setdefault(f"{reasons[0]}{more}", []).append(headline.title)
    return found


def _part_read(line: MetricLine) -> str:
    """How many answers a metric on a fixed budget read; nothing for one that read them all."""
    values = [value for cell in line.cells.values() for value in cell.seeds]
    budgets = {value.key.get("token_budget") for value in values} - {None}
    if not budgets:
        return ""
    fewest, most = min(value.n for value in values), max(value.n for value in values)
    read = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    total = max(value.n_total for value in values)
    return f"; on {'/'.join(map(str, budgets))} tokens, {read} of {total} answers"


class _HeadlineText:
    """Shows one headline metric of a row: a seed's value, or the mean over seeds."""

    def __init__(self, metric: str) -> None:
        self._metric = metric

    def __call__(self, row: Mapping[str, Any]) -> str:
        if "means" in row:
            return figure(row["means"][self._metric])
        value: SeedValue | None = row["values"][self._metric]
        return "—" if value is None else figure(value.value)


def _scored(row: Mapping[str, Any]) -> str:
    """How many answers most metrics of the row scored; those on a fixed budget read fewer."""
    if "means" in row:
        return ""
    values = [value for value in row["values"].values() if value is not None]
    most = max(values, key=lambda value: value.n, default=None)
    if most is None:
        return "—"
    return str(most.n) if most.n == most.n_total else f"{most.n} of {most.n_total}"


def _print_long(output: Output, experiment: Mapping[str, Any], table: ResultTable) -> None:
    """One row for each metric and condition, every seed's value in it."""
    rows: list[dict[str, Any]] = [
        {"line": line, "cell": cell}
        for line in table.lines
        for cell in line.cells.values()
        if cell.seeds
    ]
    columns = [
        Column("metric", lambda row: row["line"].name),
        Column("condition", lambda row: row["cell"].condition),
        Column("mean", lambda row: figure(row["cell"].mean), True),
        Column("by seed", lambda row: " ".join(figure(s.value) for s in row["cell"].seeds)),
        Column("scored", lambda row: row["cell"].scored),
        Column("unit", lambda row: row["line"].unit),
        Column("why undefined", lambda row: row["cell"].reasons),
    ]
    output.table(columns, rows)
    seeds = sorted({s.seed for row in rows for s in row["cell"].seeds})
    listed = ", ".join(map(str, seeds))
    few = "" if len(seeds) > 1 else ": one seed, nothing is known of the spread over seeds"
    output.data(f"\n{experiment['id']}: seeds {listed}{few}")
