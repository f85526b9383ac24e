"""From the manifest of a finished run to the tables of sources, prompt sets, mixtures, checkpoints."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from storage.rundir import Manifest, RunSpec

Info = Mapping[str, Any]


def index_outputs(connection: sqlite3.Connection, spec: RunSpec, manifest: Manifest) -> None:
    """Replace all that the catalog says about what this run made."""
    for table in (
        "run_outputs",
        "prompt_sets",
        "sources",
        "mixture_parts",
        "mixtures",
        "checkpoints",
    ):
        connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (spec.run_id,))
    for file in manifest.files:
        connection.execute(
            "INSERT INTO run_outputs (run_id, path, size, sha256) VALUES (?, ?, ?, ?)",
            (spec.run_id, file.path, file.size, file.sha256),
        )
    index = INDEXERS.get(spec.kind)
    if index is not None:
        index(connection, spec, manifest.info)


def _index_import(connection: sqlite3.Connection, spec: RunSpec, info: Info) -> None:
    for prompt_set in info["sets"]:
        connection.execute(
            "INSERT INTO prompt_sets (run_id, name, rows, origin, licence) VALUES (?, ?, ?, ?, ?)",
            (spec.run_id, prompt_set["name"], prompt_set["rows"], info["origin"], info["licence"]),
        )
        if prompt_set["responses"]:
            _insert_source(
                connection,
                spec,
                generator=info["generator"],
                kind="human",
                prompts=prompt_set["name"],
                rows=prompt_set["responses"],
                tokens=None,
                info={},
            )


def _index_generate(connection: sqlite3.Connection, spec: RunSpec, info: Info) -> None:
    _insert_source(
        connection,
        spec,
        generator=info["generator"],
        kind="model",
        prompts=spec.params["prompts"],
        rows=info["rows"],
        tokens=info["completion_tokens"],
        info=info,
    )


def _insert_source(connection: sqlite3.Connection, spec: RunSpec, **row: Any) -> None:
    connection.execute(
        "INSERT INTO sources (run_id, generator, kind, prompts, rows, tokens, info)"
        " VALUES (:run_id, :generator, :kind, :prompts, :rows, :tokens, :info)",
        {**row, "run_id": spec.run_id, "info": json.dumps(row["info"], sort_keys=True)},
    )


def _index_mix(connection: sqlite3.Connection, spec: RunSpec, info: Info) -> None:
    connection.execute(
        "INSERT INTO mixtures (run_id, rows, assign, seed, info) VALUES (?, ?, ?, ?, ?)",
        (
            spec.run_id,
            info["rows"],
            spec.params["assign"],
            spec.params["seed"],
            json.dumps(info, sort_keys=True),
        ),
    )
    for part in info["parts"]:
        connection.execute(
            "INSERT INTO mixture_parts (run_id, generator, rows, share) VALUES (?, ?, ?, ?)",
            (spec.run_id, part["generator"], part["rows"], part["share"]),
        )


def _index_finetune(connection: sqlite3.Connection, spec: RunSpec, info: Info) -> None:
    mixture = next((i.run_id for i in spec.inputs if i.role == "mixture"), None)
    connection.execute(
        "INSERT INTO checkpoints (run_id, base, mixture_run_id, seed, steps, eval_loss, info)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            spec.run_id,
            info["base"],
            mixture,
            spec.params["seed"],
            info["steps"],
            info.get("eval_loss"),
            json.dumps(info, sort_keys=True),
        ),
    )


INDEXERS: Mapping[str, Callable[[sqlite3.Connection, RunSpec, Info], None]] = {
    "import": _index_import,
    "compose": _index_import,
    "generate": _index_generate,
    "mix": _index_mix,
    "finetune": _index_finetune,
}
