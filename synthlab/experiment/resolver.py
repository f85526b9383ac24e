"""The one thing a plan needs of the outside: what the names in a file stand for on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from synthlab.experiment.datasets import DatasetResolver, ResolvedDataset
from synthlab.experiment.embedders import EmbedderResolver, ResolvedEmbedder
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import hub_from_environment
from synthlab.experiment.models import (
    FindFetched,
    ModelIdentity,
    ModelResolver,
    ResolvedAdapter,
    ResolvedModel,
)

CHECKPOINT = "checkpoint:"
"""Begins the name of an adapter that this lab has trained."""


class TrainedAdapter(NamedTuple):
    """Where the adapter of a run lies, and which model it was trained on."""

    folder: Path
    base: ModelIdentity


class Resolver(Protocol):
    """Turns names into pinned content; each method raises NotFoundError or SpecError."""

    def model(self, reference: str, revision: str | None) -> ResolvedModel:
        """A base or generator model."""

    def adapter(self, reference: str) -> ResolvedAdapter:
        """A folder that peft saved."""

    def embedder(self, reference: str) -> ResolvedEmbedder:
        """A model that turns texts into vectors."""

    def dataset(self, reference: str, revision: str | None, split: str) -> ResolvedDataset:
        """The rows behind a prompt set."""


class LocalResolver:
    """Looks on this machine first, and asks the hub only for what is not here.

    Use as a context manager: leaving it keeps the hashes that were computed.
    """

    def __init__(
        self,
        base: Path,
        hashes: FileHashes,
        environ: Mapping[str, str],
        imported: Mapping[str, Path] | None = None,
        checkpoints: Callable[[str], TrainedAdapter] | None = None,
        fetched: FindFetched | None = None,
    ) -> None:
        """imported: see DatasetResolver.imported; checkpoints: finds adapters of the lab's own runs;
        fetched: see ModelResolver.fetched."""
        hub = hub_from_environment(environ, Path(environ.get("HOME") or Path.home()))
        self._hashes = hashes
        self._checkpoints = checkpoints
        self._models = ModelResolver(base, hub, hashes, fetched or (lambda repo, revision: None))
        self._embedders = EmbedderResolver(base, hub, hashes)
        self._datasets = DatasetResolver(base, hub, hashes, imported or {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hashes.save()

    def model(self, reference: str, revision: str | None) -> ResolvedModel:
        """See ModelResolver.resolve."""
        return self._models.resolve(reference, revision)

    def adapter(self, reference: str) -> ResolvedAdapter:
        """See ModelResolver.resolve_adapter; `checkpoint:RUN` means one that this lab has trained."""
        if self._checkpoints is None or not reference.startswith(CHECKPOINT):
            return self._models.resolve_adapter(reference)
        trained = self._checkpoints(reference.removeprefix(CHECKPOINT))
        return replace(self._models.resolve_adapter(str(trained.folder)), base=trained.base)

    def embedder(self, reference: str) -> ResolvedEmbedder:
        """See EmbedderResolver.resolve."""
        return self._embedders.resolve(reference)

    def dataset(self, reference: str, revision: str | None, split: str) -> ResolvedDataset:
        """See DatasetResolver.resolve."""
        return self._datasets.resolve(reference, revision, split)
