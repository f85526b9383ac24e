"""Which GPUs there are and who uses them, by UUID: the order of devices changes between tools and boots."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from storage import durable
from storage.home import LabHome
from storage.locks import FileLock, is_locked

FOREIGN_MIB = 200
"""More used memory than this means that somebody is at work, even where NVML lists no process."""

SHARED_LOCKS = Path("/run/lock/synthlab-gpu")
"""Made by an administrator (mode 1777) so that labs of several users see each other's leases."""

DRIVER_FILES = (Path("/proc/driver/nvidia"), Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""Any of them says that there is a driver; the last is that of a Linux under Windows."""

LOOK_S = 1.0
"""NVML is asked at most this often: without persistence mode it wakes every GPU up each time."""


@dataclass(frozen=True)
class Gpu:
    """One device as NVML sees it: a whole GPU, or a MIG slice of one."""

    uuid: str
    index: int
    """Of the GPU, also where this is a slice of it."""
    name: str
    total_mib: int
    used_mib: int
    """Taken by programs; what the driver keeps for itself is not among it."""
    processes: tuple[int, ...]
    parent: str = ""
    """UUID of the GPU that it is a slice of."""

    @property
    def is_in_use(self) -> bool:
        """Whether anybody computes on it, one of our runs or somebody else."""
        return self.used_mib > FOREIGN_MIB or bool(self.processes)


class GpuProbe(Protocol):
    """Looks at the machine's GPUs; the real one asks NVML."""

    def gpus(self) -> Sequence[Gpu]:
        """Every device this process may use; empty where there is none."""
        ...


class Look(NamedTuple):
    """What NVML said, and what it could not say."""

    gpus: Sequence[Gpu]
    problem: str
    """Why there may be more GPUs than these; empty where NVML answered all that was asked."""


class NvmlProbe:
    """The machine's own devices, narrowed to an inherited CUDA_VISIBLE_DEVICES."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._visible = environment.get("CUDA_VISIBLE_DEVICES")

    def gpus(self) -> Sequence[Gpu]:
        """Ask NVML; no driver, no library or no permission means no GPU."""
        return self.look().gpus

    def look(self) -> Look:
        """The same, with the reason why a GPU may be missing."""
        if not any(path.exists() for path in DRIVER_FILES):
            return Look((), "")
        import pynvml

        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            return Look((), f"there is a driver, but NVML does not start: {error}")
        try:
            look = read_devices(pynvml)
        except pynvml.NVMLError as error:
            return Look((), f"NVML lists no devices: {error}")
        finally:
            pynvml.nvmlShutdown()
        return Look(visible_only(look.gpus, self._visible), look.problem)


def read_devices(nvml: Any) -> Look:
    """Every device of an initialised NVML; one that does not answer is left out and named."""
    found: list[Gpu] = []
    problems = []
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            found += _read(nvml, index)
        except nvml.NVMLError as error:
            problems.append(f"GPU {index} does not answer: {error}")
    return Look(found, "; ".join(problems))


def _read(nvml: Any, index: int) -> Iterator[Gpu]:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    slices = list(_slices(nvml, handle))
    if not slices:
        yield _device(nvml, handle, index, "")
    parent = _text(nvml.nvmlDeviceGetUUID(handle))
    for part in slices:
        yield _device(nvml, part, index, parent)


def _slices(nvml: Any, handle: Any) -> Iterator[Any]:
    """Handles of the MIG slices; none where the GPU is whole, or cannot be cut."""
    try:
        if nvml.nvmlDeviceGetMigMode(handle)[0] != nvml.NVML_DEVICE_MIG_ENABLE:
            return
        most = nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except nvml.NVMLError:
        return
    for number in range(most):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
        except nvml.NVMLError_NotFound:
            continue


def _device(nvml: Any, handle: Any, index: int, parent: str) -> Gpu:
    total, used = _memory(nvml, handle)
    try:
        running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except nvml.NVMLError:
        running = []  # not told to everybody, and not on every kind; memory still speaks
    return Gpu(
        uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
        index=index,
        name=_text(nvml.nvmlDeviceGetName(handle)),
        total_mib=total >> 20,
        used_mib=used >> 20,
        processes=tuple(process.pid for process in running),
        parent=parent,
    )


def _memory(nvml: Any, handle: Any) -> tuple[int, int]:
    """Bytes in all, and taken by programs.

    The older form of the question counts the driver's own share as used, which on a large GPU is
    more than half a GiB: an idle H100 would look taken.
    """
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    except nvml.NVMLError:
        try:
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        except nvml.NVMLError_NotSupported:
            # It computes in main memory (Jetson, GB10), where only its processes tell who is on it.
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), 0
    return int(memory.total), int(memory.used)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def visible_only(found: Sequence[Gpu], visible: str | None) -> Sequence[Gpu]:
    """Narrow to CUDA_VISIBLE_DEVICES, which lists indexes or (prefixes of) UUIDs; None means all.

    As for CUDA, an entry that names nothing ends the list. A GPU that is cut stands for its slices.
    """
    if visible is None:
        return found
    chosen: set[str] = set()
    for entry in (part.strip() for part in visible.split(",")):
        named = {gpu.uuid for gpu in found if _is_named(gpu, entry)}
        if not named:
            break
        chosen |= named
    return [gpu for gpu in found if gpu.uuid in chosen]


def _is_named(gpu: Gpu, entry: str) -> bool:
    if len(entry) > 3 and not entry.isdigit():
        return gpu.uuid.startswith(entry) or gpu.parent.startswith(entry)
    return entry == str(gpu.index)


class GpuLease:
    """One GPU, reserved until every process that inherited the lock has ended."""

    def __init__(self, gpu: Gpu, lock: FileLock) -> None:
        self.gpu = gpu
        self._lock = lock

    def fileno(self) -> int:
        """The descriptor that the runner and the job inherit."""
        return self._lock.fileno()

    def hand_over(self) -> None:
        """Close this process's copy; from now on the children hold the lease."""
        self._lock.release()


def lease_folder(home: LabHome) -> Path:
    """Where the leases of this lab lie, or of all labs of the machine."""
    return SHARED_LOCKS if SHARED_LOCKS.is_dir() else home.cache / "gpu-locks"


def is_leased(gpu: Gpu, folder: Path) -> bool:
    """Whether a run of a lab holds it; a lease that we may not open is somebody's."""
    try:
        return is_locked(_lease_file(gpu, folder))
    except OSError:
        return True


def _lease_file(gpu: Gpu, folder: Path) -> Path:
    return folder / f"{gpu.uuid}.lock"


class GpuLeases:
    """Gives out whole devices, one run each, so that no two runs ever meet on one."""

    def __init__(
        self,
        probe: GpuProbe,
        folder: Path,
        share: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """share: whether devices that somebody else uses are given out too, after the others."""
        self._probe = probe
        self._folder = durable.make_directory(folder)
        self._share = share
        self._clock = clock
        self._looked_at: float | None = None
        self._seen: Sequence[Gpu] = ()
        self._any = False

    def exist(self) -> bool:
        """Whether this lab computes on GPUs: once there was one, no run falls back to the CPU."""
        return bool(self._look()) or self._any

    def acquire(self) -> GpuLease | None:
        """Reserve a GPU that nobody else is using, or None if there is none at the moment."""
        for gpu in sorted(self._look(), key=lambda gpu: (gpu.is_in_use, gpu.used_mib, gpu.index)):
            if gpu.is_in_use and not self._share:
                continue
            lock = FileLock(_lease_file(gpu, self._folder))
            try:
                taken = lock.acquire()
            except OSError:
                continue  # another user's file that we may not open: theirs until they say otherwise
            if taken:
                return GpuLease(gpu, lock)
        return None

    def _look(self) -> Sequence[Gpu]:
        now = self._clock()
        if self._looked_at is None or now - self._looked_at >= LOOK_S:
            self._seen, self._looked_at = self._probe.gpus(), now
            self._any = self._any or bool(self._seen)
        return self._seen
