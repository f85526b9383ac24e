"""Runs on GPUs as processes: each sees its own device, and holds it whoever else dies."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from storage.home import LabHome
from storage.process import ProcessIdentity
from storage.rundir import RunDir
from synthlab.execution.gpus import is_leased, lease_folder
from tests.unit.execution.labs import Lab, step
from tests.unit.execution.test_resources import gpu

PATIENCE_S = 60.0
SUPERVISOR = """
import sys, time
from pathlib import Path
from storage.home import LabHome
from tests.unit.execution.test_resources import FakeProbe, gpu
from tests.unit.execution.test_supervisor import make
supervisor = make(LabHome(Path(sys.argv[1])), FakeProbe(gpu(0), gpu(1)))
while True:
    supervisor.tick()
    time.sleep(0.05)
"""


def wait_until(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not ready():
        assert time.monotonic() < end, "it did not get there"
        time.sleep(0.02)


@pytest.fixture
def started(home: LabHome) -> Iterator[tuple[subprocess.Popen[bytes], list[RunDir]]]:
    """A supervisor with two GPUs, and two runs of its whose jobs wait for a text that never comes."""
    lab = Lab.at(home)
    texts = step("templates", rows=1)
    params: dict[str, Any] = {"templates": "t", "requests": "r", "set": "s", "rows": 1}
    waiting: list[Any] = [
        dataclasses.replace(
            step(f"m{i}", texts, **params, seed=i), kind="compose", needs_model=True
        )
        for i in range(3)
    ]
    runs = lab.submit(texts, *waiting)["runs"]
    lab.finish(runs["templates"])
    os.mkfifo(lab.directory(runs["templates"]).out / "t.prompts.jsonl")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(home.root)], env=environment, start_new_session=True
    )
    directories = [lab.directory(runs[f"m{i}"]) for i in range(3)]
    try:
        yield process, directories
    finally:
        process.kill()
        process.wait()
        for directory in directories:
            for name in ("runner", "job"):
                with suppress(KeyError, TypeError, ProcessLookupError):
                    os.kill(directory.read_optional(directory.proc)[name]["pid"], signal.SIGKILL)


def visible(directory: RunDir) -> str:
    """The GPUs that the job of a run can see."""
    job = directory.read_optional(directory.proc)["job"]["pid"]
    held = (Path("/proc") / str(job) / "environ").read_bytes().split(b"\0")
    found = dict(one.decode().split("=", 1) for one in held if b"=" in one)
    assert found["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert gpu(int(found["SYNTHLAB_GPU_INDEX"])).uuid == found["CUDA_VISIBLE_DEVICES"]
    return found["CUDA_VISIBLE_DEVICES"]


def test_two_gpus_two_jobs_and_a_lease_that_outlives_the_supervisor(
    home: LabHome, started: tuple[subprocess.Popen[bytes], list[RunDir]]
) -> None:
    supervisor, directories = started
    folder = lease_folder(home)

    def at_work() -> list[RunDir]:
        return [one for one in directories if one.events.exists() and one.proc.exists()]

    wait_until(lambda: len(at_work()) == 2)
    runs = at_work()
    assert sorted(visible(one) for one in runs) == [gpu(0).uuid, gpu(1).uuid]
    for one in runs:
        assert one.read_optional(one.proc)["gpus"] == [visible(one)]
    supervisor.kill()
    supervisor.wait()
    assert [is_leased(gpu(i), folder) for i in range(2)] == [True, True]
    first, second = (dataclasses.replace(gpu(0), uuid=visible(one)) for one in runs)
    kill(runs[0], "job")
    wait_until(lambda: not is_leased(first, folder))
    assert is_leased(second, folder)
    kill(runs[1], "runner")
    assert is_leased(second, folder), "the job computes on, and its GPU is given out"
    kill(runs[1], "job")
    wait_until(lambda: not is_leased(second, folder))


def kill(directory: RunDir, part: str) -> None:
    """Kill runner or job of a run, and wait for its end."""
    who = ProcessIdentity.from_json(directory.read_optional(directory.proc)[part])
    who.send(signal.SIGKILL)
    wait_until(lambda: not who.is_alive())
