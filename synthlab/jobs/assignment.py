"""Who answers which prompt in a mixture: exact shares, and nothing lost without being counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from synthlab.errors import JobError
from synthlab.jobs.apportion import apportion, apportion_strata, rank
from synthlab.jobs.candidates import Candidates, MixPrompt


class Assigned(NamedTuple):
    """One row of the mixture: a prompt and the number of the source that answers it."""

    prompt_id: str
    part: int


@dataclass(frozen=True)
class Assignment:
    """The rows of a mixture, in their order, and what had to be changed to get them."""

    rows: tuple[Assigned, ...]
    no_response: int = 0
    """Answers that no source could give: prompts (`random`, `folds`) or pairs with a source (`all`)."""
    swapped: int = 0
    """Prompts that changed places with another because their own source had no usable response."""
    reassigned: int = 0
    """Prompts that went to another source without an exchange, so that the shares moved."""
    duplicates: int = 0
    """Rows that repeated another source's answer to the same prompt (`all` only)."""
    over_budget: int = 0
    """Rows that the token budget left out."""


def assign(
    prompts: Sequence[MixPrompt],
    parts: Sequence[Candidates],
    weights: Sequence[int],
    how: str,
    rows: int | None,
    seed: int,
) -> Assignment:
    """Give each prompt to one source, in the exact proportion of `weights` (largest remainder).

    how: `random` draws per prompt, so that further prompts change little; `folds` cuts each category,
    in the order of the set, into one run per source. rows: exact number of rows; None takes every
    prompt that anybody answered. Raises JobError if there are not enough.
    """
    answered = [p for p in prompts if any(p.id in part.by_prompt for part in parts)]
    no_response = len(prompts) - len(answered)
    kept = {p.id for p in _first(answered, rows, seed)}
    chosen = [p for p in answered if p.id in kept]
    first = _folds(chosen, weights) if how == "folds" else _random(chosen, weights, seed)
    repaired = _repair(first, parts, weights)
    assert len(repaired.rows) == len(chosen)
    ordered = sorted(repaired.rows, key=lambda row: _order(seed, row.prompt_id))
    return replace(repaired, rows=tuple(ordered), no_response=no_response)


def assign_all(
    prompts: Sequence[MixPrompt],
    parts: Sequence[Candidates],
    rows: int | None,
    seed: int,
    *,
    dedupe: bool,
) -> Assignment:
    """Take every source's answer to every prompt; with `rows`, whole prompts first until it is full."""
    found: list[Assigned] = []
    no_response = duplicates = 0
    for prompt in sorted(prompts, key=lambda p: _order(seed, p.id)):
        said: set[str] = set()
        for number, part in enumerate(parts):
            response = part.by_prompt.get(prompt.id)
            if response is None:
                no_response += 1
            elif dedupe and response.text.strip() in said:
                duplicates += 1
            else:
                said.add(response.text.strip())
                found.append(Assigned(prompt.id, number))
    if rows is not None and rows > len(found):
        raise _too_few(rows, len(found))
    return Assignment(tuple(found[:rows]), no_response, duplicates=duplicates)


def within_budget(
    assignment: Assignment,
    tokens: int,
    weights: Sequence[int],
    count: Callable[[Assigned], int],
) -> Assignment:
    """Keep, of each source, the first rows that fit its share of the token budget.

    A source stops at the first row that does not fit: passing over long rows would favour short ones.
    Raises JobError if a source has not enough text to come near its share.
    """
    quotas = apportion(tokens, weights)
    used = [0] * len(weights)
    full: set[int] = set()
    kept = []
    for row in assignment.rows:
        size = count(row)
        if row.part not in full and used[row.part] + size <= quotas[row.part]:
            used[row.part] += size
            kept.append(row)
        else:
            full.add(row.part)
    for number, quota in enumerate(quotas):
        if number not in full and used[number] < quota:
            raise JobError(
                "too_few_tokens",
                f"source {number + 1} of the mixture should give {quota} tokens and has {used[number]}",
                "lower the mixture's tokens, or give the source more prompts or longer answers",
            )
    assert all(have <= quota for have, quota in zip(used, quotas, strict=True))
    return replace(assignment, rows=tuple(kept), over_budget=len(assignment.rows) - len(kept))


def _order(seed: int, prompt_id: str) -> tuple[int, str]:
    return rank(seed, "take", prompt_id), prompt_id


def _first(prompts: Sequence[MixPrompt], rows: int | None, seed: int) -> Sequence[MixPrompt]:
    if rows is None:
        return prompts
    if rows > len(prompts):
        raise _too_few(rows, len(prompts))
    return sorted(prompts, key=lambda p: _order(seed, p.id))[:rows]


def _too_few(rows: int, available: int) -> JobError:
    return JobError(
        "too_few_rows",
        f"the mixture asks for {rows} rows, but only {available} have a usable response",
        "lower the mixture's rows, loosen its filters, or use more prompts",
    )


def _random(prompts: Sequence[MixPrompt], weights: Sequence[int], seed: int) -> Mapping[str, int]:
    """Cut the line of all prompts, in drawn order, into one run per source: a further prompt moves
    only the ends of the runs."""
    drawn = sorted(prompts, key=lambda p: (rank(seed, "part", p.id), p.id))
    return _runs(drawn, apportion(len(drawn), weights))


def _folds(prompts: Sequence[MixPrompt], weights: Sequence[int]) -> Mapping[str, int]:
    by_category: dict[str, list[MixPrompt]] = defaultdict(list)
    for prompt in prompts:
        by_category[prompt.category or ""].append(prompt)
    names = sorted(by_category)
    table = apportion_strata([len(by_category[name]) for name in names], weights)
    first: dict[str, int] = {}
    for name, counts in zip(names, table, strict=True):
        first |= _runs(by_category[name], counts)
    return first


def _runs(prompts: Sequence[MixPrompt], counts: Sequence[int]) -> dict[str, int]:
    assert sum(counts) == len(prompts)
    numbers = [number for number, count in enumerate(counts) for _ in range(count)]
    return {prompt.id: number for prompt, number in zip(prompts, numbers, strict=True)}


def _repair(
    first: Mapping[str, int], parts: Sequence[Candidates], weights: Sequence[int]
) -> Assignment:
    """Move prompts whose source has no usable response: by exchange if possible, which keeps the shares."""
    final = dict(first)
    partners: dict[tuple[int, int], Iterator[str]] = {}
    swapped = reassigned = 0

    def exchange(want: int, give: int) -> str | None:
        """A prompt of source `want` that `give` could answer as well, and that is still free."""
        if (want, give) not in partners:
            partners[want, give] = iter(
                [
                    other
                    for other, part in first.items()
                    if part == want
                    and other in parts[want].by_prompt
                    and other in parts[give].by_prompt
                ]
            )
        return next((o for o in partners[want, give] if final[o] == want), None)

    for prompt_id, own in first.items():
        if prompt_id in parts[own].by_prompt:
            continue
        options = [n for n, part in enumerate(parts) if prompt_id in part.by_prompt]
        for option in options:
            other = exchange(option, own)
            if other is not None:
                final[other], final[prompt_id] = own, option
                swapped += 1
                break
        else:
            have = list(final.values())
            final[prompt_id] = min(options, key=lambda n: (have.count(n) / weights[n], n))
            reassigned += 1
    rows = tuple(Assigned(prompt_id, part) for prompt_id, part in final.items())
    return Assignment(rows, swapped=swapped, reassigned=reassigned)
