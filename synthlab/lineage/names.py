"""What a person may call a result, and which results that means."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from storage.catalog.lineage import results_named
from storage.catalog.queries import Row, experiment_steps, find_experiment, find_runs
from synthlab.errors import NotFoundError, UsageError

FORMS = (
    "EXPERIMENT:CONDITION[.sSEED]:METRIC, EXPERIMENT:LABEL:METRIC or RUN:METRIC;"
    " EXPERIMENT:CONDITION,BASELINE:METRIC for a difference"
)
CELL = re.compile(r"(?P<condition>.+?)(?:\.s(?P<seed>\d+))?")


@dataclass(frozen=True)
class ResultFact:
    """One number as its run reported it."""

    experiment: str
    """Empty where the run was named without one."""
    condition: str
    seed: int | None
    axis: str
    label: str
    run_id: str
    metric: str
    value: float | None
    unit: str
    n: int
    n_total: int
    low: float | None
    high: float | None
    reason: str
    """Why it is undefined; empty if it is not."""
    key: Mapping[str, Any]
    """What must be equal for two results to be comparable."""
    detail: Mapping[str, Any]


OF_ALL_JUDGES = ("bias-net", "bias-difference", "bias-equal-opportunity")
"""Numbers that `compare` makes of the items of every judge of a seed; no run reports them."""


@dataclass(frozen=True)
class NamedResults:
    """What a name means: the results of a condition, one for each seed, and those of a baseline."""

    name: str
    results: tuple[ResultFact, ...]
    baseline: tuple[ResultFact, ...] = ()
    also: tuple[str, ...] = ()
    """Other runs whose items the number is made of."""


def find_results(connection: sqlite3.Connection, name: str) -> NamedResults:
    """The results that `name` means; raises NotFoundError with what is near, UsageError for no name."""
    head, colon, rest = name.partition(":")
    if not colon or not rest:
        raise UsageError(f"{name!r} names no result", f"write {FORMS}")
    experiment = find_experiment(connection, head)
    if experiment is None:
        return NamedResults(name, _of_run(connection, name, head, rest))
    cell, colon, metric = rest.partition(":")
    if not colon or not metric:
        raise UsageError(f"{name!r} names no metric", f"write {FORMS}")
    steps = [step for step in experiment_steps(connection, experiment["id"]) if step["axis"]]
    sides = [_of_cell(connection, experiment["id"], steps, one, metric) for one in cell.split(",")]
    if len(sides) > 2:
        raise UsageError(f"{name!r}: a difference has two sides", f"write {FORMS}")
    seeds = {fact.seed for side in sides for fact in side}
    panel = [s["id"] for s in steps if s["axis"] == "bias" and s["seed"] in seeds]
    also = tuple(dict.fromkeys(panel)) if metric in OF_ALL_JUDGES else ()
    return NamedResults(name, sides[0], sides[1] if len(sides) == 2 else (), also)


def _of_cell(
    connection: sqlite3.Connection, experiment: str, steps: Sequence[Row], cell: str, metric: str
) -> tuple[ResultFact, ...]:
    chosen = [step for step in steps if step["label"] == cell]
    if not chosen:
        match = CELL.fullmatch(cell)
        condition, seed = (match["condition"], match["seed"]) if match else (cell, None)
        chosen = [
            step
            for step in steps
            if step["condition"] == condition and seed in (None, str(step["seed"]))
        ]
    if not chosen:
        known = [f"{step['condition']}.s{step['seed']}" for step in steps]
        known += [step["condition"] for step in steps]
        known += [step["label"] for step in steps]
        raise NotFoundError(
            f"{experiment} has not measured {cell!r}", _suggest(cell, known, "it has")
        )
    if metric in OF_ALL_JUDGES:
        judges = [step for step in chosen if step["axis"] == "bias"]
        if judges:
            return tuple(_of_judges(step, experiment, metric) for step in judges)
    rows = [(s, r) for s in chosen for r in results_named(connection, s["id"], metric)]
    if not rows:
        run_ids = list(dict.fromkeys(step["id"] for step in chosen))
        known = [r["name"] for run_id in run_ids for r in results_named(connection, run_id)]
        unfinished = [s["label"] for s in chosen if s["state"] != "succeeded"]
        if not known and unfinished:
            raise NotFoundError(
                f"{experiment}: {', '.join(unfinished)} has not succeeded",
                f"synthlab show {experiment} tells what is missing",
            )
        raise NotFoundError(
            f"{experiment}: {cell} has no result {metric!r}",
            _suggest(metric, known, f"synthlab results {experiment} --all lists them;"),
        )
    return tuple(_fact(row, step, experiment) for step, row in rows)


def _of_run(
    connection: sqlite3.Connection, name: str, head: str, metric: str
) -> tuple[ResultFact, ...]:
    runs = find_runs(connection, head)
    if len(runs) > 1:
        raise UsageError(f"{head!r} could mean {len(runs)} runs", "give more letters")
    if not runs:
        names = connection.execute("SELECT DISTINCT name FROM experiments").fetchall()
        known = [row["name"] for row in names]
        raise NotFoundError(
            f"there is no experiment or run {head!r} in {name!r}",
            _suggest(head, known, "experiments:"),
        )
    run = runs[0]
    rows = results_named(connection, run["id"], metric)
    if not rows:
        known = [row["name"] for row in results_named(connection, run["id"])]
        what = _suggest(metric, known, "it has") if known else "it measures nothing"
        raise NotFoundError(f"run {run['id']} ({run['label']}) has no result {metric!r}", what)
    step = {"condition": "", "seed": None, "axis": run["kind"], "label": run["label"]}
    return (_fact(rows[0], step, ""),)


def _suggest(wrong: str, known: Iterable[str], otherwise: str) -> str:
    names = list(dict.fromkeys(known))
    near = get_close_matches(wrong, names, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    shown = ", ".join(names[:6]) + (" …" if len(names) > 6 else "")
    return f"{otherwise} {shown}"


def _of_judges(step: Row, experiment: str, metric: str) -> ResultFact:
    reason = f"made of all judges' items: synthlab compare {experiment} --axis bias"
    return ResultFact(
        experiment, step["condition"], step["seed"], "bias", step["label"], step["id"], metric,
        None, "", 0, 0, None, None, reason, {}, {},
    )  # fmt: skip


def _fact(row: Row, step: Mapping[str, Any], experiment: str) -> ResultFact:
    return ResultFact(
        experiment,
        step["condition"] or "",
        step["seed"],
        step["axis"],
        step["label"],
        row["run_id"],
        row["name"],
        row["value"],
        row["unit"] or "",
        row["n"],
        row["n_total"],
        row["low"],
        row["high"],
        row["reason"] or "",
        dict(json.loads(row["key"])),
        dict(json.loads(row["detail"])),
    )
