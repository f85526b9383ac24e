"""What a number was made with, recorded in every manifest so that a difference can be explained."""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib import metadata

RECORDED_PACKAGES = (
    "synthlab",
    "torch",
    "transformers",
    "tokenizers",
    "peft",
    "accelerate",
    "datasets",
    "numpy",
    "safetensors",
)


def describe_environment() -> dict[str, str]:
    """Versions of Python and of the packages that can change a result; imports none of them.

    Where a GPU was computed on, also which kind and for which CUDA: both decide how sums are rounded.
    """
    return {**_versions(), **_gpu()}


def _gpu() -> dict[str, str]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {}
    return {"gpu": str(torch.cuda.get_device_name()), "cuda": str(torch.version.cuda)}


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    found["platform"] = sys.platform
    return found
