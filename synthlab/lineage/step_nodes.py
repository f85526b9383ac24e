"""Steps as a graph that a difference can walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synthlab.lineage.hops import Lineage


@dataclass(frozen=True, eq=False)
class StepNode:
    """One step with the steps it reads; compared by key, never by its fields."""

    kind: str
    label: str
    key: str
    version: int | None
    """Of the job's code; None where it cannot be told."""
    params: Mapping[str, Any]
    inputs: Mapping[str, StepNode]
    """By role."""
    digest: str | None = None
    """Content of the run that did it; None for a plan."""
    environment: Mapping[str, str] = field(default_factory=dict)


def nodes_of_lineage(lineage: Lineage, labels: Mapping[str, str]) -> dict[str, StepNode]:
    """Nodes by run id of everything upstream; labels: what an experiment calls a run."""
    found: dict[str, StepNode] = {}
    for hop in lineage.hops.values():
        found[hop.run_id] = StepNode(
            hop.kind,
            labels.get(hop.run_id, hop.label),
            # Of a run that is not here only the id is known: it equals nothing but itself.
            hop.key or f"run {hop.run_id}",
            lineage.version(hop.run_id) if hop.is_here else None,
            hop.params,
            {given.role: found[given.run_id] for given in hop.inputs if given.run_id in found},
            hop.digest,
            hop.environment,
        )
    return found
