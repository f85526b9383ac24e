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
    cells_of,
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


def build_graph(connection: sqlite3.Connection, start: Start, direction: Direction) -> Graph:
    """Walk from the start and name every node and edge; results only downwards, where they are the end."""
    lineage = trace(connection, start.roots, direction)
    nodes: dict[str, Node] = {}
    edges: dict[Edge, None] = {}
    for node, edge in _runs(lineage, with_outside=direction == "up"):
        nodes.setdefault(node.id, node)
        if edge is not None:
            edges[edge] = None
    reported = results_of(connection, lineage.hops)
    for row in reported:
        is_end = direction == "down" or (
            start.metric == row["name"] and row["run_id"] in start.roots
        )
        if is_end:
            value = "undefined" if row["value"] is None else f"{row['value']:.6g}"
            counted = f"{value}, n {row['n']} of {row['n_total']}"
            node = Node(f"result:{row['run_id']}:{row['name']}", "result", row["name"], "", counted)
            nodes[node.id] = node
            edges[Edge(f"run:{row['run_id']}", node.id, "result")] = None
    if direction == "down" and start.kind in ("source", "model", "data set"):
        first = Node(f"{start.kind}:{start.name}", start.kind, start.name, "", "")
        nodes = {first.id: first, **nodes}
        edges |= {Edge(first.id, f"run:{root}", start.kind): None for root in start.roots}
    shown = dict.fromkeys(cell["experiment_id"] for cell in cells_of(connection, lineage.hops))
    return Graph(start, lineage, tuple(nodes.values()), tuple(edges), len(reported), tuple(shown))


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
    found: dict[Literal["model", "data set"], list[str]] = {"model": [], "data set": []}
    for wanted in dict.fromkeys((name, name.partition(":")[2] or name)):
        for row in runs_with_params(connection, wanted):
            params = json.loads(row["params"])
            for kind, field in (("model", "model"), ("data set", "dataset")):
                if _is_named(params.get(field), name, pin):
                    found["model" if kind == "model" else "data set"].append(row["id"])
    for kind, runs in found.items():
        if runs:
            return Start(kind, text, tuple(dict.fromkeys(runs)), "down")
    return None


def _is_named(identity: object, name: str, pin: str) -> bool:
    if isinstance(identity, str):
        return identity == name and not pin
    if not isinstance(identity, dict):
        return False
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
