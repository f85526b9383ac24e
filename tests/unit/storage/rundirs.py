"""Run directories as jobs and runners leave them, for tests of the catalog."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from storage.home import LabHome
from storage.rundir import Manifest, RunDir, RunExit, RunId, RunInput, RunSpec


def make_run(
    home: LabHome,
    run_id: str,
    *,
    kind: str = "mix",
    key: str = "k",
    state: str = "succeeded",
    inputs: tuple[RunInput, ...] = (),
    params: dict[str, Any] | None = None,
    info: dict[str, Any] | None = None,
    created_at: float = 1000.0,
    label: str = "",
) -> RunDir:
    """A run directory in the given state; ended ones have an output file with the run's id in it."""
    directory = RunDir(home.run(run_id))
    spec = RunSpec(
        RunId(run_id), kind, key, label or f"{kind}/{run_id}", params or {}, inputs, {}, False,
        created_at,
    )  # fmt: skip
    directory.create(spec)
    if state == "queued":
        return directory
    launched = {i.role: {"run_id": i.run_id, "digest": _digest(home, i.run_id)} for i in inputs}
    directory.inputs.write_text(
        json.dumps({"attempt": 1, "launched_at": created_at, "inputs": launched})
    )
    directory.proc.write_text(json.dumps({"attempt": 1, "host": "h", "started_at": created_at + 1}))
    if state == "succeeded":
        (directory.out / "data.txt").write_text(run_id)
        directory.write_manifest(Manifest.of(directory.out, info or {}))
    if state != "running":
        reason = "" if state == "succeeded" else "because"
        directory.write_exit(RunExit(state, reason, "", "", created_at + 2))
    return directory


def _digest(home: LabHome, run_id: str) -> str | None:
    manifest = RunDir(home.run(run_id)).read_manifest()
    return manifest.digest if manifest else None


def write_events(path: Path, events: list[dict[str, Any]]) -> None:
    """Append events as a job does."""
    with path.open("ab") as file:
        for event in events:
            file.write(json.dumps(event).encode() + b"\n")


def metric(step: int, value: float, name: str = "loss") -> dict[str, Any]:
    """A point of a curve."""
    return {"t": 1000.0 + step, "type": "metric", "step": step, "values": {name: value}}


def result(name: str, value: float | None) -> dict[str, Any]:
    """A number of an axis."""
    return {
        "t": 2000.0, "type": "result", "name": name, "value": value, "n": 3, "n_total": 4,
        "unit": "", "reason": "" if value is not None else "no rows", "low": None, "high": None,
        "key": {"n": 3}, "detail": {},
    }  # fmt: skip
