"""A bundle from elsewhere, checked name by name and hash by hash before anything of it counts."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from storage import durable
from storage.catalog.experiments import EXPERIMENT_FILE, read_experiment
from storage.errors import StorageError
from storage.home import LabHome
from storage.rundir import ID_ALPHABET, ID_LENGTH, RunDir, content_digest
from synthlab.errors import ConflictError, UsageError
from synthlab.experiment.steps import StepKey
from synthlab.lineage.bundle import BUNDLE_FILE, SMALL_FILES, Bundle, BundledRun
from synthlab.lineage.hops import code_version

MAX_MEMBERS = 500_000
MAX_HEADER_BYTES = 256 << 20
MAX_NAME_LENGTH = 512
KEEP_FREE_BYTES = 256 << 20
"""A disk that an import has filled to the brim could not even record a failure."""

RUN_ID = re.compile(f"[{ID_ALPHABET}]{{{ID_LENGTH}}}")
EXPERIMENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.[1-9]\d{0,8}")
WINDOWS_NAMES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
HOSTILE_LETTERS = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


@dataclass(frozen=True)
class Unpacked:
    """A bundle whose files lie in `folder`, all of them what the bundle promises."""

    bundle: Bundle
    folder: Path
    new: tuple[str, ...]
    """Runs that this lab does not have."""
    known: tuple[str, ...]
    """Runs that it has with the same content."""


@contextmanager
def unpacked(home: LabHome, source: Path, folder: Path) -> Iterator[Unpacked]:
    """Unpack into `folder`, which is removed at the end whatever happens.

    Raises UsageError if anything in the file is not as it must be, ConflictError if the lab has one of
    the runs with other content. Nothing outside `folder` is written.
    """
    durable.make_directory(folder)
    try:
        bundle = _extract(source, folder)
        known = [run.id for run in bundle.runs if _is_known(home, run)]
        new = [run.id for run in bundle.runs if run.id not in set(known)]
        _check_runs(home, bundle, folder)
        for name in bundle.experiments:
            _check_experiment(folder, name)
        yield Unpacked(bundle, folder, tuple(new), tuple(known))
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{source}: not a whole tar file ({error})") from error
    finally:
        durable.remove_tree(folder)


def check_member_name(name: str) -> None:
    """Raises UsageError unless the name may become a path below the lab, on any system."""
    fault = _name_fault(name)
    if fault:
        raise UsageError(f"member {name!r} of the bundle {fault}", "the bundle was not imported")


def _name_fault(name: str) -> str:
    parts = name.split("/")
    if len(name) > MAX_NAME_LENGTH:
        return "has a name that is too long"
    if HOSTILE_LETTERS.search(name) or not name.isprintable():
        return "has letters in its name that no path may have"
    if any(part in ("", ".", "..") for part in parts) or PurePosixPath(name).is_absolute():
        return "leads out of its folder"
    if any(WINDOWS_NAMES.fullmatch(part) or part.endswith((".", " ")) for part in parts):
        return "has a name that Windows reserves"
    if name == BUNDLE_FILE:
        return ""
    if parts[0] == "runs" and len(parts) >= 3 and RUN_ID.fullmatch(parts[1]):
        is_output = parts[2] == "out" and len(parts) > 3
        is_small = len(parts) == 3 and SMALL_FILES.fullmatch(parts[2])
        return "" if is_output or is_small else "is no file of a run"
    is_experiment = len(parts) == 3 and EXPERIMENT_ID.fullmatch(parts[1])
    if parts[0] == "experiments" and is_experiment and parts[2] == EXPERIMENT_FILE:
        return ""
    return "is no part of a bundle"


def _extract(source: Path, folder: Path) -> Bundle:
    room = max(0, durable.free_bytes(folder) - KEEP_FREE_BYTES)
    seen: set[str] = set()
    hashes: dict[str, tuple[int, str]] = {}
    bundle: Bundle | None = None
    with source.open("rb") as file, _open_tar(file) as archive:
        for member in archive:
            check_member_name(member.name)
            if not member.isreg():
                raise UsageError(f"member {member.name!r} of the bundle is a link or a device")
            if member.name.casefold() in seen or len(seen) >= MAX_MEMBERS:
                raise UsageError(f"member {member.name!r} is in the bundle twice, or one too many")
            seen.add(member.name.casefold())
            room -= member.size
            if room < 0:
                raise ConflictError(f"{source.name} does not fit on the disk", "free some space")
            content = archive.extractfile(member)
            if content is None:
                raise UsageError(f"member {member.name!r} of the bundle has no content")
            if bundle is None:
                bundle = _read_header(member, content)
                continue
            hashes[member.name] = _copy(content, folder / member.name)
    if bundle is None:
        raise UsageError(f"{source.name} is empty")
    promised = {one.name: (one.size, one.sha256) for one in bundle.files}
    for name in (*promised, *hashes):
        if promised.get(name) != hashes.get(name):
            raise UsageError(
                f"{name} is not what the bundle promises",
                "it was changed or cut on its way; export it again",
            )
    return bundle


def _open_tar(file: IO[bytes]) -> tarfile.TarFile:
    magic = file.read(2)
    file.seek(0)
    if magic == b"\x1f\x8b":
        return tarfile.open(fileobj=file, mode="r:gz")
    return tarfile.open(fileobj=file, mode="r:")


def _read_header(member: tarfile.TarInfo, content: IO[bytes]) -> Bundle:
    if member.name != BUNDLE_FILE or member.size > MAX_HEADER_BYTES:
        raise UsageError("this is no bundle", "make one with `synthlab export-run`")
    try:
        value = json.loads(content.read())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{BUNDLE_FILE} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{BUNDLE_FILE} is damaged")
    return Bundle.from_json(value)


def _copy(content: IO[bytes], path: Path) -> tuple[int, str]:
    durable.make_directory(path.parent)
    digest, size = hashlib.sha256(), 0
    with durable.replacing(path) as file:
        while chunk := content.read(durable.CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
    return size, digest.hexdigest()


def _is_known(home: LabHome, run: BundledRun) -> bool:
    """Whether the lab has the run already; raises ConflictError if it has another one of that id."""
    if not RUN_ID.fullmatch(run.id):
        raise UsageError(f"{run.id!r} is no id of a run")
    directory = RunDir(home.run(run.id))
    if not directory.root.exists():
        return False
    manifest = directory.read_manifest()
    if manifest is None or manifest.digest != run.digest or directory.read_spec().key != run.key:
        raise ConflictError(
            f"this lab has a run {run.id} with other content",
            "remove it first, or import into another lab: --home DIR",
        )
    return True


def _check_runs(home: LabHome, bundle: Bundle, folder: Path) -> None:
    """Every run must be a finished one that is what its manifest and its key say."""
    keys = {run.id: StepKey(run.key) for run in bundle.runs}
    listed = {one.name: one.sha256 for one in bundle.files}
    for run in bundle.runs:
        try:
            _check_run(RunDir(folder / "runs" / run.id), run, listed, keys, home)
        except (OSError, StorageError, KeyError, TypeError, ValueError, AttributeError) as error:
            text = f"run {run.id} in the bundle cannot be read: {type(error).__name__}: {error}"
            raise UsageError(text) from error
    held = {name.split("/")[1] for name in listed if name.startswith("runs/")}
    if held != keys.keys():
        raise UsageError("the bundle holds runs that it does not list")


def _check_run(
    directory: RunDir,
    run: BundledRun,
    listed: Mapping[str, str],
    keys: Mapping[str, StepKey],
    home: LabHome,
) -> None:
    spec, manifest = directory.read_spec(), directory.read_manifest()
    if manifest is None or directory.state() != "succeeded":
        raise UsageError(f"run {run.id} in the bundle has not succeeded")
    if (spec.run_id, spec.key, spec.kind, manifest.digest) != (
        run.id,
        run.key,
        run.kind,
        run.digest,
    ):
        raise UsageError(f"run {run.id} in the bundle is not the one that it lists")
    if content_digest(manifest.files) != manifest.digest:
        raise UsageError(f"run {run.id}: the digest of its manifest is not that of its files")
    prefix = f"runs/{run.id}/out/"
    promised = {file.path: file.sha256 for file in manifest.files}
    present = {n.removeprefix(prefix): sha for n, sha in listed.items() if n.startswith(prefix)}
    for path in promised:
        check_member_name(prefix + path)
    expected = {path: sha for path, sha in promised.items() if path not in run.left_out}
    if present != expected:
        raise UsageError(f"run {run.id}: its files are not those of its manifest")
    inputs: dict[str, StepKey] = {}
    for given in spec.inputs:
        if not RUN_ID.fullmatch(given.run_id):
            raise UsageError(f"run {run.id}: {given.run_id!r} is no id of a run")
        key = keys.get(given.run_id) or _key_here(home, given.run_id)
        if key is None:
            return  # exported alone: nothing can count as cached before its inputs are here
        inputs[given.role] = key
    if code_version(spec.kind, spec.params, inputs, spec.key) is None:
        raise UsageError(
            f"run {run.id}: its key does not follow from its parameters",
            "it comes from a newer synthlab, or was tampered with",
        )


def _key_here(home: LabHome, run_id: str) -> StepKey | None:
    directory = RunDir(home.run(run_id))
    return StepKey(directory.read_spec().key) if directory.root.exists() else None


def _check_experiment(folder: Path, name: str) -> None:
    if not EXPERIMENT_ID.fullmatch(name):
        raise UsageError(f"{name!r} is no id of an experiment")
    try:
        experiment = read_experiment(folder / "experiments" / name)
        digest = hashlib.sha256(experiment.spec_text.encode()).hexdigest()
    except (OSError, StorageError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"experiment {name} in the bundle cannot be read: {error}") from error
    is_itself = f"{experiment.name}.{experiment.revision}" == experiment.id == name
    if not is_itself or digest != experiment.spec_sha256:
        raise UsageError(f"experiment {name} in the bundle is not what it says it is")
