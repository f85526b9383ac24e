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


@cache
def describe_environment() -> dict[str, str]:
    """Versions of Python and of the packages that can change a result; imports none of them."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    found["platform"] = sys.platform
    return found
