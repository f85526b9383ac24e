"""Finding the data set that a file names, and the digest or commit that pins its content."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.durable import canonical_json
from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import HUB_ID, Hub
from synthlab.experiment.models import local_path
from synthlab.experiment.packaged_prompts import PACKAGED_SETS, locate_packaged

BUILTIN = "builtin:"
FORMATS: Mapping[str, str] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
"""File formats by suffix."""


@dataclass(frozen=True)
class BuiltinCorpus:
    """A corpus that the lab makes itself, here known only by what its content depends on."""

    version: int
    """Raised with every change of the code that makes it."""
    reads_interpreter: bool
    """Whether its rows come from the running Python, whose version then pins them."""


BUILTIN_CORPORA: Mapping[str, BuiltinCorpus] = {
    "python-docs": BuiltinCorpus(version=1, reads_interpreter=True),
    "tiny-grammar": BuiltinCorpus(version=1, reads_interpreter=False),
    "placeholder-harmful": BuiltinCorpus(version=1, reads_interpreter=False),
    "placeholder-benign": BuiltinCorpus(version=1, reads_interpreter=False),
    "placeholder-wrappers": BuiltinCorpus(version=1, reads_interpreter=False),
}


@dataclass(frozen=True)
class ResolvedDataset:
    """A data set that is pinned."""

    params: Mapping[str, Any]
    """`dataset` of an import step: origin, name, and digest or revision; no path of this machine."""
    locate: Mapping[str, str] = field(default_factory=dict)
    blocked: str = ""
    """Why its rows cannot be had as things are; empty where they can."""


@dataclass(frozen=True)
class DatasetResolver:
    """Looks for data sets: built in, files beside the experiment file, the hub."""

    base: Path
    hub: Hub
    hashes: FileHashes
    imported: Mapping[str, Path] = field(default_factory=dict)
    """Prompt files of packaged sets that an earlier `prompts import` left in the lab, by set."""

    def resolve(self, reference: str, revision: str | None, split: str) -> ResolvedDataset:
        """The data set that `reference` names; raises NotFoundError or SpecError."""
        if reference.startswith(BUILTIN):
            return _builtin(reference.removeprefix(BUILTIN))
        if reference in PACKAGED_SETS:
            return packaged(reference, self.imported.get(reference))
        path = local_path(self.base, reference)
        if path.suffix.lower() in FORMATS or path.exists() or reference.startswith((".", "/", "~")):
            return self._file(path)
        if not HUB_ID.fullmatch(reference):
            raise SpecError(
                f"{reference!r} is no hub id, no file and no built-in data set",
                f"write owner/name, a path ending in {', '.join(FORMATS)}, or builtin:NAME",
            )
        commit = self.hub.cached_commit("datasets", reference, revision)
        if commit is None:
            try:
                commit = self.hub.commit("datasets", reference, revision)
            except NotFoundError as error:
                advice = "name a local JSONL, CSV or Parquet file, or plan where there is a network"
                raise type(error)(error.message, error.hint or advice) from error
        return ResolvedDataset(
            {"origin": "hub", "name": reference, "revision": commit, "split": split}
        )

    def _file(self, path: Path) -> ResolvedDataset:
        form = FORMATS.get(path.suffix.lower())
        if form is None:
            raise SpecError(f"{path} is of no known format; use {', '.join(FORMATS)}")
        if not path.is_file():
            raise NotFoundError(f"no data file {path}")
        return ResolvedDataset(
            {
                "origin": "file",
                "name": path.name,
                "format": form,
                "digest": self.hashes.sha256(path),
            },
            {"dataset": str(path.resolve())},
        )


def packaged(
    name: str, imported: Path | None = None, archive: Path | None = None
) -> ResolvedDataset:
    """A set out of a package: in an archive, in the installed package, or as it was imported before.

    Raises NotFoundError if it is nowhere, SpecError if the archive is another package.
    """
    params = packaged_params(name)
    try:
        return ResolvedDataset(params, {"dataset": str(locate_packaged(name, archive))})
    except NotFoundError:
        if imported is None or archive is not None:
            raise
        return ResolvedDataset(params, {"imported": str(imported)})


def packaged_params(name: str) -> dict[str, Any]:
    """What pins a set of a package, whether the package is here or not."""
    known = PACKAGED_SETS[name]
    return {
        "origin": "package",
        "name": name,
        "package": known.package,
        "version": known.version,
        "digest": known.sha256,
    }


def _builtin(name: str) -> ResolvedDataset:
    corpus = BUILTIN_CORPORA.get(name)
    if corpus is None:
        raise NotFoundError(
            f"no built-in data set is called {name!r}", f"there are: {', '.join(BUILTIN_CORPORA)}"
        )
    content: list[Any] = [name, corpus.version]
    if corpus.reads_interpreter:
        content += [sys.implementation.name, list(sys.version_info[:3])]
    digest = hashlib.sha256(canonical_json(content).encode()).hexdigest()
    return ResolvedDataset({"origin": "builtin", "name": name, "digest": digest})
