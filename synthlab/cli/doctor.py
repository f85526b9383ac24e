"""`synthlab doctor`: what this machine has, what the lab makes of it, and what is wrong."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from storage.catalog.connection import choose_journal_mode
from storage.home import LabHome, file_system_type
from storage.locks import is_locked
from synthlab.cli.output import Column
from synthlab.cli.session import Session
from synthlab.cli.words import size
from synthlab.errors import ExitCode
from synthlab.execution.gpus import NvmlProbe
from synthlab.execution.settings import load_settings
from synthlab.execution.supervisor import MIN_FREE_BYTES

Verdict = Literal["ok", "note", "problem"]

FLOORS = {"transformers": (5, 23), "torch": (2, 10), "safetensors": (0, 8)}
"""Oldest versions that are safe to load other people's files with and that the lab was tried on."""

PACKAGES = ("torch", "transformers", "peft", "accelerate", "datasets", "textual", "plotext")


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    verdict: Verdict
    text: str


def doctor(session: Session) -> ExitCode:
    """Print findings; exit code 1 if one of them is a problem."""
    home = session.home
    checks: tuple[Callable[[], list[Finding]], ...] = (
        lambda: _check_home(home),
        _check_packages,
        lambda: _check_devices(home, session),
        lambda: _check_terminal(session),
    )
    findings = [finding for check in checks for finding in check()]
    rows = [vars(finding) for finding in findings]
    if session.arguments.json:
        session.output.json("doctor", {"findings": rows})
    else:
        columns = [
            Column("", lambda row: {"ok": "✓", "note": "·", "problem": "✗"}[row["verdict"]]),
            Column("subject", lambda row: row["subject"]),
            Column("finding", lambda row: row["text"]),
        ]
        session.output.table(columns, rows)
    wrong = any(finding.verdict == "problem" for finding in findings)
    return ExitCode.FAILED if wrong else ExitCode.DONE


def _check_home(home: LabHome) -> list[Finding]:
    kind = file_system_type(home.root)
    mode = choose_journal_mode(sqlite3.sqlite_version_info, kind)
    free = shutil.disk_usage(home.root).free
    journal = f"SQLite {sqlite3.sqlite_version} on {kind}: journal mode {mode}"
    if mode != "wal":
        journal += " (WAL needs SQLite 3.51.3 and a local disk; slower, equally safe)"
    supervisor = "is at work" if is_locked(home.supervisor_lock) else "not needed at the moment"
    return [
        Finding("lab home", "ok", str(home.root)),
        Finding("catalog", "ok" if mode == "wal" else "note", journal),
        Finding("disk", "problem" if free < MIN_FREE_BYTES else "ok", f"{size(free)} free"),
        Finding("supervisor", "ok", supervisor),
    ]


def _check_packages() -> list[Finding]:
    findings = [Finding("python", "ok", f"{platform.python_version()} ({sys.executable})")]
    for name in PACKAGES:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            findings.append(Finding(name, "problem", "is not installed; install synthlab again"))
            continue
        floor = FLOORS.get(name)
        numbers = tuple(int(part) for part in version.split("+")[0].split(".")[:2])
        old = floor is not None and numbers < floor
        wanted = f", {'.'.join(map(str, floor))} or newer is needed" if old and floor else ""
        findings.append(Finding(name, "problem" if old else "ok", f"{version}{wanted}"))
    return findings


def _check_devices(home: LabHome, session: Session) -> list[Finding]:
    settings = load_settings(home)
    gpus = NvmlProbe(session.environment).gpus()
    findings = [
        Finding(
            f"GPU {g.index}", "ok", f"{g.name}, {g.used_mib} of {g.total_mib} MiB used, {g.uuid}"
        )
        for g in gpus
    ]
    if not gpus:
        text = f"none; {settings.cpu_slots} model jobs side by side, {settings.threads} thread each"
        findings.append(Finding("GPU", "note", text))
    if os.environ.get("CUDA_VISIBLE_DEVICES") is not None:
        text = f"CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']} narrows what is used"
        findings.append(Finding("GPU", "note", text))
    return findings


def _check_terminal(session: Session) -> list[Finding]:
    environment = session.environment
    columns, lines = shutil.get_terminal_size()
    encoding = sys.stdout.encoding or "unknown"
    text = (
        f"TERM={environment.get('TERM', '—')} COLORTERM={environment.get('COLORTERM', '—')}"
        f" {columns}x{lines} {encoding}"
    )
    utf8 = encoding.lower().replace("-", "") == "utf8"
    return [Finding("terminal", "ok" if utf8 else "note", text)]
