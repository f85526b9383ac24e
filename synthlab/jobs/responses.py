"""The record of one response, the same whoever gave it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

HUMAN = "human"
"""Finish reason of a response that people wrote."""
TRUNCATED = "length"
"""Finish reason of an answer that ran into its token limit."""
ERROR_PREFIX = "error:"


@dataclass(frozen=True)
class Response:
    """One answer of one source to one prompt; the fields in the order of the record."""

    id: str
    prompt_id: str
    source: str
    """The generator: a record must not depend on what an experiment calls its sources."""
    generator: str
    sample: int
    seed: int
    text: str
    finish_reason: str
    """`stop`, `length`, `human` or `error:<code>`."""
    prompt_tokens: int | None
    completion_tokens: int | None

    @classmethod
    def of_human(cls, prompt_id: str, generator: str, text: str) -> Response:
        """A response that came with the data set; nobody counted its tokens."""
        key = response_id(prompt_id, generator, 0, 0)
        return cls(key, prompt_id, generator, generator, 0, 0, text, HUMAN, None, None)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Response:
        """A record as read back; raises KeyError if a field is not there."""
        return cls(**{name: value[name] for name in cls.__dataclass_fields__})

    def to_json(self) -> dict[str, Any]:
        """The record."""
        return asdict(self)

    @property
    def failed(self) -> bool:
        """Whether this is the record of an error and not of an answer."""
        return self.finish_reason.startswith(ERROR_PREFIX)


def response_id(prompt_id: str, generator: str, sample: int, seed: int) -> str:
    """Id of a response: the same whenever the same generator is asked the same again."""
    content = f"{prompt_id}|{generator}|{sample}|{seed}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]
