"""Narrating an experiment until it ends: a line for each change, and now and then how far it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.catalog.connection import data_version, open_reader
from storage.catalog.queries import Row, experiment_steps
from storage.home import LabHome
from synthlab.cli.output import Output
from synthlab.cli.words import clock, duration
from synthlab.execution.client import ensure_supervisor
from synthlab.execution.eta import estimate_remaining, has_settled

POLL_S = 0.25
SUMMARY_S = 15.0
ENDED = ("succeeded", "failed", "cancelled", "interrupted", "unknown")


@dataclass(frozen=True)
class Followed:
    """How the experiment stood when nothing of it was left to wait for."""

    total: int
    ended_badly: Sequence[Row]


def follow(home: LabHome, experiment: str, output: Output) -> Followed:
    """Narrate until every run of the experiment has ended; raises KeyboardInterrupt on Ctrl-C."""
    connection = open_reader(home)
    seen: dict[str, str] = {}
    version, told_at, looked_at = -1, time.monotonic(), 0.0
    try:
        while True:
            if time.monotonic() - looked_at > 5.0:
                ensure_supervisor(home)
                looked_at = time.monotonic()
            newer = data_version(connection)
            if newer != version:
                version = newer
                runs = _runs(experiment_steps(connection, experiment))
                _tell_changes(runs, seen, output)
                if all(run["state"] in ENDED for run in runs):
                    return Followed(len(runs), [r for r in runs if r["state"] != "succeeded"])
                if time.monotonic() - told_at > SUMMARY_S:
                    told_at = time.monotonic()
                    output.say(_summary(runs))
            time.sleep(POLL_S)
    finally:
        connection.close()


def _runs(steps: Sequence[Row]) -> list[Row]:
    """One row per run: a step may stand in the plan under several labels."""
    return list({step["id"]: step for step in reversed(steps)}.values())[::-1]


def _tell_changes(runs: Sequence[Row], seen: dict[str, str], output: Output) -> None:
    first = not seen
    done = sum(run["state"] == "succeeded" for run in runs)
    skipped = 0
    for run in runs:
        before, state = seen.get(run["id"]), run["state"]
        seen[run["id"]] = state
        if state == before or state in ("queued", "starting") or (first and state == "succeeded"):
            continue
        if state == "running":
            output.say(f"{clock(run['started_at'])}           {run['label']} started")
            continue
        if run["reason"] == "input_failed":
            skipped += 1
            continue
        took = run["ended_at"] - run["started_at"] if run["started_at"] else None
        reason = f" ({run['reason']})" if run["reason"] else ""
        word = f"{state}{reason}" + (f" in {duration(took)}" if took is not None else "")
        count = f"[{done:>2}/{len(runs)}]"
        output.say(f"{clock(run['ended_at'] or time.time())}  {count}  {run['label']} {word}")
    if skipped:
        output.say(
            f"{clock(time.time())}           {skipped} steps left out: an input of theirs failed"
        )


def _summary(runs: Sequence[Row]) -> str:
    counts = Counter(run["state"] for run in runs)
    active = [run for run in runs if run["state"] == "running"]
    lines = [_progress(run) for run in active]
    remaining = estimate_remaining(runs, time.time())
    left = f"about {duration(remaining)} left" if remaining is not None else "time left not known"
    waiting = counts["queued"] + counts["starting"]
    head = f"{clock(time.time())}           {counts['succeeded']} done, {waiting} waiting; {left}"
    return "\n".join([head, *lines])


def _progress(run: Mapping[str, Any]) -> str:
    text = f"                    {run['label']}"
    done, total = run["progress_done"], run["progress_total"]
    if done is None or not total:
        return f"{text}  loading"
    text += f"  {done / total:4.0%}  {done:g}/{total:g} {run['progress_unit']}"
    if run["progress_rate"]:
        text += f"  {run['progress_rate']:.3g}/s"
    if has_settled(run):
        text += f"  {duration(run['progress_eta_s'])} left"
    return text
