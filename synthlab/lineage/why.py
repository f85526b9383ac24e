"""From a number back to the rows, models and data it was made of, hop by hop."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from storage.catalog.queries import experiment_steps
from synthlab.lineage.difference import Difference, diff_nodes
from synthlab.lineage.hops import Hop, Leaf, Lineage, outside, trace
from synthlab.lineage.names import NamedResults, ResultFact, find_results
from synthlab.lineage.step_nodes import nodes_of_lineage


@dataclass(frozen=True)
class WhyHop:
    """One run that the number rests on."""

    hop: Hop
    label: str
    """As the experiment in the result's name calls it."""
    made: str
    """What it published, in a few words: rows, steps, shares."""
    outside: tuple[Leaf, ...]
    """What it used beside other runs."""
    version: int | None
    """Of the job's code, found in the key; None where the inputs are not here."""
    stale_inputs: tuple[str, ...]
    """Roles whose content is not what was read: those rows were made again or changed."""


@dataclass(frozen=True)
class Why:
    """A number with everything upstream of it."""

    name: str
    results: tuple[ResultFact, ...]
    """One for each seed."""
    baseline: tuple[ResultFact, ...]
    """The other side of a difference; empty for a plain number."""
    hops: tuple[WhyHop, ...]
    """The measuring runs first, then what they read, then what that read, and so on."""
    lineage: Lineage
    differences: tuple[Difference, ...] = ()
    """Inputs in which the two sides of a difference differ, over the seeds that both have."""

    @property
    def value(self) -> float | None:
        """Mean over seeds, less that of the baseline; None if any part is undefined."""
        mine = _mean(self.results)
        if not self.baseline:
            return mine
        base = _mean(self.baseline)
        return None if mine is None or base is None else mine - base


def why(connection: sqlite3.Connection, name: str) -> Why:
    """Walk from the result that `name` means; raises NotFoundError or UsageError (see `names`)."""
    named = find_results(connection, name)
    facts = (*named.results, *named.baseline)
    lineage = trace(connection, [*(fact.run_id for fact in facts), *named.also])
    labels: dict[str, str] = {}
    if facts[0].experiment:
        for step in experiment_steps(connection, facts[0].experiment):
            labels.setdefault(step["id"], step["label"])
    hops = tuple(
        WhyHop(
            hop,
            labels.get(hop.run_id, hop.label),
            made(hop),
            outside(lineage, hop.run_id),
            lineage.version(hop.run_id),
            tuple(i.role for i in hop.inputs if lineage.hops[i.run_id].digest != i.digest),
        )
        for hop in reversed(list(lineage.hops.values()))
    )
    differences = _differences(named, lineage, labels) if named.baseline else ()
    return Why(name, named.results, named.baseline, hops, lineage, differences)


def _differences(
    named: NamedResults, lineage: Lineage, labels: Mapping[str, str]
) -> tuple[Difference, ...]:
    nodes = nodes_of_lineage(lineage, labels)
    base = {fact.seed: nodes[fact.run_id] for fact in named.baseline}
    pairs = [(base[f.seed], nodes[f.run_id]) for f in named.results if f.seed in base]
    return diff_nodes(pairs).differences


def made(hop: Hop) -> str:
    """What a run published, in the words of its kind; empty if it has published nothing."""
    info = hop.info
    if hop.kind == "mix" and "parts" in info:
        parts = " + ".join(f"{p['rows']} of {p['generator']}" for p in info["parts"])
        return f"{info['rows']} rows: {parts}"
    if hop.kind == "finetune" and "steps" in info:
        best = info.get("best_step")
        kept = f", kept step {best}" if best is not None else ""
        resume = info.get("resume_class")
        again = f", resumed at {info['resumed_at']} ({resume})" if info.get("resumed_at") else ""
        return f"{info['steps']} steps on {info.get('rows', '?')} rows{kept}{again}"
    if hop.kind == "generate" and "rows" in info:
        return f"{info['rows']} responses of {info['generator']}"
    if hop.kind in ("import", "compose") and "sets" in info:
        sets = ", ".join(f"{s['name']} {s['rows']}" for s in info["sets"])
        return f"prompts: {sets}" + (f", from {info['origin']}" if info.get("origin") else "")
    return _scored(info)


def _scored(info: Mapping[str, object]) -> str:
    if "scored" in info and "total" in info:
        return f"{info['scored']} of {info['total']} items scored"
    return f"{info['judgements']} judgements" if "judgements" in info else ""


def _mean(facts: tuple[ResultFact, ...]) -> float | None:
    values = [fact.value for fact in facts if fact.value is not None]
    return sum(values) / len(values) if values and len(values) == len(facts) else None
