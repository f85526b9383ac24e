"""`synthlab show ID`: everything that is known of one run or experiment."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from storage.catalog.queries import (
    Row,
    experiment_steps,
    find_experiment,
    metric_series,
    run_details,
)
from synthlab.cli.output import Column, Output, number_column, text_column
from synthlab.cli.session import Session, one_run
from synthlab.cli.words import duration, figure, moment, size
from synthlab.errors import ExitCode
from synthlab.experiment.probes import COUNT, PREFIX, REFERENCE_STEP, is_probe

STEP_COLUMNS = (
    text_column("step", "label"),
    text_column("state", "state"),
    Column("reason", lambda row: row["reason"] or "—"),
    text_column("run", "id"),
    text_column("condition", "condition"),
    text_column("seed", "seed"),
)


def show(session: Session) -> ExitCode:
    """Print an experiment if one has that name or id, else the run."""
    name, output = session.arguments.id, session.output
    with session.catalog() as connection:
        experiment = find_experiment(connection, name)
        if experiment is not None:
            steps = experiment_steps(connection, experiment["id"])
            _show_experiment(output, experiment, steps, as_json=session.arguments.json)
            return ExitCode.DONE
        run = one_run(connection, name, or_experiment=True)
        details = run_details(connection, run["id"])
        details["probes"] = _probes(connection, run["id"], details["metrics"])
    document = {**run, "directory": str(session.home.run(run["id"])), **details}
    for field in ("params", "info", "evidence", "process"):
        document[field] = json.loads(run[field]) if run[field] else None
    if session.arguments.json:
        output.json("run", document)
    else:
        _show_run(output, document)
    return ExitCode.DONE


def _probes(
    connection: sqlite3.Connection, run_id: str, metrics: Sequence[Row]
) -> list[dict[str, Any]]:
    """The newest number of each probe beside the base model's, with the items that it rests on."""
    last = {row["name"]: row for row in metrics if is_probe(row["name"])}
    found = []
    for name, row in last.items():
        axis, _, metric = name.removeprefix(PREFIX).partition("/")
        if metric == COUNT:
            continue
        first = next(iter(metric_series(connection, run_id, name)), None)
        known = first is not None and first["step"] == REFERENCE_STEP
        found.append(
            {
                "name": name,
                "step": row["step"],
                "value": row["value"],
                "base": first["value"] if first is not None and known else None,
                "n": last.get(f"{PREFIX}{axis}/{COUNT}", {}).get("value"),
            }
        )
    return found


def _show_experiment(
    output: Output, experiment: Row, steps: Sequence[Row], *, as_json: bool
) -> None:
    if as_json:
        names = ("label", "condition", "seed", "axis", "id", "kind", "key", "state", "reason")
        rows = [{name: step[name] for name in names} for step in steps]
        output.json("experiment", {**experiment, "steps": rows})
        return
    output.data(f"{experiment['id']}  {experiment['description']}")
    output.data(f"file     {experiment['file']} (sha256 {experiment['spec_sha256'][:12]})")
    output.data(f"created  {moment(experiment['created_at'])}\n")
    output.table(STEP_COLUMNS, steps)


def _show_run(output: Output, run: Mapping[str, Any]) -> None:
    took = run["ended_at"] - run["started_at"] if run["started_at"] and run["ended_at"] else None
    reason = f" ({run['reason']})" if run["reason"] else ""
    facts = {
        "run": f"{run['id']}  {run['label']}",
        "state": f"{run['state']}{reason}, attempt {run['attempt']}",
        "why": "; ".join(text for text in (run["message"], run["hint"]) if text),
        "key": run["key"],
        "content": run["digest"] or "",
        "created": moment(run["created_at"]),
        "took": duration(took) if took is not None else "",
        "directory": run["directory"],
        "evidence": json.dumps(run["evidence"]) if run["evidence"] else "",
    }
    for name, value in facts.items():
        if value:
            output.data(f"{name:<10} {value}")
    output.data("\nparameters")
    for line in json.dumps(run["params"], indent=1, ensure_ascii=False).splitlines()[1:-1]:
        output.data(f" {line}")
    _show_tables(output, run)


def _show_tables(output: Output, run: Mapping[str, Any]) -> None:
    sections: dict[str, Sequence[Column]] = {
        "inputs": (
            text_column("role", "role"),
            text_column("label", "label"),
            text_column("state", "state"),
            text_column("run", "input_run_id"),
        ),
        "read_by": (
            text_column("label", "label"),
            text_column("role", "role"),
            text_column("state", "state"),
            text_column("run", "run_id"),
        ),
        "outputs": (
            text_column("file", "path"),
            Column("size", lambda row: size(row["size"]), True),
            Column("sha256", lambda row: row["sha256"][:12]),
        ),
        "metrics": (
            text_column("metric", "name"),
            number_column("last step", "step", "{:d}"),
            number_column("value", "value", "{:.5g}"),
        ),
        "probes": (
            text_column("probe, on few prompts", "name"),
            number_column("last step", "step", "{:d}"),
            number_column("value", "value", "{:.5g}"),
            number_column("base model", "base", "{:.5g}"),
            number_column("n", "n", "{:.0f}"),
        ),
        "results": (
            text_column("result", "name"),
            Column("value", lambda row: figure(row["value"]), True),
            Column("scored", lambda row: f"{row['n']} of {row['n_total']}", True),
            Column("reason", lambda row: row["reason"] or "—"),
        ),
        "notes": (text_column("note", "text"),),
    }
    for name, columns in sections.items():
        rows = run[name]
        if name == "metrics":
            rows = [row for row in rows if not is_probe(row["name"])]
        if rows:
            output.data(f"\n{name.replace('_', ' ')}")
            output.table(columns, rows)
