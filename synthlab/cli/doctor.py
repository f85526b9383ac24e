"""`synthlab doctor`: what this machine has, what the lab makes of it, and what is wrong."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from storage.catalog.connection import choose_journal_mode
from storage.home import LabHome, file_system_type, is_network_file_system
from storage.locks import is_locked
from synthlab.cli.output import Column
from synthlab.cli.session import Session
from synthlab.cli.words import size
from synthlab.errors import ExitCode
from synthlab.execution.gpus import Gpu, NvmlProbe, is_leased, lease_folder
from synthlab.execution.settings import Settings, load_settings
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


SIGNS: Mapping[Verdict, str] = {"ok": "✓", "note": "·", "problem": "✗"}


@dataclass(frozen=True)
class Terminal:
    """What is in front of the person who asks."""

    columns: int
    lines: int
    encoding: str

    @classmethod
    def of_process(cls) -> Terminal:
        """The process's own."""
        columns, lines = shutil.get_terminal_size()
        return cls(columns, lines, sys.stdout.encoding or "unknown")


def doctor(session: Session) -> ExitCode:
    """Print findings; exit code 1 if one of them is a problem."""
    findings = examine(session.home, session.environment, Terminal.of_process())
    rows = [vars(finding) for finding in findings]
    if session.arguments.json:
        session.output.json("doctor", {"findings": rows})
    else:
        columns = [
            Column("", lambda row: SIGNS[row["verdict"]]),
            Column("subject", lambda row: row["subject"]),
            Column("finding", lambda row: row["text"]),
        ]
        session.output.table(columns, rows)
    wrong = any(finding.verdict == "problem" for finding in findings)
    return ExitCode.FAILED if wrong else ExitCode.DONE


def examine(home: LabHome, environment: Mapping[str, str], terminal: Terminal) -> list[Finding]:
    """Everything that is looked at, for the verb and for the console alike."""
    return [
        *_check_home(home),
        *_check_packages(),
        *_check_devices(home, environment),
        *check_terminal(environment, terminal),
    ]


def _check_home(home: LabHome) -> list[Finding]:
    kind = file_system_type(home.root)
    mode = choose_journal_mode(sqlite3.sqlite_version_info, kind)
    free = shutil.disk_usage(home.root).free
    journal = f"SQLite {sqlite3.sqlite_version}, journal mode {mode}"
    if mode != "wal":
        journal += " (WAL needs SQLite 3.51.3 and a local disk; slower, equally safe)"
    shared = " (shared over a network: runs of other hosts are not judged from here)"
    disk = kind + (shared if is_network_file_system(kind) else "")
    supervisor = "is at work" if is_locked(home.supervisor_lock) else "not needed at the moment"
    return [
        Finding("lab home", "ok", str(home.root)),
        Finding("catalog", "ok" if mode == "wal" else "note", journal),
        Finding("file system", "note" if is_network_file_system(kind) else "ok", disk),
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


def _check_devices(home: LabHome, environment: Mapping[str, str]) -> list[Finding]:
    settings = load_settings(home)
    gpus, problem = NvmlProbe(environment).look()
    findings = [check_gpu(gpu, is_leased(gpu, lease_folder(home)), settings) for gpu in gpus]
    if problem:
        findings.append(Finding("GPU", "problem", problem))
    if gpus and metadata.version("torch").endswith("+cpu"):
        text = "this torch is a build without CUDA, so no run can use a GPU; install the CUDA build"
        findings.append(Finding("torch", "problem", text))
    if not gpus:
        text = f"none; {settings.cpu_slots} model jobs side by side, {settings.threads} thread each"
        findings.append(Finding("GPU", "note", text))
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        text = f"CUDA_VISIBLE_DEVICES={visible} narrows what is used"
        findings.append(Finding("GPU", "note", text))
    return findings


def check_gpu(gpu: Gpu, leased: bool, settings: Settings) -> Finding:
    """What one device is, who has it, and whether a run may get it."""
    text = f"{gpu.name}, {gpu.used_mib} of {gpu.total_mib} MiB used, {gpu.uuid}"
    if leased:
        return Finding(f"GPU {gpu.index}", "ok", f"{text}; a run has it")
    if not gpu.is_in_use:
        return Finding(f"GPU {gpu.index}", "ok", text)
    others = "somebody else computes on it: "
    others += "shared with them" if settings.share_gpus else "left alone unless share_gpus = true"
    return Finding(f"GPU {gpu.index}", "note", f"{text}; {others}")


def check_terminal(environment: Mapping[str, str], terminal: Terminal) -> list[Finding]:
    """What the terminal says of itself, and what the console makes of it."""
    utf8 = terminal.encoding.lower().replace("-", "") == "utf8"
    colours = colour_system(environment)
    small = terminal.columns < 80 or terminal.lines < 24
    findings = [
        Finding("TERM", "ok", environment.get("TERM") or "not set"),
        Finding("COLORTERM", "ok", environment.get("COLORTERM") or "not set"),
        Finding("colours", "note" if colours == "none" else "ok", COLOURS[colours]),
        Finding(
            "encoding",
            "ok" if utf8 else "note",
            terminal.encoding + ("" if utf8 else ": charts are drawn in ASCII"),
        ),
        Finding(
            "size",
            "note" if small else "ok",
            f"{terminal.columns}x{terminal.lines}"
            + (": below 80x24 the console shows fewer panes at a time" if small else ""),
        ),
    ]
    return findings + _check_multiplexer(environment, colours)


ColourSystem = Literal["none", "16", "256", "true colour"]
COLOURS: Mapping[ColourSystem, str] = {
    "none": "none: states are told by sign and word",
    "16": "16: the themes ansi-dark and ansi-light use the terminal's own colours",
    "256": "256: what the themes are made of",
    "true colour": "true colour",
}


def colour_system(environment: Mapping[str, str]) -> ColourSystem:
    """How many colours the console will use, by the rules of the library that draws it (Rich)."""
    term = environment.get("TERM", "").strip().lower()
    if environment.get("NO_COLOR") or term in ("dumb", "unknown"):
        return "none"
    if environment.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return "true colour"
    return "256" if term.rpartition("-")[2] in ("256color", "kitty") else "16"


def _check_multiplexer(environment: Mapping[str, str], colours: ColourSystem) -> list[Finding]:
    if environment.get("TMUX"):
        text = "inside tmux; `set -g set-clipboard on` lets y copy"
        if colours != "true colour":
            text += (
                "; `set -as terminal-features ',*:RGB'` and COLORTERM=truecolor give true colour"
            )
        return [Finding("tmux", "ok", text)]
    if environment.get("STY"):
        return [Finding("screen", "note", "inside GNU screen: y cannot copy through it")]
    return []
