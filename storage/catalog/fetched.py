"""Which models a lab has fetched, so that a name finds them again where the hub cannot be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.catalog.connection import open_reader
from storage.errors import RecordError
from storage.home import LabHome
from storage.rundir import RunDir, RunId


@dataclass(frozen=True)
class FetchedModel:
    """A finished run that brought a model."""

    run_id: str
    folder: Path
    params: Mapping[str, Any]
    """Of the step: the model, its commit or package."""
    asked: str | None
    """The revision that was asked for when the commit was looked up; None for a package."""
    licence: str | None


@dataclass(frozen=True)
class FetchedModels:
    """The finished fetches of a lab."""

    home: LabHome

    def __call__(self, repo: str, revision: str | None) -> Mapping[str, Any] | None:
        """Parameters of the newest fetch of a model under that revision or commit; None without one."""
        for model in self.newest_first():
            commit = model.params["revision"]
            wanted = revision or "main"
            found = revision is None if commit is None else wanted in (commit, model.asked)
            if model.params["model"] == repo and found:
                return model.params
        return None

    def newest_first(self) -> tuple[FetchedModel, ...]:
        """All of them whose files are still there."""
        if not self.home.catalog.is_file():
            return ()
        connection = open_reader(self.home)
        try:
            rows = connection.execute(
                "SELECT id FROM runs WHERE kind = 'fetch' AND state = 'succeeded'"
                " ORDER BY created_at DESC, id"
            ).fetchall()
        finally:
            connection.close()
        found = (self._read(RunDir(self.home.run(RunId(row["id"])))) for row in rows)
        return tuple(model for model in found if model is not None)

    def _read(self, directory: RunDir) -> FetchedModel | None:
        try:
            spec, manifest = directory.read_spec(), directory.read_manifest()
        except (OSError, RecordError):
            return None  # the directory is gone or damaged: `verify` says so, a list goes on
        folder = directory.out / "model"
        if manifest is None or not folder.is_dir():
            return None
        hub = spec.params.get("origin") == "hub"
        asked = str(spec.locate.get("asked", "main")) if hub else None
        return FetchedModel(spec.run_id, folder, spec.params, asked, manifest.info.get("licence"))
