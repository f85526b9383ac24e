"""Whatever is killed, whenever: the same command again completes the work, nothing lost or doubled."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.catalog.connection import open_catalog
from storage.catalog.rebuild import DERIVED_TABLES
from storage.durable import read_lines
from storage.home import LabHome, prepare_home
from storage.process import ProcessIdentity
from tests.commands import Command

KILLS = 8
PATIENCE_S = 240.0


def running_process(command: Command, who: str) -> ProcessIdentity | None:
    """The job or runner of some run that is alive now."""
    for directory in command.directories():
        process = directory.read_optional(directory.proc)
        if process.get(who) and not directory.exit.exists():
            identity = ProcessIdentity.from_json(process[who])
            if identity.is_alive():
                return identity
    return None


def kill_something(command: Command, console_pid: int, chance: random.Random) -> str:
    victim = chance.choice(["console", "supervisor", "job", "job", "runner"])
    if victim == "console":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(console_pid, signal.SIGKILL)
        return victim
    identity = command.supervisor() if victim == "supervisor" else running_process(command, victim)
    return victim if identity is not None and identity.send(signal.SIGKILL) else f"no {victim}"


def ids(path: Path) -> list[str]:
    lines = list(read_lines(path))
    assert not [line for line in lines if line.problem], path
    return [line.record["id"] for line in lines]


def record_ids(command: Command) -> dict[str, list[str]]:
    """Record ids by step key and file, of every run that counts as done."""
    found: dict[str, list[str]] = {}
    for directory in command.directories():
        if directory.state() != "succeeded":
            continue
        key = directory.read_spec().key
        for path in sorted(directory.out.rglob("*.jsonl")):
            if path.name.endswith(("responses.jsonl", "mixture.jsonl", "prompts.jsonl")):
                found[f"{key} {path.name}"] = ids(path)
    return found


def catalog_rows(home: LabHome) -> dict[str, Counter[str]]:
    connection = open_catalog(home)
    try:
        return {
            table: Counter(repr(tuple(row)) for row in connection.execute(f"SELECT * FROM {table}"))
            for table in DERIVED_TABLES
        }
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_and_run_again(seed: int, tmp_path: Path, tiny_lab: Command) -> None:
    command = Command(prepare_home(LabHome(tmp_path / "lab")))
    chance = random.Random(seed)
    history = []
    for _ in range(KILLS):
        console = command.start("run", "tiny")
        time.sleep(chance.uniform(1.0, 5.0))
        history.append(kill_something(command, console.pid, chance))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(console.pid, signal.SIGKILL)
        console.wait()
    ended = command.run("run", "tiny", timeout_s=PATIENCE_S)
    for _ in range(4):  # a run that was killed just before may be interrupted: the user runs again
        if ended.returncode == 0:
            break
        ended = command.run("run", "tiny", timeout_s=PATIENCE_S)
    assert ended.returncode == 0, f"seed {seed}, {history}\n{ended.stderr}"
    found = record_ids(command)
    assert found == record_ids(tiny_lab), f"seed {seed}, {history}"
    assert all(len(set(listed)) == len(listed) for listed in found.values())
    assert command.run("verify").returncode == 0
    before = catalog_rows(command.home)
    assert command.run("catalog", "rebuild").returncode == 0
    assert catalog_rows(command.home) == before


def test_ctrl_c_detaches_and_the_work_goes_on(tmp_path: Path) -> None:
    command = Command(prepare_home(LabHome(tmp_path / "lab")))
    console = command.start("run", "tiny")
    wait_until(lambda: running_process(command, "job") is not None, "a job runs")
    console.send_signal(signal.SIGINT)
    assert console.wait(10) == 130
    job = running_process(command, "job")
    assert job is not None
    assert job.is_alive()
    assert command.run("stop", "tiny").returncode == 0
    wait_until(lambda: running_process(command, "job") is None, "the jobs have stopped")
    wait_until(
        lambda: not command.json("runs", "--filter", "state:running OR state:queued")["rows"],
        "the catalog knows",
    )
    states = {row["state"] for row in command.json("runs")["rows"]}
    assert states <= {"succeeded", "cancelled"}
    reasons = {row["reason"] for row in command.json("runs", "--filter", "state:cancelled")["rows"]}
    assert any(reason.startswith("user:") for reason in reasons)


def wait_until(condition: Callable[[], bool], what: str, patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s} s until {what}"
        time.sleep(0.05)


def test_nothing_is_left_running(tiny_lab: Command) -> None:
    wait_until(lambda: not tiny_lab.living_processes(), "the supervisor has gone")
