"""The command line as a user has it: a process of its own, with a lab home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.home import LabHome
from storage.process import ProcessIdentity
from storage.rundir import RunDir


@dataclass(frozen=True)
class Command:
    """Runs `synthlab` against one home."""

    home: LabHome

    def arguments(self, *words: str) -> list[str]:
        """The whole command line."""
        return [sys.executable, "-P", "-m", "synthlab", *words, "--home", str(self.home.root)]

    def run(self, *words: str, timeout_s: float = 240.0) -> subprocess.CompletedProcess[str]:
        """Run to the end and return what it printed."""
        return subprocess.run(
            self.arguments(*words),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            cwd=self.home.root.parent,
        )

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start in a session of its own, like a shell's foreground job on its own terminal."""
        return subprocess.Popen(
            self.arguments(*words),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def json(self, *words: str) -> Any:
        """The document that `--json` prints; fails with stderr if the command failed."""
        ended = self.run(*words, "--json")
        assert ended.stdout, ended.stderr
        return json.loads(ended.stdout)

    def directories(self) -> list[RunDir]:
        """Every run directory of the home."""
        return [RunDir(path) for path in sorted(self.home.runs.iterdir()) if path.name[0] != "."]

    def supervisor(self) -> ProcessIdentity | None:
        """The living supervisor, if there is one."""
        try:
            value = json.loads((self.home.cache / "supervisor.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        identity = ProcessIdentity.from_json(value)
        return identity if identity.is_alive() else None

    def living_processes(self) -> list[int]:
        """Pids of everything that was started with this home on its command line."""
        mark = str(self.home.root).encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / "cmdline").read_bytes():
                        found.append(int(entry.name))
                except (FileNotFoundError, ProcessLookupError):
                    continue
        return found
