"""Runs start in the instant in which they can: none loads the model stack twice, none waits for a clock."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from storage.process import ProcessIdentity
from storage.rundir import RunDir, RunId
from synthlab.execution.runner_watch import RunnerWatch
from synthlab.execution.settings import default_settings
from synthlab.execution.supervisor import Supervisor
from tests.unit.execution.labs import Lab, step
from tests.unit.execution.test_resources import FakeProbe, gpu

HANG_S = 60.0
"""A guard, not a promise: what is waited for comes at once."""
LIGHT = step("data", rows=10, seed=0)
HEAVY = dataclasses.replace(step("answers", LIGHT, seed=0), needs_model=True)
ALONE = dataclasses.replace(step("alone", rows=1), needs_model=True)


class FakeServer:
    """A warm process in whatever condition a test needs."""

    def __init__(self, *_: Any) -> None:
        self.alive, self.ready, self.accepts = True, False, True
        self.forked: list[str] = []

    def is_alive(self) -> bool:
        return self.alive

    def is_ready(self) -> bool:
        return self.alive and self.ready

    def launch(self, directory: RunDir, **_: Any) -> bool:
        if self.accepts:
            self.forked.append(directory.root.name)
        return self.accepts

    def close(self) -> None:
        self.alive = False


class Starts:
    """The starts of a supervisor, forked or afresh, and its warm process if it has one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.afresh: list[str] = []
        self.servers: list[FakeServer] = []
        monkeypatch.setattr("synthlab.execution.launchers.local.launch", self.launch)
        monkeypatch.setattr("synthlab.execution.starter.ForkServer", self.load)

    def load(self, *_: Any) -> FakeServer:
        self.servers.append(FakeServer())
        return self.servers[-1]

    def launch(self, directory: RunDir, **_: Any) -> Any:
        self.afresh.append(directory.root.name)
        return None


@pytest.fixture
def lab(home: Any) -> Lab:
    return Lab.at(home)


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    return Starts(monkeypatch)


def supervise(lab: Lab, probe: FakeProbe | None = None, *, warm: bool = True) -> Supervisor:
    settings = dataclasses.replace(default_settings(), warm_start=warm)
    return Supervisor(lab.home, settings, dict(os.environ), probe or FakeProbe())


def test_the_stack_is_loaded_while_the_steps_before_run(lab: Lab, starts: Starts) -> None:
    runs = lab.submit(LIGHT, HEAVY)["runs"]
    supervise(lab).tick()
    assert (starts.afresh, len(starts.servers)) == ([runs["data"]], 1)


def test_a_run_with_a_model_waits_for_the_load_that_is_under_way(lab: Lab, starts: Starts) -> None:
    runs = lab.submit(ALONE)["runs"]
    supervisor = supervise(lab)
    assert supervisor.tick()
    assert starts.afresh == []
    starts.servers[0].ready = True
    supervisor.tick()
    assert starts.servers[0].forked == [runs["alone"]]
    assert (starts.afresh, len(starts.servers)) == ([], 1)


@pytest.mark.parametrize("trouble", ["dies", "refuses", "takes for ever"])
def test_a_warm_process_in_trouble_holds_no_run_back(
    lab: Lab, starts: Starts, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = lab.submit(ALONE)["runs"]
    if trouble == "takes for ever":
        monkeypatch.setattr("synthlab.execution.starter.WARM_UP_PATIENCE_S", 0.0)
    supervisor = supervise(lab)
    supervisor.tick()
    server = starts.servers[0]
    server.alive = trouble != "dies"
    server.ready, server.accepts = trouble == "refuses", False
    supervisor.tick()
    assert starts.afresh == [runs["alone"]]


def test_steps_without_a_model_are_forked_as_well_once_they_can_be(
    lab: Lab, starts: Starts
) -> None:
    runs = lab.submit(ALONE)["runs"]
    supervisor = supervise(lab)
    supervisor.tick()
    starts.servers[0].ready = True
    more = lab.submit(ALONE, LIGHT)["runs"]
    supervisor.tick()
    assert set(starts.servers[0].forked) == {runs["alone"], more["data"]}


def test_nothing_is_loaded_for_steps_without_a_model(lab: Lab, starts: Starts) -> None:
    runs = lab.submit(LIGHT)["runs"]
    supervise(lab).tick()
    assert (starts.afresh, starts.servers) == ([runs["data"]], [])


def test_nothing_is_forked_beside_a_gpu_or_against_the_settings(lab: Lab, starts: Starts) -> None:
    runs = lab.submit(ALONE)["runs"]
    supervise(lab, FakeProbe(gpu(0))).tick()
    assert (starts.afresh, starts.servers) == ([runs["alone"]], [])


def test_the_settings_can_forbid_forking(lab: Lab, starts: Starts) -> None:
    runs = lab.submit(ALONE)["runs"]
    supervise(lab, warm=False).tick()
    assert (starts.afresh, starts.servers) == ([runs["alone"]], [])


@pytest.fixture
def runner() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when its standard input does."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_the_end_of_a_runner_wakes_whoever_waits(runner: subprocess.Popen[bytes]) -> None:
    watch = RunnerWatch()
    identity = ProcessIdentity.of(runner.pid)
    assert identity is not None
    watch.add(RunId("a"), identity)
    assert watch.knows(RunId("a"))
    assert not watch.wait(0)
    runner.kill()
    assert watch.wait(HANG_S)
    assert not watch.knows(RunId("a"))
    assert not watch.wait(0)
    watch.close()


def test_a_process_that_only_has_the_number_of_a_runner_is_not_waited_for(
    runner: subprocess.Popen[bytes],
) -> None:
    watch = RunnerWatch()
    identity = ProcessIdentity.of(runner.pid)
    assert identity is not None
    watch.add(RunId("a"), dataclasses.replace(identity, start_ticks=identity.start_ticks - 1))
    assert not watch.knows(RunId("a"))
    runner.kill()
    runner.wait()
    watch.add(RunId("b"), identity)
    assert not watch.knows(RunId("b"))
