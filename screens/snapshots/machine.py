"""Who uses this machine: GPUs by device, or the slots of a box without one."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from screens.live import Reading
from synthlab.execution.gpus import Gpu, NvmlProbe
from synthlab.execution.settings import load_settings

SAMPLE_S = 5.0


@dataclass(frozen=True)
class GpuRow:
    """One device; what NVML does not tell is None, never 0."""

    index: int
    name: str
    used_mib: int | None
    total_mib: int | None
    runs: tuple[str, ...]
    """Labels of our runs on it."""
    foreign: bool
    """Whether others compute on it, also where NVML does not list their processes."""


@dataclass(frozen=True)
class Machine:
    """GPUs, or without them how many slots there are and who is in them."""

    gpus: tuple[GpuRow, ...]
    slots: int
    in_slots: tuple[str, ...]
    light: tuple[str, ...]
    """Runs beside the slots, which load no model."""


class _Sampler:
    """Asks NVML at most every few seconds, however many look."""

    def __init__(self) -> None:
        self._at = -SAMPLE_S
        self._gpus: Sequence[Gpu] = ()

    def gpus(self) -> Sequence[Gpu]:
        now = time.monotonic()
        if now - self._at >= SAMPLE_S:
            self._gpus, self._at = NvmlProbe(os.environ).gpus(), now
        return self._gpus


_SAMPLER = _Sampler()


def read_machine(reading: Reading, active: Sequence[dict[str, Any]]) -> Machine:
    """Devices with their owners. active: rows of runs that run or start."""
    owners: dict[str, list[str]] = {}
    ours: set[int] = set()
    for run in active:
        process = json.loads(run["process"] or "{}")
        for uuid in process.get("gpus", []):
            owners.setdefault(uuid, []).append(run["label"])
        ours |= {part["pid"] for part in (process.get("job"), process.get("runner")) if part}
    gpus = tuple(
        GpuRow(
            gpu.index,
            gpu.name,
            gpu.used_mib // 100 * 100,
            gpu.total_mib,
            tuple(owners.get(gpu.uuid, ())),
            any(process not in ours for process in gpu.processes)
            or (gpu.is_in_use and gpu.uuid not in owners),
        )
        for gpu in _SAMPLER.gpus()
    )
    with_model = tuple(run["label"] for run in active if run["needs_model"])
    light = tuple(run["label"] for run in active if not run["needs_model"])
    return Machine(gpus, load_settings(reading.home).cpu_slots, with_model, light)
