"""A run directory: the truth about one run. Everything the catalog knows of a run is read from here."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NewType

from storage import durable
from storage.errors import RecordError

RunId = NewType("RunId", str)

SPEC_SCHEMA = 1
ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH = 8


def new_run_id() -> RunId:
    """A fresh id: 40 random bits that are easy to read aloud and safe as a file name."""
    return RunId("".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH)))


@dataclass(frozen=True)
class RunInput:
    """What a run reads from another: `role` is the name its job knows it by."""

    role: str
    run_id: RunId


@dataclass(frozen=True)
class RunSpec:
    """spec.json: what a run is to do, written when it is queued.

    What is in its key never changes; where things lie and how the work is watched may, see `relocate`.
    """

    run_id: RunId
    kind: str
    key: str
    label: str
    params: Mapping[str, Any]
    inputs: tuple[RunInput, ...]
    locate: Mapping[str, str]
    """Paths of this machine (a local model, say); how to find a thing, never part of the key."""
    needs_model: bool
    """Whether the job loads a language model and therefore takes a GPU or a CPU slot."""
    created_at: float
    priority: int = 0
    observing: Mapping[str, Any] = field(default_factory=dict)
    """How the work is watched and saved on its way; it cannot change the output, nor the key."""

    def to_json(self) -> dict[str, Any]:
        """The content of spec.json."""
        return {"schema": SPEC_SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunSpec:
        """Read spec.json; raises RecordError if it is of another schema or lacks a field."""
        schema = value.get("schema") if isinstance(value, Mapping) else None
        if schema != SPEC_SCHEMA:
            raise RecordError(f"spec.json has schema {schema!r}, not {SPEC_SCHEMA}")
        try:
            return cls(
                run_id=RunId(value["run_id"]),
                kind=value["kind"],
                key=value["key"],
                label=value["label"],
                params=value["params"],
                inputs=tuple(RunInput(i["role"], RunId(i["run_id"])) for i in value["inputs"]),
                locate=value["locate"],
                needs_model=bool(value["needs_model"]),
                created_at=float(value["created_at"]),
                priority=int(value.get("priority", 0)),
                observing=value.get("observing", {}),
            )
        except KeyError as error:
            raise RecordError(f"spec.json lacks {error}") from error
        except (TypeError, ValueError) as error:
            raise RecordError(f"spec.json has a value of another form ({error})") from error


@dataclass(frozen=True)
class ManifestFile:
    """One published file, by its path below `out/`."""

    path: str
    size: int
    sha256: str


def content_digest(files: Iterable[ManifestFile]) -> str:
    """The identity of what a run published: SHA-256 over the paths and hashes in their order."""
    content = durable.canonical_json([[file.path, file.sha256] for file in files])
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """MANIFEST.json: the list of what a run published; its presence makes the output count."""

    digest: str
    """SHA-256 over the sorted paths and hashes: the identity of the content."""
    files: tuple[ManifestFile, ...]
    info: Mapping[str, Any] = field(default_factory=dict)
    """What the job wants the catalog to say about the output (rows, base model, shares, …)."""

    @classmethod
    def of(cls, out: Path, info: Mapping[str, Any]) -> Manifest:
        """Hash every file below `out`."""
        files = tuple(
            ManifestFile(str(p.relative_to(out)), p.stat().st_size, durable.sha256_file(p))
            for p in sorted(out.rglob("*"))
            if p.is_file() and not p.is_symlink()
        )
        return cls(content_digest(files), files, dict(info))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Manifest:
        """Read MANIFEST.json."""
        files = tuple(ManifestFile(f["path"], f["size"], f["sha256"]) for f in value["files"])
        return cls(value["digest"], files, value["info"])


@dataclass(frozen=True)
class RunExit:
    """exit.json: how the last attempt ended, with the evidence."""

    state: str
    """One of the end states: succeeded, failed, cancelled, interrupted."""
    reason: str
    """Machine-readable cause such as `oom_kill`, `disk_full`, `user:ada`, `no_model`; empty on success."""
    message: str
    """The cause in words for a person."""
    hint: str
    ended_at: float
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RunExit:
        """Read exit.json."""
        return cls(
            value["state"],
            value["reason"],
            value["message"],
            value["hint"],
            value["ended_at"],
            value["evidence"],
        )


@dataclass(frozen=True)
class RunDir:
    """Paths and typed access to one run directory."""

    root: Path

    @property
    def out(self) -> Path:
        """Published files; they count once MANIFEST.json is there."""
        return self.root / "out"

    def published(self, path: str) -> Path:
        """A file below `out/`, which need not be there.

        Raises RecordError where the path, or a link on it, leads elsewhere: paths come out of
        catalogs and manifests that other people may have written.
        """
        found = self.out / path
        inside = "\0" not in path and not Path(path).is_absolute() and ".." not in found.parts
        if not inside or not found.resolve().is_relative_to(self.out.resolve()):
            raise RecordError(f"run {self.root.name}: {path!r} is not below its out/")
        return found

    @property
    def work(self) -> Path:
        """What a run needs to continue after a stop; removed when it has succeeded."""
        return self.root / "work"

    @property
    def events(self) -> Path:
        """What the job reported, one JSON object a line."""
        return self.root / "events.jsonl"

    @property
    def log(self) -> Path:
        """Standard output and error of the job, all attempts."""
        return self.root / "log.txt"

    @property
    def lock(self) -> Path:
        """Held by the runner and inherited by the job for as long as either lives."""
        return self.root / "lock"

    @property
    def exit(self) -> Path:
        """Written by whoever has positive evidence of the end of the attempt."""
        return self.root / "exit.json"

    @property
    def proc(self) -> Path:
        """Identity of the runner and job of the current attempt."""
        return self.root / "proc.json"

    @property
    def stop(self) -> Path:
        """The request that made the supervisor stop this run: who asked."""
        return self.root / "stop.json"

    @property
    def priority(self) -> Path:
        """The priority that somebody gave the run after it was queued, and who."""
        return self.root / "priority.json"

    @property
    def inputs(self) -> Path:
        """Where the inputs lie and which content they had when the run was launched."""
        return self.root / "inputs.json"

    def archived(self, path: Path, attempt: int) -> Path:
        """Where one of the small files of an earlier attempt is kept."""
        return path.with_name(f"{path.stem}-{attempt}{path.suffix}")

    @property
    def attempts_ended(self) -> int:
        """How many earlier attempts were put aside when the run was queued again."""
        return sum(1 for _ in self.root.glob(f"{self.exit.stem}-*{self.exit.suffix}"))

    @property
    def manifest(self) -> Path:
        """The list of published files, written last."""
        return self.root / "MANIFEST.json"

    def create(self, spec: RunSpec) -> None:
        """Make the directory of a queued run."""
        durable.make_directory(self.root)
        durable.make_directory(self.out)
        durable.make_directory(self.work)
        durable.write_json(self.root / "spec.json", spec.to_json())

    def relocate(self, locate: Mapping[str, Any], observing: Mapping[str, Any]) -> None:
        """Let the next attempt find what has moved since the run was queued, such as a server."""
        spec = self.read_spec()
        if (dict(spec.locate), dict(spec.observing)) != (dict(locate), dict(observing)):
            moved = replace(spec, locate=dict(locate), observing=dict(observing))
            durable.write_json(self.root / "spec.json", moved.to_json())

    def read_spec(self) -> RunSpec:
        """What the run is to do; raises RecordError if spec.json is damaged."""
        return RunSpec.from_json(durable.read_json(self.root / "spec.json"))

    def read_manifest(self) -> Manifest | None:
        """What was published, or None if nothing counts as published yet."""
        try:
            return Manifest.from_json(durable.read_json(self.manifest))
        except FileNotFoundError:
            return None

    def write_manifest(self, manifest: Manifest) -> None:
        """Publish: from here on the files below `out/` count."""
        for file in manifest.files:
            durable.fsync_file(self.out / file.path)
        for directory in (self.out, *(p for p in self.out.rglob("*") if p.is_dir())):
            durable.fsync_directory(directory)
        durable.write_json(self.manifest, asdict(manifest))

    def read_exit(self) -> RunExit | None:
        """How the last attempt ended, or None if that is not known."""
        try:
            return RunExit.from_json(durable.read_json(self.exit))
        except FileNotFoundError:
            return None

    def write_exit(self, ended: RunExit) -> None:
        """Record the end of the attempt, whole or not at all."""
        durable.write_json(self.exit, asdict(ended))

    def archive_attempt(self) -> None:
        """Put the ended attempt aside so that the run counts as queued again; its work stays."""
        attempt = self.attempts_ended + 1
        self.stop.unlink(missing_ok=True)
        for path in (self.proc, self.inputs, self.exit):  # the exit last: it makes the run ended
            if path.exists():
                path.rename(self.archived(path, attempt))
        durable.fsync_directory(self.root)

    def state(self) -> str:
        """The state that the files alone prove; whether a running run lives is the lock's to say."""
        ended = self.read_exit()
        if ended is not None:
            return ended.state
        if self.proc.exists():
            return "running"
        return "starting" if self.inputs.exists() else "queued"

    def read_optional(self, path: Path) -> dict[str, Any]:
        """A small JSON file of this directory, or an empty mapping if it is not there."""
        try:
            value = durable.read_json(path)
        except FileNotFoundError:
            return {}
        return value if isinstance(value, dict) else {}
