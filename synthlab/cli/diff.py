"""`synthlab diff A B`: the smallest set of inputs in which two results, runs or experiments differ."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict

from storage.catalog.queries import experiment_steps, find_experiment
from synthlab.cli.session import Session
from synthlab.errors import ExitCode, NotFoundError, UsageError
from synthlab.lineage.difference import DiffReport, diff_labelled, diff_nodes
from synthlab.lineage.graph import find_start
from synthlab.lineage.hops import trace
from synthlab.lineage.names import find_results
from synthlab.lineage.step_nodes import StepNode, nodes_of_lineage

PLACES_SHOWN = 3


def diff(session: Session) -> ExitCode:
    """Print what differs; that something does is no failure."""
    arguments, output = session.arguments, session.output
    with session.catalog() as connection:
        report = difference_of(connection, arguments.old, arguments.new)
    if arguments.json:
        output.json("diff", {"old": arguments.old, "new": arguments.new, **asdict(report)})
        return ExitCode.DONE
    for one in report.differences:
        output.data(f"{one.name}: {one.old} -> {one.new}")
        more = (
            f" and {len(one.places) - PLACES_SHOWN} more" if len(one.places) > PLACES_SHOWN else ""
        )
        output.data(f"  in {', '.join(one.places[:PLACES_SHOWN])}{more}")
    for side, labels in (("old", report.only_old), ("new", report.only_new)):
        if labels:
            more = f" and {len(labels) - PLACES_SHOWN} more" if len(labels) > PLACES_SHOWN else ""
            name = arguments.old if side == "old" else arguments.new
            output.data(f"only in {name}: {', '.join(labels[:PLACES_SHOWN])}{more}")
    if not (report.differences or report.only_old or report.only_new):
        output.data("no input differs")
    for note in report.notes:
        output.data(f"note: {note}")
    return ExitCode.DONE


def difference_of(connection: sqlite3.Connection, old: str, new: str) -> DiffReport:
    """Compare two experiments, or two runs or results; raises NotFoundError or UsageError."""
    first, second = find_experiment(connection, old), find_experiment(connection, new)
    if first is not None and second is not None:
        return diff_labelled(
            _of_experiment(connection, first["id"]), _of_experiment(connection, second["id"])
        )
    if first is not None or second is not None:
        _roots(connection, new if first else old)
        raise UsageError(
            f"{old if first else new!r} is an experiment and the other is not",
            "compare two experiments, or two results or runs",
        )
    before, after = _roots(connection, old), _roots(connection, new)
    if before.keys() != after.keys() and not len(before) == len(after) == 1:
        # Seeds that only one side has say nothing of the inputs.
        common = [name for name in before if name in after]
        if not common:
            raise UsageError(f"{old!r} and {new!r} have no seed in common", "name one with .sSEED")
        before, after = ({name: side[name] for name in common} for side in (before, after))
    return diff_nodes(zip(before.values(), after.values(), strict=True))


def _of_experiment(connection: sqlite3.Connection, experiment: str) -> dict[str, StepNode]:
    steps = experiment_steps(connection, experiment)
    labels = {step["id"]: step["label"] for step in reversed(steps)}
    nodes = nodes_of_lineage(trace(connection, labels), labels)
    return {step["label"]: nodes[step["id"]] for step in steps}


def _of_condition(connection: sqlite3.Connection, name: str) -> dict[str, StepNode] | None:
    """The runs that measure EXPERIMENT:CONDITION on its first axis; None if the name is no such pair.

    Raises NotFoundError if the experiment has not measured the condition.
    """
    experiment, _, condition = name.partition(":")
    found = find_experiment(connection, experiment)
    if found is None or not condition or "/" in condition or ":" in condition:
        return None
    measured = [step for step in experiment_steps(connection, found["id"]) if step["axis"]]
    steps = [step for step in measured if step["condition"] == condition]
    if not steps:
        known = ", ".join(dict.fromkeys(str(step["condition"]) for step in measured))
        raise NotFoundError(
            f"{found['id']} has not measured a condition {condition!r}", f"it has: {known}"
        )
    chosen = {str(step["seed"]): step for step in steps if step["axis"] == steps[0]["axis"]}
    labels = {step["id"]: str(step["label"]) for step in chosen.values()}
    nodes = nodes_of_lineage(trace(connection, labels), labels)
    return {seed: nodes[step["id"]] for seed, step in chosen.items()}


def _roots(connection: sqlite3.Connection, name: str) -> dict[str, StepNode]:
    """The runs that a name means, by seed."""
    if (measured := _of_condition(connection, name)) is not None:
        return measured
    start = find_start(connection, name)
    labels: dict[str, str] = {}
    by_seed: dict[str, str] = {}
    if start.kind == "result":
        named = find_results(connection, name)
        if named.baseline:
            raise UsageError(f"{name!r} is a difference already", "name one result on each side")
        by_seed = {str(fact.seed): fact.run_id for fact in named.results}
        labels = {fact.run_id: fact.label for fact in named.results}
    elif start.kind == "run":
        by_seed = {"": start.roots[0]}
    else:
        raise UsageError(
            f"{name!r} is a {start.kind}", "compare two results, two runs or two experiments"
        )
    nodes = nodes_of_lineage(trace(connection, by_seed.values()), labels)
    return {seed: nodes[run_id] for seed, run_id in by_seed.items()}
