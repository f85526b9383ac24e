"""Every way a job can end gives the right state and says why; nothing dead is called alive."""

from __future__ import annotations

import signal
import socket

import pytest

from storage import durable
from storage.home import LabHome
from storage.locks import FileLock
from storage.process import ProcessIdentity, boot_id
from storage.rundir import Manifest, RunDir, RunId, RunSpec
from synthlab.execution.ending import Ending, describe_ending
from synthlab.execution.reconcile import START_PATIENCE_S, end_if_dead
from synthlab.jobs.outcome import FAILURE_FILE, JobExit


@pytest.fixture
def directory(home: LabHome) -> RunDir:
    made = RunDir(home.run("rn000001"))
    made.create(RunSpec(RunId("rn000001"), "mix", "k", "mix/x", {}, (), {}, False, 1.0))
    return made


CASES = {
    "published": (Ending(0, False, 0, ()), ["manifest"], ("succeeded", "")),
    "published nothing": (Ending(0, False, 0, ()), [], ("failed", "no_manifest")),
    "said why": (Ending(1, False, 0, ()), ["failure"], ("failed", "empty_data")),
    "died without a word": (Ending(9, False, 0, ()), [], ("failed", "exit:9")),
    "disk full": (Ending(JobExit.DISK_FULL, False, 0, ()), [], ("interrupted", "disk_full")),
    "told to stop": (Ending(JobExit.STOPPED, False, 0, ()), ["stop"], ("cancelled", "user:ada")),
    "stopped by nobody": (Ending(JobExit.STOPPED, False, 0, ()), [], ("interrupted", "terminated")),
    "killed after grace": (Ending(-9, True, 0, ()), ["stop"], ("cancelled", "user:ada")),
    "killed": (Ending(-9, False, 0, ()), [], ("interrupted", "signal:SIGKILL")),
    "out of memory": (Ending(-9, False, 1, ()), [], ("failed", "oom_kill")),
    "crashed": (
        Ending(-int(signal.SIGSEGV), False, 0, ()),
        [],
        ("interrupted", "signal:SIGSEGV"),
    ),
    "finished although told to stop": (
        Ending(0, False, 0, ()),
        ["stop", "manifest"],
        ("succeeded", ""),
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_endings(directory: RunDir, case: str) -> None:
    ending, present, (state, reason) = CASES[case]
    if "manifest" in present:
        directory.write_manifest(Manifest.of(directory.out, {}))
    if "failure" in present:
        failure = {"code": "empty_data", "message": "no rows", "hint": "give some"}
        durable.write_json(directory.root / FAILURE_FILE, failure)
    if "stop" in present:
        durable.write_json(directory.stop, {"by": "ada"})
    ended = describe_ending(directory, ending, 5.0)
    assert (ended.state, ended.reason) == (state, reason)
    assert ended.message or state == "succeeded"


def write_process(directory: RunDir, host: str, boot: str) -> None:
    runner = ProcessIdentity(boot, 999999, 1).to_json()
    durable.write_json(
        directory.proc, {"host": host, "runner": runner, "job": None, "started_at": 1.0}
    )


def test_a_free_lock_is_evidence_of_the_end(directory: RunDir) -> None:
    write_process(directory, socket.gethostname(), boot_id())
    holder = FileLock(directory.lock)
    assert holder.acquire()
    assert not end_if_dead(directory, 5.0)
    holder.release()
    assert end_if_dead(directory, 5.0)
    ended = directory.read_exit()
    assert ended is not None
    assert (ended.state, ended.reason) == ("interrupted", "runner_gone")


def test_another_boot_ends_a_run_and_another_host_does_not(directory: RunDir) -> None:
    write_process(directory, "elsewhere", "other-boot")
    assert not end_if_dead(directory, 5.0)
    write_process(directory, socket.gethostname(), "other-boot")
    assert end_if_dead(directory, 5.0)
    ended = directory.read_exit()
    assert ended is not None
    assert ended.reason == "host_reboot"


def test_a_launch_that_never_came_up_is_given_time(directory: RunDir) -> None:
    durable.write_json(directory.inputs, {"launched_at": 100.0, "inputs": {}})
    assert not end_if_dead(directory, 100.0 + START_PATIENCE_S / 2)
    assert end_if_dead(directory, 100.0 + START_PATIENCE_S * 2)
    ended = directory.read_exit()
    assert ended is not None
    assert ended.reason == "never_started"


def test_reconciling_twice_changes_nothing(directory: RunDir) -> None:
    write_process(directory, socket.gethostname(), boot_id())
    assert end_if_dead(directory, 5.0)
    before = directory.exit.read_bytes()
    assert end_if_dead(directory, 99.0)
    assert directory.exit.read_bytes() == before
