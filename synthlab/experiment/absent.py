"""Planning with what is not on this machine: every name keeps its place, and the plan says what waits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synthlab.errors import NotAtHandError
from synthlab.experiment.datasets import ResolvedDataset, packaged_params
from synthlab.experiment.embedders import ResolvedEmbedder
from synthlab.experiment.models import ResolvedAdapter, ResolvedModel, remote_model
from synthlab.experiment.packaged_prompts import PACKAGED_SETS
from synthlab.experiment.resolver import Resolver


@dataclass(frozen=True)
class AbsentAllowed:
    """A resolver that stands in for what exists elsewhere, so that a whole plan can be read offline.

    Names that can mean nothing are still refused. A revision that is not pinned makes the keys of
    the steps provisional; such steps are blocked and never run.
    """

    inner: Resolver

    def model(self, reference: str, revision: str | None) -> ResolvedModel:
        """The model, or one that has to be fetched first."""
        try:
            return self.inner.model(reference, revision)
        except NotAtHandError:
            pinned = f" --revision {revision}" if revision else ""
            reason = f"the model {reference} is not here: synthlab models fetch {reference}{pinned}"
            return remote_model(reference, revision, reason)

    def adapter(self, reference: str) -> ResolvedAdapter:
        """Adapters are folders of this machine: there is nothing to stand in for one."""
        return self.inner.adapter(reference)

    def embedder(self, reference: str) -> ResolvedEmbedder:
        """The embedder, or the name of one."""
        try:
            return self.inner.embedder(reference)
        except NotAtHandError as error:
            reason = f"the embedder {reference} is not here: {error.hint}"
            return ResolvedEmbedder(reference, "", Path(), reason)

    def dataset(self, reference: str, revision: str | None, split: str) -> ResolvedDataset:
        """The data set, or the name of one."""
        try:
            return self.inner.dataset(reference, revision, split)
        except NotAtHandError as error:
            reason = f"the data set {reference} is not here: {error.hint}"
            if reference in PACKAGED_SETS:
                return ResolvedDataset(packaged_params(reference), blocked=reason)
            params = {"origin": "hub", "name": reference, "revision": revision, "split": split}
            return ResolvedDataset(params, blocked=reason)
