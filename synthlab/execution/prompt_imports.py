"""Bringing prompt sets into the lab by name: what is meant, as runs that can be submitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from storage.home import LabHome
from synthlab.errors import UsageError
from synthlab.execution.submission import Submission
from synthlab.experiment.datasets import DatasetResolver, ResolvedDataset, packaged
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import hub_from_environment
from synthlab.experiment.keys import step_key
from synthlab.experiment.packaged_prompts import sets_of
from synthlab.experiment.spec import Columns
from synthlab.experiment.steps import Step
from synthlab.experiment.table_reader import NAME, NAME_RULE

EXPERIMENT = "prompt-sets"


@dataclass(frozen=True)
class WantedSets:
    """What somebody wants to import."""

    source: str
    """A packaged set or family, a wheel, a data file, or a hub id."""
    name: str | None = None
    """Of the set in the lab, where the source brings just one."""
    archive: str | None = None
    """A wheel to read the package from."""
    revision: str | None = None
    split: str = "train"
    config: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """See `Columns` of the experiment file."""


def import_submission(
    home: LabHome, environment: Mapping[str, str], wanted: WantedSets
) -> Submission:
    """The runs that bring in what is wanted; raises UsageError, SpecError or NotFoundError."""
    if unknown := wanted.columns.keys() - Columns.__dataclass_fields__.keys():
        known = ", ".join(Columns.__dataclass_fields__)
        raise UsageError(f"--column names {sorted(unknown)[0]!r}", f"a field is one of {known}")
    steps = tuple(_step(name, found, wanted) for name, found in _found(home, environment, wanted))
    text = "\n".join(f"{step.label} {step.params['dataset']}" for step in steps) + "\n"
    about = "Prompt sets brought in by hand."
    return Submission(EXPERIMENT, about, wanted.source, text, steps)


def _found(
    home: LabHome, environment: Mapping[str, str], wanted: WantedSets
) -> Iterator[tuple[str, ResolvedDataset]]:
    """The name and content of every set that is meant."""
    source, name, given = wanted.source, wanted.name, sets_of(wanted.source)
    if name is not None and not NAME.fullmatch(name):
        raise UsageError(f"--as {name!r} {NAME_RULE}")
    if name is not None and len(given) > 1:
        raise UsageError(f"{source} brings {len(given)} sets, and --as names one", "leave it out")
    if given:
        archive = wanted.archive or (source if source.endswith(".whl") else None)
        path = Path(archive).expanduser() if archive else None
        for one in given:
            yield name or one, packaged(one, archive=path)
        return
    if wanted.archive is not None:
        raise UsageError("--archive goes with the name of a packaged set")
    hashes = FileHashes(home.cache)
    hub = hub_from_environment(environment, Path(environment.get("HOME") or Path.home()))
    found = DatasetResolver(Path(), hub, hashes).resolve(source, wanted.revision, wanted.split)
    hashes.save()
    yield name or _name_of(source), found


def _name_of(source: str) -> str:
    stem = Path(source.removeprefix("builtin:")).stem.lower().replace(".", "-")
    if not NAME.fullmatch(stem):
        raise UsageError(f"{source!r} gives no usable name", "name the set with --as NAME")
    return stem


def _step(name: str, found: ResolvedDataset, wanted: WantedSets) -> Step:
    columns: Mapping[str, Any] = {**asdict(Columns()), **wanted.columns}
    params: dict[str, Any] = {
        "dataset": {**found.params, **({"config": wanted.config} if wanted.config else {})},
        "columns": columns,
        "rows": None,
        "order_seed": 0,
        "holdouts": [],
        "set": name,
    }
    key = step_key("import", params, {})
    return Step("import", f"import/{name}", key, params, (), None, False, found.locate)
