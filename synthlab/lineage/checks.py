"""Whether a hop still is what it was: its files, its manifest, what it read, and the key it goes by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from storage import durable
from storage.errors import RecordError, StorageError
from storage.home import LabHome
from storage.rundir import Manifest, RunDir, content_digest
from synthlab.lineage.hops import Hop, Lineage


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it was published."""

    run: str
    label: str
    file: str
    """Below `out/`, or a file of the run directory; empty where no single file is meant."""
    problem: str


def check_hop(home: LabHome, lineage: Lineage, hop: Hop) -> list[Problem]:
    """What is wrong with one run of a walk; empty if nothing is. Reads every byte that it published."""
    if not hop.is_here:
        return [Problem(hop.run_id, "?", "", "is an input and is not in this lab")]
    found = [*_files(RunDir(home.run(hop.run_id)), hop), *_links(lineage, hop)]
    return [Problem(hop.run_id, hop.label, file, problem) for file, problem in found]


def check_files(directory: RunDir, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Each published file that is not what the manifest promises, and each that it does not know."""
    promised = {file.path for file in manifest.files}
    present = {str(p.relative_to(directory.out)) for p in directory.out.rglob("*") if p.is_file()}
    for unknown in sorted(present - promised):
        yield unknown, "not in the manifest"
    for file in manifest.files:
        try:
            path = directory.published(file.path)
        except RecordError:
            yield file.path, "leads out of the run"
            continue
        if not path.is_file():
            yield file.path, "is gone"
        elif durable.sha256_file(path) != file.sha256:
            yield file.path, "its content is not what was published"


def _files(directory: RunDir, hop: Hop) -> Iterator[tuple[str, str]]:
    try:
        manifest = directory.read_manifest()
        spec = directory.read_spec()
    except (OSError, StorageError, KeyError, TypeError, ValueError) as error:
        yield "", f"cannot be read: {type(error).__name__}: {error}"
        return
    if (spec.key, spec.kind) != (hop.key, hop.kind) or spec.params != hop.params:
        yield "spec.json", "the catalog knows another step"
    if hop.state != "succeeded":
        return
    if manifest is None:
        yield directory.manifest.name, "is gone"
        return
    if manifest.digest != content_digest(manifest.files):
        yield directory.manifest.name, "its digest is not that of the files it lists"
    if manifest.digest != hop.digest:
        yield directory.manifest.name, "the catalog has another digest"
    yield from check_files(directory, manifest)


def _links(lineage: Lineage, hop: Hop) -> Iterator[tuple[str, str]]:
    """Whether the inputs hold what was read, and whether the key says what was done with it."""
    for given in hop.inputs:
        source = lineage.hops[given.run_id]
        if source.is_here and given.digest is not None and source.digest != given.digest:
            yield (
                "inputs.json",
                f"read other content as {given.role} than run {source.run_id} holds now",
            )
    is_whole = all(lineage.hops[given.run_id].is_here for given in hop.inputs)
    if is_whole and lineage.version(hop.run_id) is None:
        yield "spec.json", "its key does not follow from its parameters and inputs"
