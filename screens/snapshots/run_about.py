"""What is known of one run beside its curves and its log: state and evidence, process, timing, place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from screens.live import Reading
from screens.snapshots.evidence import evidence_words
from screens.snapshots.overview import SILENT_AFTER_S
from storage.catalog.queries import Row
from synthlab.execution.eta import has_settled

MOST_PARAMS = 400
MOST_VALUE = 200


@dataclass(frozen=True)
class RunAbout:
    """One run, in the words of its files."""

    run_id: str
    label: str
    kind: str
    state: str
    reason: str
    message: str
    hint: str
    evidence: str
    """What proves the end state, from exit.json."""
    attempt: int
    priority: int
    share: float | None
    progress: str
    left_s: float | None
    silent_s: float | None
    """How long nothing was heard of a running job, in whole minutes, where that is long."""
    created_at: float
    started_at: float | None
    ended_at: float | None
    host: str
    job_pid: int | None
    runner_pid: int | None
    gpus: tuple[str, ...]
    key: str
    digest: str
    directory: str
    experiments: tuple[tuple[str, str], ...]
    """Experiment and the label that it has there."""
    params: tuple[tuple[str, str], ...]
    """Every parameter by its dotted path."""


def read_about(reading: Reading, run_id: str) -> RunAbout | None:
    """Read it; None for a run that is not there any more."""
    row = reading.catalog.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        return None
    run: Row = dict(row)
    share, progress = progress_of(run)
    process = _object(run["process"])
    steps = reading.catalog.execute(
        "SELECT experiment_id, label FROM experiment_steps WHERE run_id = ? ORDER BY experiment_id",
        (run_id,),
    )
    return RunAbout(
        run_id,
        run["label"],
        run["kind"],
        run["state"],
        run["reason"] or "",
        run["message"] or "",
        run["hint"] or "",
        evidence_words(_object(run["evidence"])),
        run["attempt"] or 0,
        run["priority"] or 0,
        share,
        progress,
        _left(run),
        silence_of(run, reading.now),
        run["created_at"],
        run["started_at"],
        run["ended_at"],
        str(process.get("host") or ""),
        _pid(process, "job"),
        _pid(process, "runner"),
        tuple(map(str, process.get("gpus") or ())),
        run["key"],
        run["digest"] or "",
        str(reading.home.run(run_id)),
        tuple((step[0], step[1]) for step in steps),
        leaves(_object(run["params"])),
    )


def progress_of(run: Mapping[str, Any]) -> tuple[float | None, str]:
    """How far a running run is, as a share and in words."""
    done, total = run["progress_done"], run["progress_total"]
    if run["state"] != "running" or done is None or not total:
        return None, ""
    text = f"{done:g} of {total:g} {run['progress_unit'] or ''}".rstrip()
    if run["progress_rate"]:
        text += f", {run['progress_rate']:.3g}/s"
    return min(1.0, done / total), text


def silence_of(run: Mapping[str, Any], now: float) -> float | None:
    """How long nothing was heard of a running job, in whole minutes; None while that is usual."""
    heard = run["heard_at"] or run["started_at"]
    if run["state"] != "running" or not heard or now - heard < SILENT_AFTER_S:
        return None
    return float((now - heard) // 60 * 60)


def leaves(value: Any, path: str = "") -> tuple[tuple[str, str], ...]:
    """A nested value as dotted paths with their values in JSON's spelling, strings bare."""
    found: list[tuple[str, str]] = []
    _collect(value, path, found)
    return tuple(found)


def _collect(value: Any, path: str, found: list[tuple[str, str]]) -> None:
    if len(found) >= MOST_PARAMS:
        return
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            _collect(part, f"{path}.{name}" if path else str(name), found)
    elif isinstance(value, list) and any(isinstance(part, (dict, list)) for part in value):
        for number, part in enumerate(value):
            _collect(part, f"{path}[{number}]", found)
    elif path:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        short = text if len(text) <= MOST_VALUE else f"{text[:MOST_VALUE]}… ({len(text)} letters)"
        found.append((path, short))


def _left(run: Mapping[str, Any]) -> float | None:
    seconds = run["progress_eta_s"] if run["state"] == "running" and has_settled(run) else None
    return None if seconds is None else round(seconds / 10) * 10.0


def _pid(process: Mapping[str, Any], who: str) -> int | None:
    part = process.get(who)
    return part.get("pid") if isinstance(part, Mapping) else None


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
