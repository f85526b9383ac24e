"""Which beginnings a set of prompts shares, so that each is read by the model once; free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

Ids = tuple[int, ...]


class StemmedPrompt(NamedTuple):
    """A prompt as token ids, with the names of what its beginning is made of."""

    key: str
    ids: Ids
    stems: tuple[str, ...]
    """From the outside in: prompts that agree in the first stem share a beginning, those that also
    agree in the second share a longer one, and so on; all prompts have as many."""


@dataclass(frozen=True)
class Node:
    """A shared beginning: what it adds to its parent's."""

    parent: int
    """Number of the parent among the nodes of the level above."""
    start: int
    """Tokens that the parent covers."""
    added: Ids


@dataclass(frozen=True)
class PrefixTree:
    """Shared beginnings level by level, and the node of the last level that each prompt follows."""

    levels: tuple[tuple[Node, ...], ...]
    """Level 0 is the single beginning of all prompts; level i + 1 splits by stem i."""
    leaf_of: tuple[int, ...]
    """(prompts,) number of a node of the last level."""
    ends: tuple[int, ...]
    """(nodes of the last level,) tokens that each covers; the rest of a prompt is its own."""


def grow(prompts: Sequence[StemmedPrompt]) -> PrefixTree:
    """The tree of the prompts' real common beginnings, token by token.

    Stems only say where to look: what is shared is read off the ids, so that a token which joins a
    text with what follows it can never be wrong. The last token of a prompt is never shared, because
    its output is wanted. Raises ValueError for no prompts, an empty one, or unequal depths.
    """
    if not prompts or any(not prompt.ids for prompt in prompts):
        raise ValueError("a tree needs prompts with at least one token each")
    depth = len(prompts[0].stems)
    if any(len(prompt.stems) != depth for prompt in prompts):
        raise ValueError("all prompts need the same number of stems")
    levels: list[tuple[Node, ...]] = []
    places: list[int] = []
    ends: tuple[int, ...] = (0,)
    parents = [0] * len(prompts)
    for level in range(depth + 1):
        numbers: dict[tuple[str, ...], int] = {}
        members: list[list[int]] = []
        for row, prompt in enumerate(prompts):
            number = numbers.setdefault(prompt.stems[:level], len(numbers))
            if number == len(members):
                members.append([])
            members[number].append(row)
        nodes, new_ends, places = [], [], [0] * len(prompts)
        for number, rows in enumerate(members):
            shared = shared_length([prompts[row].ids for row in rows])
            parent = parents[rows[0]]
            start = ends[parent]
            nodes.append(Node(parent, start, prompts[rows[0]].ids[start:shared]))
            new_ends.append(shared)
            for row in rows:
                places[row] = number
        levels.append(tuple(nodes))
        ends, parents = tuple(new_ends), places
    return PrefixTree(tuple(levels), tuple(places), ends)


def shared_length(rows: Sequence[Ids]) -> int:
    """Tokens that all rows begin with, leaving each at least one of its own."""
    # Between the smallest and the largest row in lexical order lie all the others.
    low, high = min(rows), max(rows)
    limit = min(len(row) for row in rows) - 1
    unlike = (i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b)
    return min(limit, next(unlike, limit))
