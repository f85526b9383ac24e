"""Site settings of one lab home, in `settings.toml`; every field has a default that suits the machine."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields

from storage.home import LabHome
from synthlab.errors import SpecError

BYTES_PER_MODEL_JOB = 6 << 30
"""Room that one small-model job may need in main memory, activations included."""


@dataclass(frozen=True)
class Settings:
    """How much of this machine the lab may use."""

    cpu_slots: int
    """Jobs with a model that run side by side where there is no GPU."""
    light_slots: int
    """Jobs without a model (import, mix) that run side by side."""
    threads: int
    """CPU threads for each job with a model."""
    warm_start: bool
    """Whether CPU jobs are forked from a process that has the model stack loaded (0.5 GB while busy)."""
    share_gpus: bool
    """Whether a GPU on which somebody else has memory may be used."""
    idle_exit_s: float
    """How long a supervisor with nothing to do stays."""
    stop_grace_s: float
    """How long a job may take to save its work before it is killed."""
    gpu: str = ""
    """GPU that plans are reckoned for; this machine's own where it is empty, else an H100."""
    gpu_hour_price: float = 0.0
    """Price of one GPU-hour for the estimates of plans; 0 where it is not known."""
    currency: str = "USD"
    """What prices are in."""
    vllm_python: str = ""
    """Interpreter of an environment that has vLLM, for sources with `engine = "vllm"`."""
    vllm_arguments: str = ""
    """Further arguments for its server, as a shell would read them: `--max-model-len 4096`."""


def default_settings() -> Settings:
    """Two one-job slots on a small box: one thread each does more work than two threads on one."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    slots = max(1, min(cores, 4, memory // BYTES_PER_MODEL_JOB))
    return Settings(
        cpu_slots=slots,
        light_slots=max(2, cores),
        threads=max(1, cores // slots),
        warm_start=True,
        share_gpus=False,
        idle_exit_s=5.0,
        stop_grace_s=60.0,
    )


def load_settings(home: LabHome) -> Settings:
    """The defaults with what settings.toml says on top; raises SpecError naming a wrong key."""
    defaults = default_settings()
    try:
        given = tomllib.loads(home.settings.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return defaults
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{home.settings}: {error}") from error
    values = {field.name: getattr(defaults, field.name) for field in fields(Settings)}
    for name, value in given.items():
        if name not in values:
            known = ", ".join(values)
            raise SpecError(f"{home.settings}: unknown key {name!r}", f"known keys: {known}")
        wanted = type(values[name])
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not wanted or (wanted is int and value < 1):
            raise SpecError(f"{home.settings}: {name} must be a {wanted.__name__}, is {value!r}")
        values[name] = value
    return Settings(**values)


def settings_environment(settings: Settings) -> dict[str, str]:
    """What jobs must know of the settings, as variables that runners hand on."""
    return {
        "SYNTHLAB_VLLM_PYTHON": settings.vllm_python,
        "SYNTHLAB_VLLM_ARGUMENTS": settings.vllm_arguments,
    }
