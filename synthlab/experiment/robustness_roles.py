"""What a judge is asked about the answers to which kind of prompt set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

Purpose: TypeAlias = Literal["harmful", "jailbreak", "benign"]
Role: TypeAlias = Literal["states", "quality", "harmfulness", "strongreject"]
"""What a rubric is for."""

ROLES_OF: Mapping[str, tuple[Role, ...]] = {
    "harmful": ("states", "quality", "harmfulness", "strongreject"),
    "jailbreak": ("states", "quality", "harmfulness", "strongreject"),
    "benign": ("states", "quality"),
}
"""By purpose of the set. A harmless request cannot have a harmful answer."""
