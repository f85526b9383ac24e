"""What every text generator is to a job, whichever library or server does the work; free of torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

Role = Literal["system", "user", "assistant"]


class Turn(NamedTuple):
    """One message of a chat."""

    role: Role
    content: str


@dataclass(frozen=True)
class Prompt:
    """One question to be answered once."""

    key: str
    """Name of the answer that is wanted; comes back in its `Generation`."""
    turns: tuple[Turn, ...]
    seed: int
    """Start of this row's own random stream, at least 0: its neighbours in a batch do not matter."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn."""

    temperature: float
    """Divides the logits; 0 takes the likeliest token each time."""
    top_p: float
    """Smallest set of likeliest tokens with this much probability is drawn from, in (0, 1]."""
    max_new_tokens: int


class TokenLogprob(NamedTuple):
    """What the model that answered gave to a token it drew."""

    token: str
    logprob: float
    """Natural logarithm."""


@dataclass(frozen=True)
class Generation:
    """One answer."""

    key: str
    text: str
    """Without special tokens; empty for an error."""
    finish_reason: str
    """`stop`, `length`, or `error:<code>`."""
    prompt_tokens: int
    completion_tokens: int
    """Tokens of the answer without the one that ends it, or as a server counts them."""
    counted: bool = True
    """Whether the two counts are known; both are 0 where a server does not tell them."""
    logprobs: tuple[TokenLogprob, ...] | None = None
    """Of the answer's tokens, where they were asked for and are offered."""


@dataclass(frozen=True)
class DecodingStep:
    """What became known in one step of decoding, so that a job can save, count and stop at once."""

    finished: tuple[Generation, ...]
    tokens: int
    """Tokens that were drawn in this step, over all rows."""


@dataclass(frozen=True)
class Fingerprint:
    """What decides the exact text besides prompt, sampling and seed: stored with every output."""

    engine: str
    device: str
    dtype: str
    batch_size: int
    """Rows at once at most; may have been lowered by lack of memory."""
    template_sha256: str
    detail: Mapping[str, str] = field(default_factory=dict)


class Generator(Protocol):
    """Answers prompts."""

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[DecodingStep]:
        """Answer every prompt exactly once, in the order that is fastest.

        Whoever stops iterating stops the work; what was yielded before is complete. Raises JobError
        if the engine cannot go on; never ends with fewer answers than prompts.
        """

    @property
    def fingerprint(self) -> Fingerprint:
        """How the answers so far were made."""
