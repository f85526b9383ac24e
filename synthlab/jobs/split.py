"""Cutting a set of prompts into the part to train on and the parts to keep apart."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthlab.errors import JobError
from synthlab.jobs.apportion import apportion, rank
from synthlab.jobs.readers.fields import PromptRow


@dataclass(frozen=True)
class HoldoutCut:
    """What is to be cut off: an exact number or share of rows."""

    set: str
    share: float | None
    rows: int | None
    stratify: str | None
    seed: int

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> HoldoutCut:
        """As it stands in the parameters of an import."""
        return cls(value["set"], value["share"], value["rows"], value["stratify"], value["seed"])

    def size(self, available: int) -> int:
        """Rows to take of `available`; halves are rounded up."""
        if self.rows is not None:
            return self.rows
        return math.floor((self.share or 0.0) * available + 0.5)


@dataclass(frozen=True)
class SplitRows:
    """Disjoint sets of rows, by name, each in its own order."""

    sets: Mapping[str, tuple[PromptRow, ...]]
    dropped: Mapping[str, int]


def draw(rows: Sequence[PromptRow], count: int | None, seed: int) -> tuple[PromptRow, ...]:
    """A seeded sample in a seeded order, whatever the order of `rows`.

    Raises JobError if there are fewer than `count` rows.
    """
    ordered = sorted(rows, key=lambda row: (rank(seed, "draw", row.id), row.id))
    if count is not None and count > len(ordered):
        raise JobError(
            "too_few_rows",
            f"the prompt set asks for {count} rows, but only {len(ordered)} can be used",
            "lower `rows` in the prompt set, or leave it out to take them all",
        )
    return tuple(ordered if count is None else ordered[:count])


def split(rows: Sequence[PromptRow], name: str, cuts: Sequence[HoldoutCut]) -> SplitRows:
    """Cut the holdouts off one after the other; what is left is the set `name`.

    A row whose prompt also stands in a holdout leaves the rest, so that nothing that is measured was
    trained on. Raises JobError if a part would be empty.
    """
    left = tuple(rows)
    total = len(left)
    sets: dict[str, tuple[PromptRow, ...]] = {}
    for cut in cuts:
        wanted = cut.size(total)
        if not 0 < wanted < len(left):
            raise JobError(
                "bad_holdout",
                f"{cut.set}: cannot hold out {wanted} of {len(left)} rows",
                "both parts need at least one row; change the holdout's share or rows",
            )
        chosen = _choose(left, wanted, cut)
        sets[cut.set] = tuple(row for row in left if row.id in chosen)
        left = tuple(row for row in left if row.id not in chosen)
    held_out = {row.text for part in sets.values() for row in part}
    rest = tuple(row for row in left if row.text not in held_out)
    if not rest:
        raise JobError("bad_holdout", f"{name}: every prompt that is left is also held out")
    leaked = len(left) - len(rest)
    dropped = {"prompt is also held out": leaked} if leaked else {}
    return SplitRows({name: rest, **sets}, dropped)


def _choose(rows: Sequence[PromptRow], wanted: int, cut: HoldoutCut) -> frozenset[str]:
    strata: dict[str, list[PromptRow]] = defaultdict(list)
    for row in rows:
        strata[(row.category or "") if cut.stratify else ""].append(row)
    names = sorted(strata)
    chosen: set[str] = set()
    for name, count in zip(names, apportion(wanted, [len(strata[n]) for n in names]), strict=True):
        # The name of the set keeps two holdouts with one seed from being the same draw.
        ranked = sorted(strata[name], key=lambda row: (rank(cut.seed, cut.set, row.id), row.id))
        chosen.update(row.id for row in ranked[:count])
    assert len(chosen) == wanted, Counter(row.id for row in rows).most_common(1)
    return frozenset(chosen)
