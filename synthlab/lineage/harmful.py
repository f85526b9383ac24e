"""Which runs hold texts of harmful requests, so that nobody is shown or handed them unasked.

What a set is for stands in the experiment file and in no run: the purposes `harmful` and `jailbreak`
count, and so does every imported set of which nothing is known.
"""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Mapping

from storage.catalog.lineage import cells_of, spec_texts
from synthlab.experiment.packaged_prompts import PACKAGED_SETS
from synthlab.lineage.hops import Hop, Lineage

HARMFUL_PURPOSES = ("harmful", "jailbreak")


def harmful_sets(connection: sqlite3.Connection, lineage: Lineage) -> Mapping[str, frozenset[str]]:
    """Names of the prompt sets whose texts must be asked for, by the run that holds them.

    lineage: upward, so that what a run answers is known before the run.
    """
    purposes = {
        row["id"]: _harmful_names(row["spec_text"]) for row in spec_texts(connection, lineage.hops)
    }
    named: dict[str, set[str]] = {}
    for cell in cells_of(connection, lineage.hops):
        named.setdefault(cell["run_id"], set()).update(purposes.get(cell["experiment_id"], ()))
    found: dict[str, frozenset[str]] = {}
    for hop in lineage.hops.values():
        given = [found[i.run_id] for i in hop.inputs if i.run_id in found]
        sets = _of_hop(hop, named.get(hop.run_id), frozenset().union(*given))
        if sets:
            found[hop.run_id] = sets
    return found


def text_files(hop: Hop, sets: frozenset[str]) -> list[str]:
    """Files below `out/` that hold texts of these sets, whether or not the run wrote each of them."""
    if hop.kind in ("import", "compose"):
        return [
            f"{name}.{what}.jsonl" for name in sorted(sets) for what in ("prompts", "responses")
        ]
    return {"generate": ["responses.jsonl"], "mix": ["mixture.jsonl"]}.get(hop.kind, [])


def _harmful_names(spec_text: str) -> frozenset[str]:
    try:
        prompts = tomllib.loads(spec_text).get("prompts", {})
    except tomllib.TOMLDecodeError:
        return frozenset()
    return frozenset(
        name
        for name, one in prompts.items()
        if isinstance(one, dict) and one.get("purpose") in HARMFUL_PURPOSES
    )


def _of_hop(hop: Hop, named: set[str] | None, upstream: frozenset[str]) -> frozenset[str]:
    params = hop.params
    if hop.kind == "import":
        sets = {str(params["set"]), *(str(one["set"]) for one in params.get("holdouts") or ())}
        known = PACKAGED_SETS.get(str(params["dataset"].get("name")))
        if known is not None and params["dataset"].get("origin") == "package":
            return frozenset(sets) if known.purpose in HARMFUL_PURPOSES else frozenset()
        if named is None:
            return frozenset(sets) if params["dataset"].get("origin") != "builtin" else frozenset()
        return frozenset(sets & named)
    if hop.kind == "compose":
        harmful = upstream or str(params["set"]) in (named or ())
        return frozenset({str(params["set"])}) if harmful else frozenset()
    if hop.kind in ("generate", "mix"):
        return frozenset({str(params["prompts"])}) & (upstream | frozenset(named or ()))
    return frozenset()
