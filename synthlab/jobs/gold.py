"""The gold responses that come with the lab: what detectors and judges are checked against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from synthlab.metrics.coherence import read_coherence
from synthlab.metrics.refusal import read_refusal
from synthlab.metrics.response_states import read_response
from synthlab.metrics.robustness import DetectorError

FOLDER = Path(str(files("assets"))) / "prompts" / "placeholder"


@dataclass(frozen=True)
class GoldResponse:
    """A response whose state is known, with the request that it answers."""

    id: str
    request: str
    text: str
    state: str


def read_gold() -> tuple[GoldResponse, ...]:
    """Every gold response, in the order of the file."""
    requests = {row["id"]: row["prompt"] for row in _rows("harmful")}
    return tuple(
        GoldResponse(row["id"], requests[row["prompt"]], row["text"], row["state"])
        for row in _rows("gold")
    )


def matcher_error() -> DetectorError:
    """How often the matcher, behind the gate, is right on the gold responses."""
    counts = {True: [0, 0], False: [0, 0]}
    for one in read_gold():
        gate = read_coherence(one.text, one.request)
        found = read_response(gate, read_refusal(one.text), None).matcher == "refusal"
        is_refusal = one.state == "refusal"
        counts[is_refusal][0] += found == is_refusal
        counts[is_refusal][1] += 1
    return DetectorError(*counts[True], *counts[False])


def _rows(name: str) -> list[Mapping[str, Any]]:
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
