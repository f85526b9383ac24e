"""Checkpoints that a killed training continues from: whole and verified, or not there at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import durable
from storage.errors import RecordError

MANIFEST = "MANIFEST.json"
KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """A verified state of the training."""

    folder: Path
    step: int
    facts: Mapping[str, Any]
    """What decides whether it can be continued exactly: versions, device, threads, first weights."""


@dataclass(frozen=True)
class Found:
    """The newest checkpoint that can be trusted, and what was wrong with newer ones."""

    checkpoint: Checkpoint | None
    rejected: tuple[str, ...]


class CheckpointStore:
    """The checkpoints in `work/` of one run."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def publish(self, unfinished: Path, step: int, facts: Mapping[str, Any]) -> Checkpoint:
        """Give a written state its manifest and its name, then remove all but the newest two.

        Nothing is removed before the new one has been read back and verified.
        """
        files = {
            str(path.relative_to(unfinished)): {
                "size": path.stat().st_size,
                "sha256": durable.sha256_file(path),
            }
            for path in sorted(unfinished.rglob("*"))
            if path.is_file()
        }
        durable.write_json(
            unfinished / MANIFEST, {"step": step, "facts": dict(facts), "files": files}
        )
        durable.make_directory(self.root)
        final = self.root / f"step-{step:08d}"
        durable.publish_directory(unfinished, final)
        verified = verify(final)
        for old in self._newest_first()[KEPT:]:
            durable.remove_tree(old)
        return verified

    def newest(self) -> Found:
        """The newest checkpoint whose files all are what its manifest says."""
        rejected: list[str] = []
        for folder in self._newest_first():
            try:
                return Found(verify(folder), tuple(rejected))
            except RecordError as error:
                rejected.append(str(error))
        return Found(None, tuple(rejected))

    def _newest_first(self) -> list[Path]:
        return sorted(self.root.glob("step-*"), reverse=True)


def verify(folder: Path) -> Checkpoint:
    """Read a checkpoint's manifest and hash its files; raises RecordError that names the damage."""
    try:
        manifest = durable.read_json(folder / MANIFEST)
    except FileNotFoundError as error:
        raise RecordError(f"{folder.name} has no manifest") from error
    for name, expected in manifest["files"].items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != expected["size"]:
            raise RecordError(f"{folder.name}/{name} is missing or has another size")
        if durable.sha256_file(path) != expected["sha256"]:
            raise RecordError(f"{folder.name}/{name} has another content than its manifest says")
    return Checkpoint(folder, int(manifest["step"]), manifest["facts"])
