"""Runs on their way to another lab: one tar file with what they published, its hashes, and how to go on.

    bundle.json                     what is in the file, each member with size and SHA-256
    runs/<id>/spec.json …           the small files of a run, its events and all of out/
    experiments/<id>/experiment.json

Left behind: logs and unfinished work, paths of this machine, and texts of harmful prompt sets.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import sqlite3
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from storage import durable
from storage.catalog.experiments import EXPERIMENT_FILE, read_experiment
from storage.catalog.lineage import cells_of
from storage.home import LabHome
from storage.rundir import RunDir
from synthlab.errors import ConflictError, NotFoundError, UsageError
from synthlab.lineage.graph import find_start
from synthlab.lineage.harmful import harmful_sets, text_files
from synthlab.lineage.hops import Hop, trace

BUNDLE_FILE = "bundle.json"
BUNDLE_SCHEMA = "synthlab.bundle/1"
SMALL_FILES = re.compile(
    r"(spec|inputs|proc|exit|MANIFEST)\.json|(inputs|proc|exit)-\d{1,4}\.json|events\.jsonl"
)
"""Files of a run directory that a bundle may hold beside `out/`."""
COMPRESSED = (".tar.gz", ".tgz")


@dataclass(frozen=True)
class BundledFile:
    """One member of the tar file."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class BundledRun:
    """One run, by what must be equal in both labs."""

    id: str
    label: str
    kind: str
    key: str
    digest: str
    left_out: tuple[str, ...]
    """Published files that are not in the bundle, below `out/`."""


@dataclass(frozen=True)
class Bundle:
    """bundle.json."""

    roots: tuple[str, ...]
    """The runs that were asked for; the others are what they rest on."""
    runs: tuple[BundledRun, ...]
    experiments: tuple[str, ...]
    files: tuple[BundledFile, ...]

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Bundle:
        """Read it back; raises UsageError if it is of another kind or lacks something."""
        if value.get("schema") != BUNDLE_SCHEMA:
            raise UsageError(
                f"{BUNDLE_FILE} has schema {value.get('schema')!r}, not {BUNDLE_SCHEMA}"
            )
        plain = json.loads(json.dumps(value))
        try:
            return cls(
                tuple(str(one) for one in plain["roots"]),
                tuple(
                    BundledRun(**{**one, "left_out": tuple(one["left_out"])})
                    for one in plain["runs"]
                ),
                tuple(str(one) for one in plain["experiments"]),
                tuple(BundledFile(**one) for one in plain["files"]),
            )
        except (KeyError, TypeError) as error:
            raise UsageError(f"{BUNDLE_FILE} is damaged: {error}") from error


@dataclass(frozen=True)
class Member:
    """One file of a bundle, and where its bytes are."""

    name: str
    content: Path | bytes


def export(
    connection: sqlite3.Connection,
    home: LabHome,
    wanted: str,
    target: Path,
    *,
    only: bool,
    with_harmful_texts: bool,
) -> Bundle:
    """Write a run, or an experiment's runs, with everything upstream.

    Raises NotFoundError, UsageError (form of the file), ConflictError (a run has not succeeded).
    """
    if not target.name.endswith((".tar", *COMPRESSED)):
        raise UsageError(f"{target.name}: a bundle ends in .tar, .tar.gz or .tgz")
    start = find_start(connection, wanted)
    if start.kind not in ("run", "experiment", "result"):
        raise UsageError(f"{wanted!r} is a {start.kind}", "export a run or an experiment")
    lineage = trace(connection, start.roots)
    kept = [h for h in lineage.hops.values() if not only or h.run_id in start.roots]
    for hop in kept:
        if hop.state != "succeeded" and (
            start.kind != "experiment" or hop.run_id not in start.roots
        ):
            raise ConflictError(
                f"run {hop.run_id} ({hop.label or 'an input'}) is {hop.state}",
                "only finished runs can go to another lab",
            )
    kept = [hop for hop in kept if hop.state == "succeeded"]
    if not kept:
        raise NotFoundError(f"{wanted} has no finished run")
    harmful = {} if with_harmful_texts else harmful_sets(connection, lineage)
    left_out = {
        hop.run_id: text_files(hop, harmful[hop.run_id]) for hop in kept if hop.run_id in harmful
    }
    members: list[Member] = []
    runs: list[BundledRun] = []
    for hop in kept:
        run, files = _run_members(home, hop, left_out.get(hop.run_id, ()))
        runs.append(run)
        members += files
    roots = tuple(root for root in start.roots if any(hop.run_id == root for hop in kept))
    shown = dict.fromkeys(cell["experiment_id"] for cell in cells_of(connection, roots))
    chosen = [start.name] if start.kind == "experiment" else list(shown)
    members += [_experiment_member(home, name) for name in chosen]
    listed = tuple(_hashed(member) for member in members)
    bundle = Bundle(roots, tuple(runs), tuple(chosen), listed)
    _write(target, bundle, members)
    return bundle


def _run_members(
    home: LabHome, hop: Hop, harmful: Sequence[str]
) -> tuple[BundledRun, list[Member]]:
    directory = RunDir(home.run(hop.run_id))
    manifest = directory.read_manifest()
    if manifest is None:
        raise ConflictError(f"run {hop.run_id} has no manifest", "synthlab verify")
    prefix = f"runs/{hop.run_id}"
    members = []
    for path in sorted(directory.root.iterdir()):
        if path.name == "spec.json":
            # Where models and servers are is nobody else's business, and no part of the key.
            spec = {**directory.read_spec().to_json(), "locate": {}, "observing": {}}
            members.append(Member(f"{prefix}/{path.name}", durable.json_line(spec)))
        elif SMALL_FILES.fullmatch(path.name):
            members.append(Member(f"{prefix}/{path.name}", path))
    left_out = tuple(file.path for file in manifest.files if file.path in harmful)
    for file in manifest.files:
        if file.path not in left_out:
            members.append(Member(f"{prefix}/out/{file.path}", directory.published(file.path)))
    run = BundledRun(hop.run_id, hop.label, hop.kind, hop.key, manifest.digest, left_out)
    return run, members


def _experiment_member(home: LabHome, experiment_id: str) -> Member:
    experiment = read_experiment(home.experiment(experiment_id))
    plain = asdict(replace(experiment, file=Path(experiment.file).name))
    return Member(f"experiments/{experiment_id}/{EXPERIMENT_FILE}", durable.json_line(plain))


def _hashed(member: Member) -> BundledFile:
    if isinstance(member.content, bytes):
        digest = hashlib.sha256(member.content).hexdigest()
        return BundledFile(member.name, len(member.content), digest)
    try:
        size, digest = member.content.stat().st_size, durable.sha256_file(member.content)
    except FileNotFoundError as error:
        raise ConflictError(
            f"{member.name} is gone", "synthlab verify says what else is"
        ) from error
    return BundledFile(member.name, size, digest)


def _write(target: Path, bundle: Bundle, members: Sequence[Member]) -> None:
    """Write the tar file: the same runs always give the same bytes before compression."""
    header = durable.json_line({"schema": BUNDLE_SCHEMA, **asdict(bundle)})
    with durable.replacing(target) as file, _tar(target, file) as archive:
        for member in (Member(BUNDLE_FILE, header), *members):
            info = tarfile.TarInfo(member.name)
            info.mode = durable.FILE_MODE
            if isinstance(member.content, bytes):
                info.size = len(member.content)
                archive.addfile(info, io.BytesIO(member.content))
            else:
                info.size = member.content.stat().st_size
                with member.content.open("rb") as content:
                    archive.addfile(info, content)


def _tar(target: Path, file: BinaryIO) -> tarfile.TarFile:
    mode = "w:gz" if target.name.endswith(COMPRESSED) else "w:"
    if mode == "w:gz":
        return tarfile.open(fileobj=file, mode="w:gz", compresslevel=6)
    return tarfile.open(fileobj=file, mode="w:")


def left_out_lines(bundle: Bundle) -> Iterator[str]:
    """What a reader of the bundle must know of the files that are not in it."""
    for run in bundle.runs:
        for path in run.left_out:
            yield f"left out: {path} of {run.label} (run {run.id}), texts of a harmful set"
