"""What stands for a set of questions wherever two numbers must have been asked the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from storage import durable

HASH_LETTERS = 12


def hash_prompts(prompts: Iterable[Mapping[str, Any]]) -> str:
    """What stands for the questions in comparability keys, independent of their order."""
    content = durable.canonical_json(sorted([row["id"], row["text"]] for row in prompts))
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LETTERS]
