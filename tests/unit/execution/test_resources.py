"""GPUs go to one run each, by UUID; settings and environments let through only what is named."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from storage import durable
from storage.home import LabHome
from storage.process import ProcessIdentity
from synthlab.errors import SpecError
from synthlab.execution.api_keys import all_keys, key_variables, supervisor_lacks
from synthlab.execution.environment import child_environment
from synthlab.execution.eta import estimate_remaining
from synthlab.execution.gpus import LOOK_S, Gpu, GpuLeases, NvmlProbe, read_devices, visible_only
from synthlab.execution.settings import default_settings, load_settings


def gpu(index: int, used_mib: int = 10) -> Gpu:
    return Gpu(f"GPU-{index}{index}{index}", index, "Test", 24000, used_mib, ())


class FakeProbe:
    """NVML as a machine with these devices would answer."""

    def __init__(self, *found: Gpu) -> None:
        self.found = list(found)

    def gpus(self) -> Sequence[Gpu]:
        return self.found


def test_no_gpu_is_given_out_twice(tmp_path: Path) -> None:
    leases = GpuLeases(FakeProbe(gpu(0), gpu(1)), tmp_path / "locks", share=False)
    others = GpuLeases(FakeProbe(gpu(1), gpu(0)), tmp_path / "locks", share=False)
    first, second = leases.acquire(), others.acquire()
    assert first is not None
    assert second is not None
    assert first.gpu.uuid != second.gpu.uuid
    assert leases.acquire() is None


def test_a_lease_lives_as_long_as_a_child_that_inherited_it(tmp_path: Path) -> None:
    leases = GpuLeases(FakeProbe(gpu(0)), tmp_path / "locks", share=False)
    lease = leases.acquire()
    assert lease is not None
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lease.fileno(),)
    )
    lease.hand_over()
    assert leases.acquire() is None
    child.kill()
    child.wait()
    assert leases.acquire() is not None


def test_foreign_memory_keeps_us_away_unless_sharing(tmp_path: Path) -> None:
    probe = FakeProbe(gpu(0, used_mib=5000))
    assert GpuLeases(probe, tmp_path / "a", share=False).acquire() is None
    assert GpuLeases(probe, tmp_path / "b", share=True).acquire() is not None
    probe = FakeProbe(dataclasses.replace(gpu(0), processes=(7,)))
    assert GpuLeases(probe, tmp_path / "c", share=False).acquire() is None


def test_where_gpus_are_shared_the_emptiest_comes_first(tmp_path: Path) -> None:
    probe = FakeProbe(gpu(0, used_mib=9000), gpu(1, used_mib=4000), gpu(2))
    leases = GpuLeases(probe, tmp_path / "locks", share=True)
    given = [leases.acquire() for _ in range(4)]
    assert [lease.gpu.index if lease else None for lease in given] == [2, 1, 0, None]


def test_nvml_is_asked_once_a_second_however_many_runs_wait(tmp_path: Path) -> None:
    now = [0.0]
    probe = FakeProbe(gpu(0, used_mib=9000))
    leases = GpuLeases(probe, tmp_path / "locks", share=False, clock=lambda: now[0])
    assert leases.exist()
    probe.found = [gpu(0)]
    assert leases.acquire() is None
    now[0] = LOOK_S
    assert leases.acquire() is not None


def test_a_gpu_that_is_lost_for_a_moment_sends_nothing_to_the_cpu(tmp_path: Path) -> None:
    now = [0.0]
    probe = FakeProbe(gpu(0))
    leases = GpuLeases(probe, tmp_path / "locks", share=False, clock=lambda: now[0])
    assert leases.exist()
    probe.found, now[0] = [], 10.0
    assert leases.exist()
    assert leases.acquire() is None
    assert not GpuLeases(FakeProbe(), tmp_path / "locks", share=False).exist()


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, [0, 1, 2]),
        ("2,0", [0, 2]),
        ("GPU-111", [1]),
        ("", []),
        ("7", []),
        ("0,-1,2", [0]),
        ("GPU-22,GPU-9,0", [2]),
    ],
)
def test_an_inherited_choice_is_respected(visible: str | None, expected: list[int]) -> None:
    found = visible_only([gpu(0), gpu(1), gpu(2)], visible)
    assert [g.index for g in found] == expected


class Nvml:
    """pynvml on a machine with an H100, one cut in two, one that fell off the bus, and a GB10."""

    class NVMLError(Exception):
        pass

    class NVMLError_NotSupported(NVMLError):
        pass

    class NVMLError_NotFound(NVMLError):
        pass

    nvmlMemory_v2 = 2
    NVML_DEVICE_MIG_ENABLE = 1

    def nvmlDeviceGetCount(self) -> int:
        return 4

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        if index == 2:
            raise self.NVMLError("GPU is lost")
        return ("H100", "A100", "", "GB10")[index]

    def nvmlDeviceGetMigMode(self, handle: str) -> list[int]:
        if handle == "GB10":
            raise self.NVMLError_NotSupported("Not Supported")
        return [int(handle == "A100"), 0]

    def nvmlDeviceGetMaxMigDeviceCount(self, _: str) -> int:
        return 3

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: str, number: int) -> str:
        if number == 1:
            raise self.NVMLError_NotFound("Not Found")
        return f"{handle} MIG {number}"

    def nvmlDeviceGetUUID(self, handle: str) -> str:
        return f"MIG-{handle[-1]}" if "MIG" in handle else f"GPU-{handle}"

    def nvmlDeviceGetName(self, handle: str) -> bytes:
        return handle.encode()

    def nvmlDeviceGetMemoryInfo(self, handle: str, version: int | None = None) -> object:
        if handle == "GB10":
            raise self.NVMLError_NotSupported("Not Supported")
        reserved = 0 if version else 600 << 20
        return SimpleNamespace(total=80 << 30, used=reserved + (1 << 20))

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[object]:
        if handle == "A100 MIG 0":
            raise self.NVMLError("Insufficient Permissions")
        return [SimpleNamespace(pid=7)] if handle == "A100 MIG 2" else []


def test_what_nvml_says_of_all_kinds_of_devices() -> None:
    look = read_devices(Nvml())
    assert [(g.uuid, g.index, g.parent) for g in look.gpus] == [
        ("GPU-H100", 0, ""),
        ("MIG-0", 1, "GPU-A100"),
        ("MIG-2", 1, "GPU-A100"),
        ("GPU-GB10", 3, ""),
    ]
    assert [g.is_in_use for g in look.gpus] == [False, False, True, False]
    assert look.gpus[3].total_mib > 0
    assert "GPU 2 does not answer: GPU is lost" in look.problem
    for visible, chosen in (
        ("1", ["MIG-0", "MIG-2"]),
        ("MIG-2", ["MIG-2"]),
        ("GPU-A1", ["MIG-0", "MIG-2"]),
    ):
        assert [g.uuid for g in visible_only(look.gpus, visible)] == chosen


@pytest.mark.skipif(Path("/proc/driver/nvidia").exists(), reason="this machine has a driver")
def test_a_box_without_a_driver_has_no_gpus() -> None:
    assert list(NvmlProbe(os.environ).gpus()) == []


def test_children_inherit_only_what_is_named() -> None:
    parent = {"PATH": "/bin", "HF_TOKEN": "t", "AWS_SECRET_ACCESS_KEY": "s", "OPENAI_API_KEY": "k"}
    assert child_environment(parent, X="1") == {"PATH": "/bin", "HF_TOKEN": "t", "X": "1"}
    of_gpu = {"CUDA_MPS_PIPE_DIRECTORY": "/mps", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    assert child_environment(of_gpu) == of_gpu


def test_settings_are_strict(home: LabHome) -> None:
    assert load_settings(home) == default_settings()
    home.settings.write_text("cpu_slots = 3\nstop_grace_s = 5\n")
    assert (load_settings(home).cpu_slots, load_settings(home).stop_grace_s) == (3, 5.0)
    for text in ("cpu_slot = 3", "cpu_slots = 0", "cpu_slots = 'x'", "cpu_slots = "):
        home.settings.write_text(text)
        with pytest.raises(SpecError, match=r"settings\.toml"):
            load_settings(home)


def run(kind: str, state: str, **fields: float | None) -> dict[str, object]:
    empty = dict.fromkeys(("started_at", "ended_at", "progress_eta_s", "heard_at"))
    progress = {"progress_done": 50.0, "progress_total": 100.0}
    return {"kind": kind, "state": state, **empty, **progress, **fields}


def test_remaining_time_is_judged_by_runs_of_the_same_kind() -> None:
    done = run("mix", "succeeded", started_at=0.0, ended_at=10.0)
    active = run("mix", "running", started_at=90.0, progress_eta_s=5.0, heard_at=100.0)
    queued = run("mix", "queued")
    assert estimate_remaining([done], 100.0) == 0.0
    assert estimate_remaining([done, active], 100.0) == pytest.approx(5.0)
    assert estimate_remaining([done, active, queued], 100.0) == pytest.approx(5.0 + 12.5)
    assert estimate_remaining([done, active, active, queued], 100.0) == pytest.approx(
        (5 + 5 + 40 / 3) / 2
    )
    assert estimate_remaining([done, run("finetune", "queued")], 100.0) is None
    early = {**active, "progress_done": 1.0, "progress_eta_s": 9999.0}
    assert estimate_remaining([done, early], 95.0) == pytest.approx(10.0 - 5.0)


def test_a_key_reaches_only_who_names_it() -> None:
    parent = {"A_API_KEY": "1", "SYNTHLAB_API_KEY": "2", "HF_API_KEY": "3", "PATH": "/bin"}
    assert child_environment(parent) == {"PATH": "/bin"}
    assert child_environment(parent, {"A_API_KEY"}) == {"PATH": "/bin", "A_API_KEY": "1"}
    assert child_environment(parent, all_keys(parent)) == parent
    named = key_variables(
        [{}, {"server": {"api_key_env": None}}, {"server": {"api_key_env": "A_API_KEY"}}]
    )
    assert named == {"A_API_KEY"}
    assert key_variables([{"server": {"api_key_env": "AWS_SECRET_ACCESS_TOKEN"}}]) == frozenset()


def test_a_supervisor_without_the_key_has_to_give_way(home: LabHome) -> None:
    own = ProcessIdentity.of(os.getpid())
    assert own is not None
    assert not supervisor_lacks(home, ["NEW_API_KEY"], {"NEW_API_KEY": "x"})
    durable.write_json(home.cache / "supervisor.json", own.to_json())
    assert supervisor_lacks(home, ["NEW_API_KEY"], {"NEW_API_KEY": "x"})
    assert not supervisor_lacks(home, ["NEW_API_KEY"], {})
    held = (Path("/proc") / str(os.getpid()) / "environ").read_bytes().split(b"\0")[0].decode()
    name, _, value = held.partition("=")
    assert not supervisor_lacks(home, [name], {name: value})
    assert supervisor_lacks(home, [name], {name: value + "x"})
    durable.write_json(home.cache / "supervisor.json", {**own.to_json(), "start_ticks": 1})
    assert not supervisor_lacks(home, ["NEW_API_KEY"], {"NEW_API_KEY": "x"})
