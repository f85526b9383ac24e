"""The supervisor survives what it must look after: damage, nonsense, full slots, vanished inputs."""

from __future__ import annotations

import dataclasses
import os
import shutil
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from storage.catalog.connection import write_transaction
from storage.catalog.requests import add_request, read_answer
from storage.home import LabHome
from storage.locks import FileLock
from storage.rundir import RunDir
from synthlab.execution.settings import Settings, default_settings
from synthlab.execution.supervisor import Supervisor
from tests.unit.execution.labs import Lab, step
from tests.unit.execution.test_resources import FakeProbe, gpu

DATA = step("data", rows=10, seed=0, assign="")
MIX = step("mix", DATA, seed=0, assign="random")


class Launches:
    """Records what would be started instead of starting it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs: list[str] = []
        self.gpus: list[str | None] = []
        monkeypatch.setattr("synthlab.execution.launchers.local.launch", self.launch)

    def launch(self, directory: RunDir, **given: Any) -> Any:
        self.runs.append(directory.root.name)
        self.gpus.append(given["lease"].gpu.uuid if given["lease"] else None)
        return Living()


class Living:
    """A runner that never ends."""

    def poll(self) -> None:
        return None


def make(home: LabHome, probe: FakeProbe | None = None, **changes: Any) -> Supervisor:
    settings: Settings = dataclasses.replace(default_settings(), warm_start=False, **changes)
    environment: Mapping[str, str] = dict(os.environ)
    return Supervisor(home, settings, environment, probe or FakeProbe())


@pytest.fixture
def lab(home: LabHome) -> Lab:
    return Lab.at(home)


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Launches:
    return Launches(monkeypatch)


def ask(lab: Lab, kind: str, arguments: dict[str, Any]) -> int:
    return add_request(lab.catalog, kind, arguments, asked_by="ada", now=1.0)


def test_a_run_starts_only_when_its_inputs_are_there(lab: Lab, launches: Launches) -> None:
    runs = lab.submit(DATA, MIX)["runs"]
    supervisor = make(lab.home)
    supervisor.tick()
    supervisor.tick()
    assert launches.runs == [runs["data"]]
    lab.finish(runs["data"])
    supervisor.tick()
    assert launches.runs == [runs["data"], runs["mix"]]


def test_readers_of_a_failed_input_are_cancelled_with_its_name(
    lab: Lab, launches: Launches
) -> None:
    runs = lab.submit(DATA, MIX)["runs"]
    lab.finish(runs["data"], "failed")
    make(lab.home).tick()
    ended = lab.directory(runs["mix"]).read_exit()
    assert ended is not None
    assert (ended.state, ended.reason) == ("cancelled", "input_failed")
    assert "data" in ended.message
    assert launches.runs == []


def heavy(count: int) -> list[Any]:
    return [dataclasses.replace(step(f"m{i}", rows=i), needs_model=True) for i in range(count)]


def test_no_more_model_jobs_than_slots(lab: Lab, launches: Launches) -> None:
    lab.submit(*heavy(5))
    supervisor = make(lab.home, cpu_slots=2)
    supervisor.tick()
    supervisor.tick()
    assert len(launches.runs) == 2


def test_each_gpu_gets_one_run(lab: Lab, launches: Launches) -> None:
    lab.submit(*heavy(5))
    make(lab.home, FakeProbe(gpu(0), gpu(1, used_mib=9000), gpu(2)), cpu_slots=4).tick()
    assert sorted(str(uuid) for uuid in launches.gpus) == ["GPU-000", "GPU-222"]


def test_a_damaged_run_is_set_aside_and_the_others_go_on(lab: Lab, launches: Launches) -> None:
    runs = lab.submit(DATA, step("other", rows=3))["runs"]
    supervisor = make(lab.home)
    supervisor.tick()
    (lab.home.run(runs["data"]) / "spec.json").write_text("{")
    (lab.home.run(runs["data"]) / "proc.json").write_text("{}")
    supervisor.tick()
    supervisor.tick()
    assert lab.state(runs["data"]) == "unknown"
    assert lab.state(runs["other"]) == "starting"


def test_a_request_that_makes_no_sense_is_answered_once(lab: Lab, launches: Launches) -> None:
    nonsense, sensible = ask(lab, "submit", {"steps": 7}), ask(lab, "stop", {"runs": []})
    supervisor = make(lab.home)
    assert supervisor.has_requests()
    supervisor.tick()
    assert not supervisor.has_requests()
    assert "error" in (read_answer(lab.catalog, nonsense) or {})
    assert read_answer(lab.catalog, sensible) == {"stopped": [], "stopping": []}


def test_directories_that_a_predecessor_left_are_adopted(lab: Lab, launches: Launches) -> None:
    runs = lab.submit(DATA)["runs"]
    lab.catalog.execute("DELETE FROM runs")
    supervisor = make(lab.home)
    supervisor._adopt_directories()
    assert lab.state(runs["data"]) == "queued"


def test_a_resumed_run_whose_input_changed_forgets_its_old_work(
    lab: Lab, launches: Launches
) -> None:
    runs = lab.submit(DATA, MIX)["runs"]
    lab.finish(runs["data"], content="one")
    lab.finish(runs["mix"], "interrupted")
    saved = lab.directory(runs["mix"]).work / "saved"
    saved.write_text("half")
    lab.submit(DATA, MIX)
    make(lab.home).tick()
    assert saved.exists()
    lab.finish(runs["mix"], "interrupted")
    lab.submit(DATA, MIX)
    lab.catalog.execute("UPDATE runs SET digest = 'other' WHERE id = ?", (runs["data"],))
    make(lab.home).tick()
    assert not saved.exists()


def test_a_supervisor_whose_home_is_removed_leaves(home: LabHome) -> None:
    lab = Lab.at(home)
    waiting = step("waits", rows=1)
    run = lab.submit(waiting)["runs"]["waits"]
    # A run whose lock is held is alive: a supervisor with this to watch stays for ever.
    alive = FileLock(lab.directory(run).lock)
    assert alive.acquire()
    with write_transaction(lab.catalog):
        lab.catalog.execute("UPDATE runs SET state = 'running'")
    lab.catalog.close()
    lock = FileLock(home.supervisor_lock)
    assert lock.acquire()
    supervisor = make(home)
    served = threading.Thread(target=supervisor.serve, args=(lock,), daemon=True)
    served.start()
    served.join(0.5)
    assert served.is_alive()
    shutil.rmtree(home.root)
    served.join(20)
    assert not served.is_alive()
