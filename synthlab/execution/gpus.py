"""Which GPUs there are and who uses them, by UUID: the order of devices changes between tools and boots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from storage import durable
from storage.locks import FileLock

FOREIGN_MIB = 200
"""More used memory than this means that somebody is at work, even where NVML lists no process."""

SHARED_LOCKS = Path("/run/lock/synthlab-gpu")
"""Made by an administrator (mode 1777) so that labs of several users see each other's leases."""


@dataclass(frozen=True)
class Gpu:
    """One device as NVML sees it."""

    uuid: str
    index: int
    name: str
    total_mib: int
    used_mib: int
    processes: tuple[int, ...]


class GpuProbe(Protocol):
    """Looks at the machine's GPUs; the real one asks NVML."""

    def gpus(self) -> Sequence[Gpu]:
        """Every device this process may use; empty where there is none."""
        ...


class NvmlProbe:
    """The machine's own devices, narrowed to an inherited CUDA_VISIBLE_DEVICES."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._visible = environment.get("CUDA_VISIBLE_DEVICES")

    def gpus(self) -> Sequence[Gpu]:
        """Ask NVML; no driver, no library or no permission means no GPU."""
        if not Path("/proc/driver/nvidia").exists() and not Path("/dev/nvidiactl").exists():
            return ()
        import pynvml

        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return ()
        try:
            found = [self._read(pynvml, i) for i in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError:
            return ()
        finally:
            pynvml.nvmlShutdown()
        return visible_only(found, self._visible)

    @staticmethod
    def _read(nvml: Any, index: int) -> Gpu:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        return Gpu(
            uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
            index=index,
            name=_text(nvml.nvmlDeviceGetName(handle)),
            total_mib=memory.total >> 20,
            used_mib=memory.used >> 20,
            processes=tuple(process.pid for process in running),
        )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def visible_only(found: Sequence[Gpu], visible: str | None) -> Sequence[Gpu]:
    """Narrow to CUDA_VISIBLE_DEVICES, which lists indexes or (prefixes of) UUIDs; None means all."""
    if visible is None:
        return found
    wanted = [entry.strip() for entry in visible.split(",") if entry.strip()]
    return [
        gpu
        for gpu in found
        if any(w == str(gpu.index) or (len(w) > 3 and gpu.uuid.startswith(w)) for w in wanted)
    ]


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


class GpuLeases:
    """Gives out whole GPUs, one run each, so that no two runs ever meet on a device."""

    def __init__(self, probe: GpuProbe, locks: Path, share: bool) -> None:
        self._probe = probe
        self._locks = SHARED_LOCKS if SHARED_LOCKS.is_dir() else durable.make_directory(locks)
        self._share = share

    def count(self) -> int:
        """How many GPUs this lab may use at all."""
        return len(self._probe.gpus())

    def acquire(self) -> GpuLease | None:
        """Reserve a GPU that nobody else is using, or None if there is none at the moment."""
        for gpu in self._probe.gpus():
            if gpu.used_mib > FOREIGN_MIB and not self._share:
                continue
            lock = FileLock(self._locks / f"{gpu.uuid}.lock")
            try:
                taken = lock.acquire()
            except OSError:
                continue  # another user's file that we may not open: theirs until they say otherwise
            if taken:
                return GpuLease(gpu, lock)
        return None
