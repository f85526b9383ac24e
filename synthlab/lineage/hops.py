"""Runs as hops between a number and the data outside the lab: read from the catalog, never changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from storage.catalog.lineage import Direction, inputs_of, walk_runs
from storage.catalog.queries import Row
from synthlab.experiment.keys import step_key
from synthlab.experiment.steps import JOB_VERSIONS, StepKey

LeafKind: TypeAlias = Literal["model", "data set", "adapter", "embedder", "code", "environment"]


@dataclass(frozen=True)
class HopInput:
    """What a run read, and which content it had when the run was launched."""

    role: str
    run_id: str
    digest: str | None


@dataclass(frozen=True)
class Leaf:
    """Something that a run used and that is not a run: it lies outside the lab, or is the lab itself."""

    kind: LeafKind
    name: str
    digest: str
    """What pins it: a content digest or a commit; empty where nothing does."""

    @property
    def id(self) -> str:
        """Unique in a graph."""
        return f"{self.kind}:{self.name}" + (f"@{self.digest}" if self.digest else "")

    @property
    def shown(self) -> str:
        """For a line of a terminal."""
        return f"{self.name}@{self.digest[:12]}" if self.digest else self.name


@dataclass(frozen=True)
class Hop:
    """One run on the way."""

    run_id: str
    kind: str
    label: str
    key: str
    state: str
    digest: str | None
    """Content of what it published; None if it has not succeeded."""
    inputs: tuple[HopInput, ...]
    params_text: str
    info_text: str
    process_text: str
    seconds: float | None
    """How long its last attempt took."""
    is_here: bool = True
    """False for an input that this lab does not hold: all else is empty then."""

    @cached_property
    def params(self) -> Mapping[str, Any]:
        """What it was to do."""
        return dict(json.loads(self.params_text or "{}"))

    @cached_property
    def info(self) -> Mapping[str, Any]:
        """What it said of its output, the environment included."""
        return dict(json.loads(self.info_text or "{}"))

    @cached_property
    def process(self) -> Mapping[str, Any]:
        """Host, GPUs and time of its last attempt."""
        return dict(json.loads(self.process_text or "{}"))

    @property
    def environment(self) -> Mapping[str, str]:
        """Versions of the libraries that it ran with."""
        return dict(self.info.get("environment", {}))

    @property
    def device(self) -> str:
        """`cpu`, or the GPUs by UUID."""
        gpus = self.process.get("gpus") or []
        names = [str(gpu.get("uuid", gpu)) if isinstance(gpu, dict) else str(gpu) for gpu in gpus]
        return ", ".join(names) or str(self.info.get("device", "cpu"))


@dataclass(frozen=True)
class Lineage:
    """Runs and who reads whom, in one direction from the roots."""

    direction: Direction
    roots: tuple[str, ...]
    hops: Mapping[str, Hop]
    """By run id, inputs before their readers."""

    @cached_property
    def readers(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Run id and role of those who read a run, by the run that is read."""
        found: dict[str, list[tuple[str, str]]] = {}
        for hop in self.hops.values():
            for given in hop.inputs:
                found.setdefault(given.run_id, []).append((hop.run_id, given.role))
        return {run_id: tuple(readers) for run_id, readers in found.items()}

    def version(self, run_id: str) -> int | None:
        """The code version in a run's key; None if its inputs are not here or the key is another's."""
        hop = self.hops[run_id]
        inputs = {
            i.role: StepKey(self.hops[i.run_id].key) for i in hop.inputs if i.run_id in self.hops
        }
        if len(inputs) < len(hop.inputs):
            return None
        return code_version(hop.kind, hop.params, inputs, hop.key)


def code_version(
    kind: str, params: Mapping[str, Any], inputs: Mapping[str, StepKey], key: str
) -> int | None:
    """The version of the job's code that gives this key; None if none up to today's does.

    A run does not record the version beside its key, and need not: the key can be made again.
    """
    for name, newest in JOB_VERSIONS.items():
        for version in range(newest, 0, -1) if name == kind else ():
            if step_key(name, params, inputs, version=version) == key:
                return version
    return None


def trace(
    connection: sqlite3.Connection, roots: Iterable[str], direction: Direction = "up"
) -> Lineage:
    """Everything upstream or downstream of some runs; two queries however long the way is."""
    wanted = tuple(dict.fromkeys(roots))
    rows = walk_runs(connection, wanted, direction)
    inputs: dict[str, list[HopInput]] = {}
    for row in inputs_of(connection, [row["id"] for row in rows]):
        given = HopInput(row["role"], row["input_run_id"], row["digest"])
        inputs.setdefault(row["run_id"], []).append(given)
    found = {row["id"]: _hop(row, inputs.get(row["id"], [])) for row in rows}
    if direction == "up":
        for given in (i for several in inputs.values() for i in several):
            found.setdefault(given.run_id, _absent(given.run_id))
    return Lineage(direction, wanted, {hop.run_id: hop for hop in _in_order(found)})


def outside(lineage: Lineage, run_id: str) -> tuple[Leaf, ...]:
    """What a run used beside other runs: model, data, code and environment."""
    hop = lineage.hops[run_id]
    if not hop.is_here:
        return ()
    params, leaves = hop.params, []
    model = params.get("model")
    if isinstance(model, dict):
        leaves.append(Leaf("model", str(model["id"]), _pin(model)))
    elif isinstance(model, str):
        leaves.append(Leaf("model", model, str(params.get("revision") or "")))
    if isinstance(params.get("adapter"), dict):
        leaves.append(Leaf("adapter", "adapter", str(params["adapter"]["digest"])))
    if isinstance(params.get("embedder"), dict):
        embedder = params["embedder"]
        name = str(embedder.get("id") or embedder.get("name") or "embedder")
        leaves.append(Leaf("embedder", name, _pin(embedder)))
    if isinstance(params.get("dataset"), dict):
        dataset = params["dataset"]
        name = ":".join(str(dataset[k]) for k in ("origin", "name") if k in dataset)
        leaves.append(Leaf("data set", name, _pin(dataset)))
    version = lineage.version(run_id)
    synthlab = hop.environment.get("synthlab", "?")
    leaves.append(Leaf("code", f"{hop.kind} v{version or '?'} of synthlab {synthlab}", ""))
    if hop.environment:
        leaves.append(Leaf("environment", environment_line(hop.environment), ""))
    return tuple(leaves)


def environment_line(environment: Mapping[str, str]) -> str:
    """Library versions on one line, the interpreter first."""
    first = [f"python {environment['python']}"] if "python" in environment else []
    rest = sorted(n for n in environment if n not in ("python", "synthlab", "machine", "platform"))
    where = "/".join(environment[n] for n in ("platform", "machine") if n in environment)
    return ", ".join([*first, *(f"{name} {environment[name]}" for name in rest), where])


def _pin(identity: Mapping[str, Any]) -> str:
    return str(identity.get("digest") or identity.get("revision") or "")


def _hop(row: Row, inputs: list[HopInput]) -> Hop:
    took = row["ended_at"] - row["started_at"] if row["started_at"] and row["ended_at"] else None
    return Hop(
        row["id"],
        row["kind"],
        row["label"],
        row["key"],
        row["state"],
        row["digest"],
        tuple(inputs),
        row["params"] or "",
        row["info"] or "",
        row["process"] or "",
        took,
    )


def _absent(run_id: str) -> Hop:
    return Hop(run_id, "", "", "", "not here", None, (), "", "", "", None, is_here=False)


def _in_order(found: Mapping[str, Hop]) -> Iterator[Hop]:
    """Inputs first; a walk without recursion, for a chain may be longer than Python's stack."""
    done: set[str] = set()
    for root in found:
        stack = [(root, False)]
        while stack:
            run_id, inputs_done = stack.pop()
            if run_id in done or run_id not in found:
                continue
            if inputs_done:
                done.add(run_id)
                yield found[run_id]
            else:
                stack.append((run_id, True))
                stack += [
                    (i.run_id, False)
                    for i in reversed(found[run_id].inputs)
                    if i.run_id not in done
                ]
