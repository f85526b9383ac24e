"""The smallest set of inputs in which two results differ: walked by role, stopped at equal keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from synthlab.experiment.keys import show_value
from synthlab.lineage.param_changes import NOTHING, ParamChange, compare_params
from synthlab.lineage.roles import RolePair, is_consequence, pair_roles, share_names
from synthlab.lineage.step_nodes import StepNode


@dataclass(frozen=True)
class Difference:
    """One input that is not the same on both sides."""

    name: str
    """Dotted path of a parameter, `code version of KIND`, or the role of an input."""
    old: str
    new: str
    """Both as a line shows them; `none` where a side has nothing of the name."""
    places: tuple[str, ...]
    """Labels of the steps whose key it is in."""


@dataclass(frozen=True)
class DiffReport:
    """What differs; equal results have no differences."""

    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    """What is in no key: library versions, content that was made twice."""
    only_old: tuple[str, ...] = ()
    only_new: tuple[str, ...] = ()
    """Labels of measured steps that one side lacks; of two experiments only."""


def diff_nodes(pairs: Iterable[tuple[StepNode, StepNode]]) -> DiffReport:
    """Walk each pair of steps upstream and name every input that differs, each once."""
    walk = _Walk()
    for old, new in pairs:
        walk.visit(old, new)
    named = {name for name, _, _ in walk.found}
    differences = [
        Difference(name, old, new, tuple(dict.fromkeys(places)))
        for (name, old, new), places in walk.found.items()
        # Which questions a prompt set is asked follows from its purpose, where that differs.
        if not ("none" in (old, new) and f"{name}.purpose" in named)
    ]
    notes = [
        f"{name} {old} -> {new} in {len(places)} steps (not part of a key)"
        if len(places) > 1
        else f"{name} {old} -> {new} in {places[0]} (not part of a key)"
        for (name, old, new), places in walk.environment.items()
    ]
    return DiffReport(tuple(differences), (*walk.notes, *notes))


def diff_labelled(old: Mapping[str, StepNode], new: Mapping[str, StepNode]) -> DiffReport:
    """Two experiments: steps of the same label are compared, the others named."""
    both = [label for label in old if label in new]
    report = diff_nodes((old[label], new[label]) for label in both)
    return DiffReport(
        report.differences,
        report.notes,
        tuple(label for label in old if label not in new),
        tuple(label for label in new if label not in old),
    )


@dataclass
class _Walk:
    found: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    environment: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    seen: dict[tuple[str, str, str | None, str | None], None] = field(default_factory=dict)

    def visit(self, old: StepNode, new: StepNode) -> None:
        """Note what differs between two steps and everything that they read."""
        stack = [(old, new)]
        while stack:
            before, after = stack.pop()
            mark = (before.key, after.key, before.digest, after.digest)
            if mark in self.seen:
                continue
            self.seen[mark] = None
            self.compare_environment(before, after)
            if before.key == after.key:
                stack += self.same_key(before, after)
            else:
                stack += reversed(self.compare(before, after))

    def same_key(self, old: StepNode, new: StepNode) -> list[tuple[StepNode, StepNode]]:
        """Equal inputs by key: go on only where equal work has left unequal content."""
        if old.digest is None or new.digest is None or old.digest == new.digest:
            return []
        below = [(old.inputs[role], new.inputs[role]) for role in old.inputs if role in new.inputs]
        if all(one.digest == other.digest for one, other in below):
            digests = f"{old.digest[:12]} -> {new.digest[:12]}"
            self.notes[f"{new.label} was made twice from equal inputs, not alike: {digests}"] = None
        return below

    def compare(self, old: StepNode, new: StepNode) -> list[tuple[StepNode, StepNode]]:
        """Note what differs in the step itself; returns the inputs that have to be looked at."""
        before = sum(map(len, self.found.values()))
        place = new.label if old.label == new.label else f"{old.label} / {new.label}"
        if old.kind != new.kind:
            self.add("step", old.label, new.label, place)
            return []
        if old.version != new.version:
            versions = [str(v) if v is not None else "unknown" for v in (old.version, new.version)]
            self.add(f"code version of {new.kind}", versions[0], versions[1], place)
        pairs = pair_roles(old, new)
        changes = compare_params(new.kind, old.params, new.params, share_names(pairs, old, new))
        changes, pairs = _joined(changes, pairs, old, new)
        for change in changes:
            self.add_change(change, place)
        deeper = []
        for pair in pairs:
            if pair.old is not None and pair.new is not None:
                one, other = old.inputs[pair.old], new.inputs[pair.new]
                deeper += [(one, other)] if self.differ(one, other) else []
            elif not is_consequence(pair, changes):
                self.add_side(pair, old, new, place)
        if not any(one.key != other.key for one, other in deeper):
            self.unexplained(before, old, new, place)
        return deeper

    @staticmethod
    def differ(old: StepNode, new: StepNode) -> bool:
        return old.key != new.key or old.digest != new.digest or old is not new

    def unexplained(self, before: int, old: StepNode, new: StepNode, place: str) -> None:
        """Two keys never differ for nothing: say so rather than call them equal."""
        if sum(map(len, self.found.values())) == before:
            self.add("key", old.key[:12], new.key[:12], place)

    def add(self, name: str, old: str, new: str, place: str) -> None:
        self.found.setdefault((name, old, new), []).append(place)

    def add_change(self, change: ParamChange, place: str) -> None:
        old, new = (
            "none" if value is NOTHING else value if change.is_shown else show_value(value)
            for value in (change.old, change.new)
        )
        if old == new:
            old, new = repr(change.old), repr(change.new)
        self.add(change.path, str(old), str(new), place)

    def add_side(self, pair: RolePair, old: StepNode, new: StepNode, place: str) -> None:
        if pair.old is not None:
            self.add(pair.old, old.inputs[pair.old].label, "none", place)
        elif pair.new is not None:
            self.add(pair.new, "none", new.inputs[pair.new].label, place)

    def compare_environment(self, old: StepNode, new: StepNode) -> None:
        if not old.environment or not new.environment:
            return
        for name in (*new.environment, *(n for n in old.environment if n not in new.environment)):
            one, other = old.environment.get(name, "absent"), new.environment.get(name, "absent")
            if one != other:
                self.environment.setdefault((name, one, other), []).append(new.label)


def _joined(
    changes: list[ParamChange], pairs: list[RolePair], old: StepNode, new: StepNode
) -> tuple[list[ParamChange], list[RolePair]]:
    """A thing that was an input of that name and is a parameter now, or the reverse, is one change."""
    by_path = {change.path: change for change in changes}
    kept = []
    for pair in pairs:
        change = by_path.get(pair.old or pair.new or "")
        if change is not None and pair.new is None and pair.old is not None:
            joined = ParamChange(change.path, old.inputs[pair.old].label, change.new, is_shown=True)
        elif change is not None and pair.old is None and pair.new is not None:
            joined = ParamChange(change.path, change.old, new.inputs[pair.new].label, is_shown=True)
        else:
            kept.append(pair)
            continue
        if change.path == "model":  # the identity says more than the step that fetched it
            continue
        changes = [joined if one is change else one for one in changes]
    return changes, kept
