"""From mixture rows to token ids with the tokens that are learnt marked, and the seeded split."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from synthlab.engines.chat import ChatFormat
from synthlab.engines.protocol import Turn
from synthlab.errors import JobError

LossOn = Literal["completion", "all"]
IGNORED = -100
"""Label of a token that is read but not learnt; torch's cross entropy leaves it out."""


@dataclass(frozen=True)
class TrainingRow:
    """One example as token ids."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    """Equal to `ids` where the token is learnt, `IGNORED` where it is only read."""


@dataclass(frozen=True)
class TrainingSet:
    """The examples of a run, and what had to be done to them."""

    train: tuple[TrainingRow, ...]
    validation: tuple[TrainingRow, ...]
    truncated: int
    """Rows that were cut at `max_length`; their end token is cut off with the rest."""
    dropped: int
    """Rows of whose response nothing was left by the cut, so that they teach nothing."""


def build_training_set(
    records: Sequence[Mapping[str, Any]], chat: ChatFormat, params: Mapping[str, Any]
) -> TrainingSet:
    """Encode the mixture and hold back the validation rows.

    Raises JobError if nothing is left to learn from.
    """
    if not records:
        raise JobError("empty_mixture", "the mixture has no rows, so there is nothing to learn")
    held_back = validation_prompts(
        [str(record["prompt_id"]) for record in records],
        float(params["validation_share"]),
        int(params["seed"]),
    )
    train, validation, truncated, dropped = [], [], 0, 0
    for record in records:
        turns = turns_of(record, params.get("system"))
        full = encode_row(turns, chat, params["loss"])
        row = cut(full, int(params["max_length"]))
        truncated += row is not full
        if all(label == IGNORED for label in row.labels):
            dropped += 1
        elif str(record["prompt_id"]) in held_back:
            validation.append(row)
        else:
            train.append(row)
    if not train:
        raise JobError(
            "nothing_to_learn",
            f"none of {len(records)} rows has a response token within {params['max_length']} tokens",
            "raise max_length",
        )
    return TrainingSet(tuple(train), tuple(validation), truncated, dropped)


def turns_of(record: Mapping[str, Any], system: str | None) -> list[Turn]:
    """The chat of a mixture row; the experiment's system prompt goes where the row has none."""
    turns = [Turn(turn["role"], turn["content"]) for turn in record["messages"]]
    if len(turns) < 2 or turns[-1].role != "assistant":
        raise JobError("bad_row", f"mixture row {record['id']} does not end with an answer")
    if system and turns[0].role != "system":
        return [Turn("system", system), *turns]
    return turns


def encode_row(turns: Sequence[Turn], chat: ChatFormat, loss: LossOn) -> TrainingRow:
    """The ids exactly as generation would read and write them, then the token that ends a turn."""
    prompt = chat.prompt_ids(turns[:-1])
    answer = [*chat.answer_ids(turns[-1].content), chat.end_id]
    read = prompt if loss == "all" else [IGNORED] * len(prompt)
    return TrainingRow((*prompt, *answer), (*read, *answer))


def cut(row: TrainingRow, max_length: int) -> TrainingRow:
    """The row's first `max_length` tokens; the very same row if it is not longer."""
    if len(row.ids) <= max_length:
        return row
    return TrainingRow(row.ids[:max_length], row.labels[:max_length])


def validation_prompts(prompt_ids: Sequence[str], share: float, seed: int) -> frozenset[str]:
    """Prompts whose rows are held back: all answers to a prompt on one side, so that nothing leaks.

    Takes prompts in an order fixed by the seed until `share` of the rows is reached; at least one
    prompt where share is above 0, and never all of them.
    """
    if share <= 0:
        return frozenset()
    counts: dict[str, int] = {}
    for prompt_id in prompt_ids:
        counts[prompt_id] = counts.get(prompt_id, 0) + 1
    order = sorted(counts, key=lambda one: hashlib.sha256(f"{seed}|{one}".encode()).digest())
    chosen: set[str] = set()
    rows, wanted = 0, max(1, round(share * len(prompt_ids)))
    for prompt_id in order[:-1]:
        if rows >= wanted:
            break
        chosen.add(prompt_id)
        rows += counts[prompt_id]
    return frozenset(chosen)
