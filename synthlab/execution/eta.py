"""How long an experiment still takes, judged by what its own runs took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

Run = Mapping[str, Any]

SETTLED_SHARE = 0.1
"""Before a run has done this much, its own rate says little: first batches include the warm-up."""


def has_settled(run: Run) -> bool:
    """Whether the run's own rate can be believed."""
    if run["state"] != "running" or run["progress_eta_s"] is None:
        return False
    return bool(run["progress_done"] >= SETTLED_SHARE * run["progress_total"])


def estimate_remaining(runs: Sequence[Run], now: float) -> float | None:
    """Seconds until the last run ends, or None while a kind of step has not shown its pace.

    Queued runs are expected to take what runs of their kind took, or will have taken; the sum is
    divided by the number of runs that go on side by side at the moment.
    """
    paces: dict[str, list[float]] = defaultdict(list)
    remaining: list[float] = []
    for run in runs:
        if run["state"] == "succeeded" and run["started_at"] is not None:
            paces[run["kind"]].append(run["ended_at"] - run["started_at"])
        elif has_settled(run):
            since_report = now - (run["heard_at"] or now)
            left = max(0.0, run["progress_eta_s"] - since_report)
            remaining.append(left)
            paces[run["kind"]].append(now - run["started_at"] + left)
    usual = {kind: fmean(took) for kind, took in paces.items()}
    for run in runs:
        unseen = run["state"] == "running" and not has_settled(run)
        if run["state"] in ("queued", "starting") or unseen:
            if run["kind"] not in usual:
                return None
            spent = now - run["started_at"] if unseen and run["started_at"] is not None else 0.0
            remaining.append(max(0.0, usual[run["kind"]] - spent))
    side_by_side = sum(run["state"] in ("running", "starting") for run in runs)
    return sum(remaining) / max(1, side_by_side)
