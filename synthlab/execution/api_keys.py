"""Keys of served models on their way: from the user's environment to the one job that names them.

A key stands in no file: the supervisor inherits every variable whose name ends in `_API_KEY`, and a
run gets the one that its source names. A supervisor that was started without it has to give way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from storage.home import LabHome
from storage.process import ProcessIdentity

SUFFIX = "_API_KEY"


def key_variables(observed: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The variables that runs name, by what their steps observe."""
    named = (one.get("server", {}).get("api_key_env") for one in observed)
    return frozenset(name for name in named if isinstance(name, str) and name.endswith(SUFFIX))


def all_keys(environment: Mapping[str, str]) -> frozenset[str]:
    """Every variable that may hold a key of a served model."""
    return frozenset(name for name in environment if name.endswith(SUFFIX))


def supervisor_lacks(
    home: LabHome, names: Iterable[str], environment: Mapping[str, str], proc: Path = Path("/proc")
) -> bool:
    """Whether a living supervisor has another value, or none, for a variable that is set here."""
    wanted = {name: environment[name] for name in names if environment.get(name)}
    if not wanted:
        return False
    try:
        identity = ProcessIdentity.from_json(
            json.loads((home.cache / "supervisor.json").read_bytes())
        )
        held = (proc / str(identity.pid) / "environ").read_bytes().split(b"\0")
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if not identity.is_alive():
        return False
    return any(f"{name}={value}".encode() not in held for name, value in wanted.items())
