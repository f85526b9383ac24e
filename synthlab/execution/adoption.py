"""Runs that were finished elsewhere become runs of this lab: the supervisor's part of an import."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from storage import durable
from storage.catalog.connection import write_transaction
from storage.catalog.experiments import (
    Experiment,
    index_experiment,
    read_experiment,
    write_experiment,
)
from storage.catalog.ingest import index_run, ingest_events
from storage.home import LabHome
from storage.rundir import RunDir, RunId
from synthlab.errors import ConflictError, UsageError

FOLDER_PREFIX = "import-"
"""Where a client unpacks: a folder of that beginning in the cache of the lab home."""
FILE_NAME = "experiment.toml"
"""The experiment file, written out so that `synthlab run` can go on from it."""


@dataclass(frozen=True)
class Adopted:
    """What came in."""

    runs: tuple[RunId, ...]
    experiments: tuple[str, ...]
    """Ids in this lab, in the order asked for; a revision that was taken gives way to the next."""


def adopt(
    connection: sqlite3.Connection,
    home: LabHome,
    folder_name: str,
    run_ids: Sequence[str],
    experiments: Sequence[str],
) -> Adopted:
    """Move checked run directories into the lab and index them; inputs must come before readers.

    Directories come first and the catalog last, as for a submission. Raises UsageError for a folder
    that no import made, ConflictError for a run that has come into being meanwhile.
    """
    folder = home.cache / folder_name
    if Path(folder_name).name != folder_name or not folder_name.startswith(FOLDER_PREFIX):
        raise UsageError(f"{folder_name!r} is no folder of an import")
    moved = []
    for run_id in map(RunId, run_ids):
        source, target = folder / "runs" / run_id, home.run(run_id)
        if target.exists():
            raise ConflictError(f"run {run_id} is in this lab by now", "import once more")
        if RunDir(source).read_spec().run_id != run_id or RunDir(source).state() != "succeeded":
            raise UsageError(f"{source} is no finished run of that id")
        durable.make_directory(RunDir(source).out)
        source.rename(target)  # its files are on disk already: the import wrote each through
        moved.append(run_id)
    durable.fsync_directory(home.runs)
    with write_transaction(connection):
        for run_id in moved:
            index_run(connection, RunDir(home.run(run_id)))
            ingest_events(connection, RunDir(home.run(run_id)))
    names = tuple(_experiment(connection, home, folder, name) for name in experiments)
    return Adopted(tuple(moved), names)


def _experiment(connection: sqlite3.Connection, home: LabHome, folder: Path, name: str) -> str:
    """Enter an experiment unless the lab has planned the same file; returns its id here."""
    brought = read_experiment(folder / "experiments" / name)
    rows = connection.execute(
        "SELECT id, revision, spec_sha256 FROM experiments WHERE name = ? ORDER BY revision",
        (brought.name,),
    ).fetchall()
    for row in rows:
        if row["spec_sha256"] == brought.spec_sha256:
            _join(connection, home, read_experiment(home.experiment(row["id"])), brought)
            return str(row["id"])
    taken = {row["revision"] for row in rows}
    revision = brought.revision if brought.revision not in taken else max(taken) + 1
    here = {row["id"] for row in connection.execute("SELECT id FROM runs")}
    steps = tuple(step for step in brought.steps if step.run_id in here)
    renamed = replace(brought, id=f"{brought.name}.{revision}", revision=revision, steps=steps)
    _enter(connection, home, renamed)
    return renamed.id


def _join(
    connection: sqlite3.Connection, home: LabHome, mine: Experiment, brought: Experiment
) -> None:
    """Add to an experiment of the same file the steps that only the other lab has done."""
    known = {step.label for step in mine.steps}
    here = {row["id"] for row in connection.execute("SELECT id FROM runs")}
    more = [s for s in brought.steps if s.label not in known and s.run_id in here]
    if more:
        _enter(connection, home, replace(mine, steps=(*mine.steps, *more)))


def _enter(connection: sqlite3.Connection, home: LabHome, experiment: Experiment) -> None:
    write_experiment(home, experiment)
    text = experiment.spec_text.encode()
    durable.write_bytes(home.experiment(experiment.id) / FILE_NAME, text)
    with write_transaction(connection):
        index_experiment(connection, experiment)
