"""The run card: what the numbers were made of and with, so that somebody else could make them again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from synthlab.report.aggregates import number_text
from synthlab.report.contents import Contents, Step
from synthlab.report.tables import Cell, Column, Table

_MEASURES = ("collapse", "robustness", "bias")
_SHORT = 16
"""Digits of a digest that are shown; the whole one is in the catalog."""


def run_card(contents: Contents) -> tuple[Table, ...]:
    """Every part of the card that the experiment has something for."""
    parts: tuple[Callable[[Contents], Table], ...] = (
        _experiment, _models, _datasets, _sources, _mixtures, _hyper_parameters, _training,
        _evaluation, _hardware, _versions, _exclusions, _times,
    )  # fmt: skip
    return tuple(table for table in (part(contents) for part in parts) if table.rows)


def _experiment(contents: Contents) -> Table:
    one = contents.experiment
    facts = {
        "experiment": contents.id,
        "description": one["description"] or "—",
        "planned": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(one["created_at"])),
        "sha256 of the file": one["spec_sha256"],
        "conditions": ", ".join(contents.conditions),
        "seeds": ", ".join(map(str, contents.seeds)),
        "steps": f"{sum(s.is_finished for s in contents.steps)} of {len(contents.steps)} finished",
    }
    return _pairs("card-experiment", "Experiment", facts)


def _models(contents: Contents) -> Table:
    used: dict[tuple[str, ...], dict[str, None]] = {}
    for step in contents.steps:
        for found in _described_models(step.params):
            digest = str(found.get("digest") or "—")
            identity = (str(found["id"]), str(found.get("revision") or "—"), digest)
            used.setdefault(identity, {})[step.kind] = None
    fetched = {str(s.params.get("model")): s for s in contents.of_kind("fetch")}
    rows = []
    for (name, revision, digest), kinds in used.items():
        fetch = fetched.get(name)
        package = (
            f"{fetch.params.get('package')} {fetch.params.get('package_version')}" if fetch else "—"
        )
        rows.append((name, revision, digest[:_SHORT], package, ", ".join(kinds)))
    return _table(
        "card-models", "Models", ("model", "revision", "content", "package", "used by"), rows
    )


def _described_models(params: Any) -> list[Mapping[str, Any]]:
    """Every description of a model (id, revision, digest) at any depth of a step's parameters."""
    if isinstance(params, Mapping):
        if {"id", "digest"} <= params.keys():
            return [params]
        return [found for value in params.values() for found in _described_models(value)]
    if isinstance(params, list):
        return [found for value in params for found in _described_models(value)]
    return []


def _datasets(contents: Contents) -> Table:
    rows = []
    for step in contents.of_kind("import", "compose"):
        data = step.params.get("dataset") or {}
        info = step.info
        dropped = ", ".join(f"{count} {why}" for why, count in (info.get("dropped") or {}).items())
        sets = ", ".join(f"{one['name']} ({one['rows']})" for one in info.get("sets", ()))
        origin = info.get("origin") or data.get("name")
        rows.append(
            (origin, data.get("revision"), str(data.get("digest") or "—")[:_SHORT],
             info.get("licence") or "not stated", info.get("rows"), dropped or "none", sets)
        )  # fmt: skip
    columns = (
        "data set",
        "revision",
        "content",
        "licence",
        "rows",
        "dropped",
        "prompt sets (rows)",
    )
    return _table("card-data", "Data sets and their licences", columns, rows)


def _sources(contents: Contents) -> Table:
    rows = []
    for step in contents.of_kind("generate"):
        info = step.info
        sampling = ", ".join(f"{k} {v}" for k, v in (info.get("sampling") or {}).items())
        rows.append(
            (step.label, info.get("generator"), info.get("rows"), info.get("completion_tokens"),
             info.get("truncated"), info.get("empty"), info.get("errors"), sampling,
             step.params.get("seed"))
        )  # fmt: skip
    columns = (
        "step",
        "generator",
        "answers",
        "tokens",
        "cut",
        "empty",
        "errors",
        "sampling",
        "seed",
    )
    notes = ("cut: answers that were still going on at max_new_tokens",)
    return _table("card-answers", "Generated answers", columns, rows, notes)


def _mixtures(contents: Contents) -> Table:
    rows = []
    for step in contents.of_kind("mix"):
        info = step.info
        parts = "; ".join(f"{p['share']:.0%} {p['generator']}" for p in info.get("parts", ()))
        rows.append(
            (step.label, info.get("rows"), info.get("tokens"), info.get("assign"),
             info.get("duplicates"), info.get("no_response"), info.get("reassigned"), parts)
        )  # fmt: skip
    columns = ("mixture", "rows", "tokens", "assignment", "duplicates", "without answer", "moved",
               "parts")  # fmt: skip
    return _table("card-mixtures", "Mixtures", columns, rows)


def _hyper_parameters(contents: Contents) -> Table:
    steps = contents.of_kind("finetune")
    settings = [_flat(step.params) for step in steps]
    names = dict.fromkeys(name for one in settings for name in one if not name.startswith("model."))
    rows = []
    for name in names:
        values: dict[str, list[str]] = {}
        for step, one in zip(steps, settings, strict=True):
            values.setdefault(one.get(name, "—"), []).append(step.label.removeprefix("finetune/"))
        shown = "; ".join(
            value if len(values) == 1 else f"{value} ({', '.join(who)})"
            for value, who in values.items()
        )
        rows.append((name, shown))
    return _table("card-hyper", "Hyper-parameters of the fine-tuning", ("parameter", "value"), rows)


def _training(contents: Contents) -> Table:
    rows = []
    for step in contents.of_kind("finetune"):
        info = step.info
        rows.append(
            (step.label, info.get("rows"), info.get("validation_rows"), info.get("dropped"),
             info.get("truncated"), info.get("steps"), number_text(info.get("train_loss")),
             number_text(info.get("eval_loss")), info.get("tokens_seen"),
             info.get("trainable_parameters"))
        )  # fmt: skip
    columns = ("training", "rows", "validation", "dropped", "cut", "steps", "mean loss",
               "validation loss", "tokens", "trained parameters")  # fmt: skip
    return _table("card-training", "Trainings", columns, rows)


def _evaluation(contents: Contents) -> Table:
    """Settings of the measurements; what differs between conditions (the seed) is left out."""
    rows = []
    for axis in _MEASURES:
        steps = contents.of_kind(axis)
        if not steps:
            continue
        shared = set.intersection(*(set(_flat(step.params).items()) for step in steps))
        keep = [(name, value) for name, value in sorted(shared) if not _is_wordy(name)]
        rows += [(axis, name, value) for name, value in keep]
        for name in ("judge", "rubrics"):
            told = dict.fromkeys(
                json.dumps(s.info[name], sort_keys=True) for s in steps if name in s.info
            )
            if len(told) == 1:
                rows.append((axis, name, next(iter(told)).strip('"')))
    return _table("card-evaluation", "Measurements", ("axis", "setting", "value"), rows)


def _is_wordy(name: str) -> bool:
    """Texts of rubrics and lists of texts: they are in the experiment's assets, named by version."""
    return name.startswith(("rubrics.", "pairwise.", "rating.", "candidates"))


def _hardware(contents: Contents) -> Table:
    done = [step for step in contents.steps if step.is_finished]
    hosts = {str(step.process.get("host")) for step in done if step.process.get("host")}
    gpus = {str(gpu) for step in done for gpu in step.process.get("gpus") or ()}
    devices = dict.fromkeys(str(s.info["device"]) for s in done if s.info.get("device"))
    machines = dict.fromkeys(_environment(step).get("machine", "") for step in done)
    platforms = dict.fromkeys(_environment(step).get("platform", "") for step in done)
    facts = {
        "machines": str(len(hosts)),
        "architecture": ", ".join(filter(None, machines)),
        "system": ", ".join(filter(None, platforms)),
        "devices": ", ".join(devices) or "—",
        "GPUs": ", ".join(sorted(gpus)) or "none",
        "precision": ", ".join(
            dict.fromkeys(str(s.info["dtype"]) for s in done if s.info.get("dtype"))
        ),
    }
    return _pairs("card-hardware", "Hardware", {k: v for k, v in facts.items() if v})


def _versions(contents: Contents) -> Table:
    known: dict[str, dict[str, int]] = {}
    for step in contents.steps:
        for name, version in _environment(step).items():
            if name not in ("machine", "platform"):
                counts = known.setdefault(name, {})
                counts[version] = counts.get(version, 0) + 1
    rows = [
        (name, "; ".join(v if len(counts) == 1 else f"{v} ({n} steps)" for v, n in counts.items()))
        for name, counts in known.items()
    ]
    return _table("card-versions", "Versions", ("package", "version"), rows)


def _exclusions(contents: Contents) -> Table:
    """Rows that a comparison leaves out in every condition, with their reasons."""
    rows = []
    for compared in contents.comparisons:
        for metric in compared.metrics:
            rows += [
                (compared.axis, metric.id, one.rows, metric.n_candidates, one.reason)
                for one in metric.left_out
            ]
    columns = ("axis", "metric", "left out", "of", "reason")
    return _table("card-exclusions", "Rows left out of comparisons", columns, rows)


def _times(contents: Contents) -> Table:
    rows = []
    for step in contents.steps:
        started, ended = step.row["started_at"], step.row["ended_at"]
        took = f"{ended - started:.1f}" if started and ended else "—"
        rows.append((step.label, step.row["state"], step.row["attempt"], took, step.run_id))
    spent = [
        step.row["ended_at"] - step.row["started_at"]
        for step in contents.steps
        if step.row["started_at"] and step.row["ended_at"]
    ]
    notes = (f"together {sum(spent):.0f} s; several steps may run at once", "of the last attempt")
    columns = ("step", "state", "attempts", "seconds", "run")
    return _table("card-times", "Steps and their times", columns, rows, notes)


def _environment(step: Step) -> Mapping[str, str]:
    found = step.info.get("environment") or {}
    return {str(name): str(value) for name, value in found.items()}


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """`{"lora": {"r": 4}}` as `{"lora.r": "4"}`."""
    if isinstance(value, Mapping):
        parts = [
            _flat(one, f"{prefix}.{name}" if prefix else str(name)) for name, one in value.items()
        ]
        return {name: text for part in parts for name, text in part.items()}
    if isinstance(value, list):
        return {prefix: ", ".join(map(str, value)) or "none"}
    return {prefix: "—" if value is None else str(value)}


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return value.replace(".", "", 1).removeprefix("-").isdecimal()
    return isinstance(value, int | float)


def _may_be_number(value: Any) -> bool:
    return value in (None, "—") or _is_number(value)


def _pairs(identity: str, title: str, facts: Mapping[str, str]) -> Table:
    return _table(identity, title, ("", "value"), list(facts.items()))


def _table(
    identity: str,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    notes: Sequence[str] = (),
) -> Table:
    places = range(len(columns))
    numbers = [any(map(_is_number, column)) and all(map(_may_be_number, column))
               for column in ([row[place] for row in rows] for place in places)]  # fmt: skip
    made = tuple(Column(name, number) for name, number in zip(columns, numbers, strict=True))
    cells = tuple(tuple(Cell("—" if one is None else str(one)) for one in row) for row in rows)
    return Table(identity, title, made, cells, tuple(notes))
