"""The gold responses that come with the lab, read once for the tests of the detectors."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(str(files("assets"))) / "prompts" / "placeholder"


class Gold(NamedTuple):
    """A response whose state is known."""

    id: str
    request: str
    state: str
    case: str
    text: str


def read(name: str) -> list[dict[str, str]]:
    """The rows of one placeholder file."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def read_gold() -> list[Gold]:
    """All gold responses with the text of their request."""
    requests = {row["id"]: row["prompt"] for row in read("harmful")}
    return [
        Gold(row["id"], requests[row["prompt"]], row["state"], row["case"], row["text"])
        for row in read("gold")
    ]
