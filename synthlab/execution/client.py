"""What the console and the command line ask of the lab; the only callers of the supervisor."""

from __future__ import annotations

import getpass
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from storage.catalog.connection import open_catalog
from storage.catalog.rebuild import Rebuilt, rebuild_catalog
from storage.catalog.requests import add_request, read_answer
from storage.home import LabHome
from storage.locks import FileLock, is_locked
from storage.rundir import RunDir, RunId
from synthlab.errors import ConflictError, ExitCode, SynthlabError
from synthlab.execution.api_keys import all_keys, key_variables, supervisor_lacks
from synthlab.execution.environment import child_environment
from synthlab.execution.launchers.local import open_log
from synthlab.execution.submission import Submission

ANSWER_PATIENCE_S = 60.0


class RequestRefused(SynthlabError):
    """The supervisor understood the request and said no."""

    def __init__(self, message: str, hint: str, exit_code: int) -> None:
        super().__init__(message, hint)
        self.exit_code = ExitCode(exit_code)


def ensure_supervisor(home: LabHome) -> None:
    """Start a supervisor unless one lives; it belongs to nobody's terminal."""
    if is_locked(home.supervisor_lock):
        return
    log = open_log(home.supervisor_log)
    try:
        subprocess.Popen(
            [sys.executable, "-P", "-m", "synthlab.execution.supervisor", str(home.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.root,
            env=child_environment(os.environ, all_keys(os.environ)),
            start_new_session=True,
        )
    finally:
        os.close(log)


def ask(home: LabHome, kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Put a request and wait for its answer; raises RequestRefused if the answer is no."""
    connection = open_catalog(home)
    try:
        number = add_request(
            connection, kind, arguments, asked_by=getpass.getuser(), now=time.time()
        )
        return _wait_for_answer(connection, home, number)
    finally:
        connection.close()


def _wait_for_answer(connection: sqlite3.Connection, home: LabHome, number: int) -> dict[str, Any]:
    deadline = time.monotonic() + ANSWER_PATIENCE_S
    pause = 0.01
    looked = 0.0
    while True:
        if time.monotonic() - looked > 2.0:
            ensure_supervisor(home)
            looked = time.monotonic()
        answer = read_answer(connection, number)
        if answer is not None:
            if "error" in answer:
                raise RequestRefused(answer["error"], answer["hint"], answer["exit_code"])
            return answer
        if time.monotonic() > deadline:
            raise ConflictError(
                f"the supervisor did not answer within {ANSWER_PATIENCE_S:.0f} s",
                f"look into {home.supervisor_log}; the request stays queued",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def submit(home: LabHome, submission: Submission) -> dict[str, Any]:
    """Queue what an experiment still needs; the answer names the experiment and its runs."""
    _bring_keys(home, key_variables(step.observing for step in submission.steps))
    return ask(home, "submit", submission.to_json())


def stop_runs(home: LabHome, run_ids: Sequence[RunId]) -> dict[str, Any]:
    """Stop runs with their work saved; the answer tells which ended at once and which are told."""
    return ask(home, "stop", {"runs": list(run_ids)})


def retry_runs(home: LabHome, run_ids: Sequence[RunId]) -> dict[str, Any]:
    """Queue ended runs again, to continue where they were."""
    runs = [RunDir(home.run(run_id)) for run_id in run_ids]
    specs = [run.read_optional(run.root / "spec.json") for run in runs]
    _bring_keys(home, key_variables(spec.get("observing", {}) for spec in specs))
    return ask(home, "retry", {"runs": list(run_ids)})


def prioritise_runs(home: LabHome, run_ids: Sequence[RunId], priority: int) -> dict[str, Any]:
    """Give queued runs a priority; higher goes first, 0 is usual."""
    return ask(home, "prioritise", {"runs": list(run_ids), "priority": priority})


def remove(
    home: LabHome, *, run_ids: Sequence[RunId] = (), experiment: str | None = None
) -> dict[str, Any]:
    """Delete runs, or an experiment with everything that only it uses."""
    return ask(home, "remove", {"runs": list(run_ids), "experiment": experiment})


def adopt(
    home: LabHome, folder: str, run_ids: Sequence[str], experiments: Sequence[str]
) -> dict[str, Any]:
    """Take in finished runs that lie checked in a folder of the lab's cache, inputs first."""
    return ask(
        home,
        "adopt",
        {"folder": folder, "runs": list(run_ids), "experiments": list(experiments)},
    )


def _bring_keys(home: LabHome, names: Collection[str]) -> None:
    """Let a supervisor that was started without these keys give way to one that inherits ours."""
    if supervisor_lacks(home, names, os.environ):
        lock = FileLock(home.supervisor_lock)
        if not lock.acquire():
            _take_over(home, lock)
        lock.release()


def _take_over(home: LabHome, lock: FileLock) -> None:
    ask(home, "leave", {})
    deadline = time.monotonic() + ANSWER_PATIENCE_S
    while not lock.acquire():
        if time.monotonic() > deadline:
            raise ConflictError("a supervisor holds the catalog and does not leave")
        time.sleep(0.05)


def rebuild(home: LabHome) -> Rebuilt:
    """Make the catalog again; a living supervisor is asked to step aside for it."""
    lock = FileLock(home.supervisor_lock)
    if not lock.acquire():
        _take_over(home, lock)
    try:
        rebuilt = rebuild_catalog(home, time.time())
    finally:
        lock.release()
    connection = open_catalog(home)
    unfinished = connection.execute(
        "SELECT 1 FROM runs WHERE state IN ('queued', 'starting', 'running') LIMIT 1"
    ).fetchone()
    connection.close()
    if unfinished:
        ensure_supervisor(home)
    return rebuilt
