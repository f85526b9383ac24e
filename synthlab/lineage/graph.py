"""Everything that a run, a source, a model or a data set comes from, or everything that it touches."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, TypeAlias

from storage.catalog.lineage import (
    Direction,
    count_results,
    experiments_of,
    results_of,
    runs_of_generator,
    runs_with_params,
)
from storage.catalog.queries import experiment_steps, find_experiment, find_runs
from synthlab.errors import NotFoundError, UsageError
from synthlab.lineage.hops import Lineage, outside, trace
from synthlab.lineage.names import find_results

NodeKind: TypeAlias = Literal[
    "experiment", "result", "run", "source", "model", "data set", "adapter", "embedder", "code",
    "environment",
]  # fmt: skip


@dataclass(frozen=True)
class Start:
    """What an id means: where a walk begins, and which way it goes unless somebody says otherwise."""

    kind: NodeKind
    name: str
    roots: tuple[str, ...]
    direction: Direction
    metric: str = ""
    """Of a result."""


@dataclass(frozen=True)
class Node:
    """One thing in the graph."""

    id: str
    kind: NodeKind
    name: str
    digest: str
    detail: str
    """Kind of step and state of a run, value of a result."""


@dataclass(frozen=True)
class Edge:
    """`target` was made from `source`."""

    source: str
    target: str
    role: str


@dataclass(frozen=True)
class Graph:
    """The whole walk."""

    start: Start
    lineage: Lineage
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    results: int
    """How many results the runs of the walk reported."""
    experiments: tuple[str, ...]
    """Experiments that show any run of the walk."""


def find_start(connection: sqlite3.Connection, text: str) -> Start:
    """What `text` names; raises NotFoundError with what is near, UsageError if it is ambiguous."""
    experiment = find_experiment(connection, text)
    if experiment is not None:
        steps = experiment_steps(connection, experiment["id"])
        measured = [step["id"] for step in steps if step["axis"]] or [step["id"] for step in steps]
        return Start("experiment", experiment["id"], tuple(dict.fromkeys(measured)), "up")
    runs = find_runs(connection, text)
    if len(runs) > 1:
        names = ", ".join(f"{run['id']} ({run['label']})" for run in runs[:5])
        raise UsageError(f"{text!r} could mean {len(runs)} runs: {names}", "give more letters")
    if runs:
        return Start("run", runs[0]["label"], (runs[0]["id"],), "up")
    if found := runs_of_generator(connection, text):
        return Start("source", text, tuple(found), "down")
    if (start := _outside_the_lab(connection, text)) is not None:
        return start
    if text.count(":") and find_experiment(connection, text.partition(":")[0]) is not None:
        named = find_results(connection, text)
        roots = tuple(fact.run_id for fact in (*named.results, *named.baseline))
        return Start("result", text, roots, "up", named.results[0].metric)
    known = _known_names(connection)
    near = get_close_matches(text, known, n=3, cutoff=0.5)
    raise NotFoundError(
        f"nothing in this lab is called {text!r}",
        f"did you mean {' or '.join(near)}?"
        if near
        else "name a run, an experiment, a source"
        " (synthlab sources), a model, a data set or a result",
    )


def build_graph(
    connection: sqlite3.Connection, start: Start, direction: Direction, *, with_results: bool = True
) -> Graph:
    """Walk from the start and name every node and edge.

    with_results: whether the numbers are nodes too: those of the start, and downwards all of them.
    """
    lineage = trace(connection, start.roots, direction)
    nodes: dict[str, Node] = {}
    edges: dict[Edge, None] = {}
    if direction == "down" and start.kind in ("source", "model", "data set"):
        first = Node(f"{start.kind}:{start.name}", start.kind, start.name, "", "")
        nodes[first.id] = first
        edges |= {Edge(first.id, f"run:{root}", start.kind): None for root in start.roots}
    for node, edge in _runs(lineage, with_outside=direction == "up"):
        nodes.setdefault(node.id, node)
        if edge is not None:
            edges[edge] = None
    if with_results:
        for node, edge in _results(connection, start, lineage):
            nodes[node.id] = node
            edges[edge] = None
    return Graph(
        start,
        lineage,
        tuple(nodes.values()),
        tuple(edges),
        count_results(connection, lineage.hops),
        tuple(experiments_of(connection, lineage.hops)),
    )


def _results(
    connection: sqlite3.Connection, start: Start, lineage: Lineage
) -> Iterator[tuple[Node, Edge]]:
    runs = lineage.hops if lineage.direction == "down" else start.roots if start.metric else ()
    for row in results_of(connection, runs):
        if lineage.direction == "down" or row["name"] == start.metric:
            value = "undefined" if row["value"] is None else f"{row['value']:.6g}"
            counted = f"{value}, n {row['n']} of {row['n_total']}"
            node = Node(f"result:{row['run_id']}:{row['name']}", "result", row["name"], "", counted)
            yield node, Edge(f"run:{row['run_id']}", node.id, "result")


def _runs(lineage: Lineage, *, with_outside: bool) -> Iterator[tuple[Node, Edge | None]]:
    for hop in lineage.hops.values():
        detail = f"{hop.kind}, {hop.state}" if hop.kind else hop.state
        own = Node(f"run:{hop.run_id}", "run", hop.label or hop.run_id, hop.digest or "", detail)
        yield own, None
        for given in hop.inputs:
            if given.run_id in lineage.hops:
                yield own, Edge(f"run:{given.run_id}", own.id, given.role)
        if not with_outside:
            continue
        if hop.kind in ("generate", "import") and hop.info.get("generator"):
            name = str(hop.info["generator"])
            yield (
                Node(f"source:{name}", "source", name, "", ""),
                Edge(f"source:{name}", own.id, "generator"),
            )
        for leaf in outside(lineage, hop.run_id):
            node = Node(leaf.id, leaf.kind, leaf.name, leaf.digest, "")
            yield node, Edge(leaf.id, own.id, leaf.kind)


def _outside_the_lab(connection: sqlite3.Connection, text: str) -> Start | None:
    """Runs that read a model or a data set of that name, with or without origin and digest."""
    name, _, pin = text.partition("@")
    models: list[str] = []
    data: list[str] = []
    for row in runs_with_params(connection, name.rpartition(":")[2]):
        if _is_named(row["model"], name, pin):
            models.append(row["id"])
        elif _is_named(row["dataset"], name, pin):
            data.append(row["id"])
    if models:
        return Start("model", text, tuple(models), "down")
    return Start("data set", text, tuple(data), "down") if data else None


def _is_named(field: str | None, name: str, pin: str) -> bool:
    """field: a model or data set of the parameters, as JSON; the step that fetches has a bare name."""
    if field is None:
        return False
    if not field.startswith("{"):
        return field == name and not pin
    identity = json.loads(field)
    plain = str(identity.get("id") or identity.get("name"))
    names = {plain, f"{identity.get('origin')}:{plain}"}
    pins = (str(identity.get("digest") or ""), str(identity.get("revision") or ""))
    return name in names and (not pin or any(one.startswith(pin) for one in pins))


def _known_names(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM experiments UNION SELECT label FROM experiment_steps"
        " UNION SELECT generator FROM sources"
    )
    return [row["name"] for row in rows]
