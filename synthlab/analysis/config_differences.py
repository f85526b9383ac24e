"""What conditions were made of, and only where they differ: the cause that a difference may have."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.durable import canonical_json
from storage.errors import RecordError
from storage.home import LabHome
from storage.rundir import RunDir, RunId, RunSpec
from synthlab.analysis.comparison import Comparison, ConfigDifference
from synthlab.analysis.measured import MeasuredCell, read_cells

ABSENT = "none"
_NOT_SETTINGS = {"candidates", "parts", "sets"}
"""Parameters that only repeat which inputs there are."""


@dataclass(frozen=True)
class _Value:
    identity: str
    """Equal exactly where the input is the same."""
    text: str


_Fields = dict[str, _Value]


@dataclass
class _Walk:
    """One walk from a measured cell up to the data it came from."""

    home: LabHome
    fields: _Fields = field(default_factory=dict)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def read(self, run_id: RunId, prefix: str) -> None:
        """Take down what this run was told, under a name for its part, then go on to its inputs."""
        if (prefix, run_id) in self.seen:
            return
        self.seen.add((prefix, run_id))
        directory = RunDir(self.home.run(run_id))
        spec = _spec(directory)
        if spec is None:
            self.fields[prefix] = _Value(run_id, f"run {run_id}, which is not here")
            return
        for name, value in _settings(spec.params):
            self.fields.setdefault(f"{prefix}.{name}", value)
        labels: dict[str, str] = {}
        for one in spec.inputs:
            child = _spec(RunDir(self.home.run(one.run_id)))
            label = _short_label(child.label) if child else one.role
            if child and child.kind == "import" and one.role.startswith("responses"):
                label = f"human ({label})"
            labels[one.role] = label
            part = _part(one.role, label)
            if part:
                self.read(one.run_id, part)
        if spec.kind == "mix":
            self.fields["mixture"] = _mixture(spec, directory, labels)
        if spec.kind == "finetune":
            self.fields["training"] = _Value("trained", "LoRA")


def config_differences(
    home: LabHome, cells: Mapping[str, Sequence[MeasuredCell]]
) -> tuple[ConfigDifference, ...]:
    """The inputs in which conditions differ, the fewest that tell them apart.

    cells: by condition, the same seeds in each. An input that only some conditions have (an adapter,
    a source) is named once, and its settings are compared among those that have it. Training seeds
    do not differ between conditions, so they do not show. An input that is not in this home (the cell
    was imported, say) is known by its id alone.
    """
    known = {name: _of_condition(home, found) for name, found in cells.items()}
    differing: dict[str, dict[str, _Value]] = {}
    for name in dict.fromkeys(name for one in known.values() for name in one):
        values = {condition: one[name] for condition, one in known.items() if name in one}
        if name in ("training", "mixture"):
            values = {c: values.get(c, _Value(ABSENT, ABSENT)) for c in known}
        if len({value.identity for value in values.values()}) > 1:
            differing[name] = values
    if "mixture" in differing:
        differing.pop("training", None)  # without a mixture there is no training: said already
    return tuple(_named(name, values) for name, values in _without_repeats(differing).items())


def all_settings(
    connection: sqlite3.Connection, home: LabHome, experiment: str, comparison: Comparison
) -> tuple[ConfigDifference, ...]:
    """Every input of the compared conditions of an experiment, whether it differs or not."""
    cells = read_cells(connection, home, experiment, comparison.axis)
    known = {
        name: _of_condition(
            home, [c for c in cells if c.condition == name and c.seed in comparison.seeds]
        )
        for name in comparison.conditions
    }
    names = dict.fromkeys(name for one in known.values() for name in one)
    return tuple(_named(n, {c: one[n] for c, one in known.items() if n in one}) for n in names)


def _of_condition(home: LabHome, cells: Sequence[MeasuredCell]) -> _Fields:
    """The fields of all seeds together: one value where the seeds agree, else all of them."""
    walks = []
    for cell in cells:
        walk = _Walk(home)
        walk.read(cell.run_id, cell.axis)
        walks.append(walk.fields)
    merged: _Fields = {}
    for name in dict.fromkeys(name for one in walks for name in one):
        found = [one.get(name, _Value(ABSENT, ABSENT)) for one in walks]
        distinct = list(dict.fromkeys(found))
        identity = canonical_json([one.identity for one in found])
        merged[name] = _Value(
            distinct[0].identity if len(distinct) == 1 else identity,
            ", ".join(one.text for one in distinct),
        )
    return merged


def _settings(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, _Value]]:
    for name, value in params.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and "digest" in value:
            yield path, _content(value)
        elif isinstance(value, Mapping):
            yield from _settings(value, f"{path}.")
        elif path not in _NOT_SETTINGS:
            yield path, _Value(canonical_json(value), _plain(value))


def _content(value: Mapping[str, Any]) -> _Value:
    """A model or a data set: its content decides, its name is what people read."""
    name = str(value.get("id") or value.get("name") or value.get("origin") or "content")
    return _Value(str(value["digest"]), name)


def _plain(value: Any) -> str:
    if value is None:
        return ABSENT
    return value if isinstance(value, str) else canonical_json(value)


def _spec(directory: RunDir) -> RunSpec | None:
    try:
        return directory.read_spec()
    except (FileNotFoundError, RecordError):
        return None


def _part(role: str, label: str) -> str:
    """What the settings of an input are called after; empty for one that is not followed."""
    kind, _, which = role.partition(":")
    if kind in ("model", "candidate", "judge"):
        return ""
    if kind == "adapter":
        return "training"
    if kind == "responses":
        return f"source {label}"
    if kind in ("prompts", "human", "requests", "templates"):
        return f"data {label}"
    return f"{kind} {which}".strip()


def _mixture(spec: RunSpec, directory: RunDir, labels: Mapping[str, str]) -> _Value:
    """Which sources in which shares; what the sources are is said of each of them."""
    parts = [(labels.get(p["role"], p["role"]), p["share"]) for p in spec.params["parts"]]
    total = sum(share for _, share in parts) or 1
    manifest = directory.read_manifest()
    rows = f"{manifest.info['rows']} rows: " if manifest and "rows" in manifest.info else ""
    text = rows + " + ".join(f"{share / total:.0%} {label}" for label, share in parts)
    return _Value(canonical_json([[label, share / total] for label, share in parts]), text)


def _short_label(label: str) -> str:
    """`generate/tutor` names the source `tutor`."""
    return label.partition("/")[2] or label


def _without_repeats(
    differing: Mapping[str, dict[str, _Value]],
) -> dict[str, dict[str, _Value]]:
    """One entry where the same setting differs in the same way in several parts (`*.model`)."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, values in differing.items():
        setting = name.partition(".")[2] or name
        alike = canonical_json({c: value.identity for c, value in values.items()})
        groups.setdefault((setting, alike), []).append(name)
    return {
        names[0] if len(names) == 1 else setting: differing[names[0]]
        for (setting, _), names in groups.items()
    }


def _named(name: str, values: Mapping[str, _Value]) -> ConfigDifference:
    """Texts that differ wherever the inputs do: equal names of unlike content get its digest."""
    unlike: dict[str, set[str]] = {}
    for value in values.values():
        unlike.setdefault(value.text, set()).add(value.identity)
    return ConfigDifference(
        name,
        {
            condition: f"{v.text} @{v.identity[:12]}" if len(unlike[v.text]) > 1 else v.text
            for condition, v in values.items()
        },
    )
