"""Where a lab keeps its files: one private directory, found the same way by every command."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.durable import make_directory
from storage.errors import HomeError

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "gpfs", "lustre", "9p", "cifs", "smb3", "ceph", "beegfs", "fuse", "fuseblk"}
)

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}")


@dataclass(frozen=True)
class LabHome:
    """Paths inside one lab home; nothing else in the project spells these names."""

    root: Path

    @property
    def catalog(self) -> Path:
        """The SQLite index of everything in `runs` and `experiments`."""
        return self.root / "catalog.db"

    @property
    def runs(self) -> Path:
        """One directory per run, named by its id."""
        return self.root / "runs"

    @property
    def experiments(self) -> Path:
        """One directory per experiment revision, named by its id."""
        return self.root / "experiments"

    @property
    def cache(self) -> Path:
        """Things that can be made again at any time, such as file hashes."""
        return self.root / "cache"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the one living supervisor of this home."""
        return self.root / "supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        """What supervisors had to say, oldest first."""
        return self.root / "supervisor.log"

    @property
    def error_log(self) -> Path:
        """Tracebacks of commands that met what nobody had foreseen, oldest first."""
        return self.root / "errors.log"

    @property
    def console_log(self) -> Path:
        """Tracebacks of the console, oldest first."""
        return self.root / "console.log"

    @property
    def settings(self) -> Path:
        """Site settings in TOML; absent means defaults."""
        return self.root / "settings.toml"

    def run(self, run_id: str) -> Path:
        """The directory of a run; raises HomeError for an id that would lead elsewhere."""
        return self.runs / _plain_name(run_id)

    def experiment(self, experiment_id: str) -> Path:
        """The directory of an experiment revision; raises HomeError as `run` does."""
        return self.experiments / _plain_name(experiment_id)


def _plain_name(identity: str) -> str:
    # Ids also come out of catalogs and records that other programs, or other people, have written.
    if not _PLAIN_NAME.fullmatch(identity):
        raise HomeError(
            f"{identity!r} is no id of a run or an experiment",
            "`synthlab catalog rebuild` makes the catalog again from the directories",
        )
    return identity


def locate_home(explicit: str | None, environment: Mapping[str, str]) -> LabHome:
    """The home that a command means: `--home`, then SYNTHLAB_HOME, then the XDG data directory.

    Raises HomeError if `--home` is there and names nothing, as an unset variable of a script does.
    """
    if explicit is not None and not explicit.strip():
        raise HomeError("--home is empty", "name a directory, or leave --home out")
    chosen = explicit or environment.get("SYNTHLAB_HOME")
    if chosen:
        return LabHome(Path(chosen).expanduser().absolute())
    data = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return LabHome(Path(data).expanduser().absolute() / "synthlab")


def prepare_home(home: LabHome) -> LabHome:
    """Create the home where it is missing and refuse one that others could write to.

    Raises HomeError if the path is not a directory, belongs to another user or is writable by others.
    """
    try:
        for directory in (home.root, home.runs, home.experiments, home.cache):
            make_directory(directory)
    except OSError as error:
        raise HomeError(f"{home.root}: cannot be made a lab home ({error.strerror})") from error
    if not home.root.is_dir():
        raise HomeError(f"{home.root}: is not a directory", "name another with --home DIR")
    status = home.root.stat()
    if status.st_uid != os.getuid():
        raise HomeError(
            f"{home.root}: belongs to another user (uid {status.st_uid})",
            "name a home of your own with --home DIR or SYNTHLAB_HOME",
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise HomeError(
            f"{home.root}: other users may write to it (mode {status.st_mode & 0o777:o})",
            f"chmod go-w {home.root}",
        )
    return home


def file_system_type(path: Path) -> str:
    """Type of the file system that holds `path` ("ext4", "nfs4", …), or "unknown"."""
    best, kind = "", "unknown"
    target = str(path.resolve())
    try:
        mounts = Path("/proc/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return kind
    for line in mounts:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount = fields[1].encode().decode("unicode_escape")
        inside = target == mount or target.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fields[2]
    return kind


def is_network_file_system(kind: str) -> bool:
    """Whether locks and shared memory on this type of file system cannot be trusted."""
    return kind.split(".")[0] in NETWORK_FILE_SYSTEMS
