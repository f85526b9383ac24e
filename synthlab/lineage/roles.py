"""Which input of one step stands for which input of another, where roles are numbered or named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synthlab.lineage.param_changes import ParamChange, ShareNames
from synthlab.lineage.step_nodes import StepNode

NUMBERED = ("responses:", "candidate:")
"""Roles that count up: their number is a place in a list and says nothing of what stands there."""


@dataclass(frozen=True)
class RolePair:
    """An input of both sides, or of one only."""

    old: str | None
    new: str | None


def pair_roles(old: StepNode, new: StepNode) -> list[RolePair]:
    """Pairs of roles: equal roles, numbered ones by content, then by label, then in order."""
    plain = [role for role in new.inputs if role in old.inputs and not role.startswith(NUMBERED)]
    pairs = [RolePair(role, role) for role in plain]
    gone = [role for role in old.inputs if role not in plain]
    come = [role for role in new.inputs if role not in plain]
    for prefix in NUMBERED:
        mine, other = ([r for r in side if r.startswith(prefix)] for side in (gone, come))
        pairs += _pair_numbered(old, new, mine, other)
    gone = [role for role in gone if not role.startswith(NUMBERED)]
    come = [role for role in come if not role.startswith(NUMBERED)]
    for role in list(gone):  # `prompts:a` became `prompts:b`: one set, renamed or exchanged
        prefix, colon, _ = role.partition(":")
        alike = [one for one in come if colon and one.startswith(f"{prefix}:")]
        if len(alike) == 1 and sum(one.startswith(f"{prefix}:") for one in gone) == 1:
            pairs.append(RolePair(role, alike[0]))
            gone.remove(role)
            come.remove(alike[0])
    return [*pairs, *(RolePair(role, None) for role in gone), *(RolePair(None, r) for r in come)]


def _pair_numbered(
    old: StepNode, new: StepNode, gone: Sequence[str], come: Sequence[str]
) -> list[RolePair]:
    pairs, left, right = [], list(gone), list(come)
    for attribute in ("key", "label"):
        for role in list(left):
            wanted = getattr(old.inputs[role], attribute)
            same = next((r for r in right if getattr(new.inputs[r], attribute) == wanted), None)
            if same is not None:
                pairs.append(RolePair(role, same))
                left.remove(role)
                right.remove(same)
    kinds = [[node.inputs[r].kind for r in side] for node, side in ((old, left), (new, right))]
    if kinds[0] == kinds[1]:
        return pairs + [RolePair(one, other) for one, other in zip(left, right, strict=True)]
    return [*pairs, *(RolePair(role, None) for role in left), *(RolePair(None, r) for r in right)]


def share_names(pairs: Sequence[RolePair], old: StepNode, new: StepNode) -> ShareNames:
    """One name for each numbered input; an input of both sides has the name of the new one."""
    before, after = {}, {}
    for pair in pairs:
        role = pair.new or pair.old or ""
        if not role.startswith(NUMBERED):
            continue
        node = new.inputs[pair.new] if pair.new is not None else old.inputs[role]
        name = node.label.removeprefix("generate/")
        if pair.old is not None:
            before[pair.old] = name
        if pair.new is not None:
            after[pair.new] = name
    return ShareNames(before, after)


def is_consequence(pair: RolePair, changes: Sequence[ParamChange]) -> bool:
    """Whether an input that one side lacks is there because of a parameter that is named already."""
    role = pair.old or pair.new or ""
    prefix, _, suffix = role.partition(":")
    paths = {change.path for change in changes}
    if role == "model":  # a model that has to be fetched comes as an input
        return "model" in paths
    if f"{prefix}:" in NUMBERED:
        return bool(paths & {"shares", "candidates"})
    return any(path in (f"sets.{suffix}", suffix) for path in paths) if suffix else False
