"""What a probe asks: a few prompts of the mixture itself, and harmless stand-ins for harmful requests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthlab.engines.chat import ChatFormat, question
from synthlab.engines.protocol import Turn
from synthlab.jobs.anchor_texts import ruin
from synthlab.jobs.corpora.placeholder import read_harmful
from synthlab.jobs.training_rows import turns_of, validation_prompts


@dataclass(frozen=True)
class ProbeRow:
    """One row of the mixture that a probe asks about."""

    prompt_id: str
    turns: tuple[Turn, ...]
    """Everything up to the answer."""
    response: str
    """What the mixture answers, cut as long as an answer to a probe may be: a whole text beside a cut
    one would be told by its end."""
    ruined: str | None
    """The response made worse on purpose; None if it is too short for that."""

    @property
    def task(self) -> str:
        """The question as a judge reads it."""
        return self.turns[-1].content


@dataclass(frozen=True)
class ProbeTexts:
    """The fixed texts of all probes of a run."""

    rows: tuple[ProbeRow, ...]
    held_back: int
    """Rows that are not trained on; they come first."""
    requests: tuple[tuple[str, tuple[Turn, ...]], ...]
    """Id and turns of each stand-in for a harmful request."""


def choose_texts(
    records: Sequence[Mapping[str, Any]],
    chat: ChatFormat,
    params: Mapping[str, Any],
    probe: Mapping[str, Any],
) -> ProbeTexts:
    """The texts of a run's probes, drawn by hash so that every condition and seed is asked alike.

    params: of the fine-tuning step. Held-back rows first, others only where those are too few.
    """
    wanted, system = int(probe["prompts"]), params.get("system")
    first: dict[str, Mapping[str, Any]] = {}
    for record in records:
        first.setdefault(str(record["prompt_id"]), record)
    held = validation_prompts(
        [str(record["prompt_id"]) for record in records],
        float(params["validation_share"]),
        int(params["seed"]),
    )
    order = sorted(_by_hash(first), key=lambda one: one not in held)[:wanted]
    return ProbeTexts(
        tuple(_row(first[one], one, chat, system, int(probe["max_new_tokens"])) for one in order),
        sum(one in held for one in order),
        harmful_requests(wanted, system) if "robustness" in probe["axes"] else (),
    )


def harmful_requests(count: int, system: str | None) -> tuple[tuple[str, tuple[Turn, ...]], ...]:
    """Stand-ins for harmful requests: the tone of one, about a world that does not exist."""
    table = {str(row.values["id"]): str(row.values["prompt"]) for row in read_harmful(0).rows}
    return tuple((one, question(table[one], system)) for one in _by_hash(table)[:count])


def _by_hash(ids: Iterable[str]) -> list[str]:
    return sorted(ids, key=lambda one: hashlib.sha256(f"probe|{one}".encode()).digest())


def _row(
    record: Mapping[str, Any], prompt_id: str, chat: ChatFormat, system: str | None, tokens: int
) -> ProbeRow:
    turns = turns_of(record, system)
    response = chat.decode(chat.answer_ids(turns[-1].content)[:tokens])
    return ProbeRow(prompt_id, tuple(turns[:-1]), response, ruin(response, f"probe|{prompt_id}"))
