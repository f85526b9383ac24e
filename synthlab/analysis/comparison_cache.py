"""Finished comparisons by the digest of all that they follow from, so that one is computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from storage import durable
from storage.errors import RecordError
from storage.home import LabHome
from synthlab.analysis.comparison import Comparison
from synthlab.analysis.comparison_json import read_stored, stored_form
from synthlab.analysis.measured import MeasuredCell

_CODE = Path(__file__).parent
_CODE_FOLDERS = (_CODE, _CODE / "statistics", _CODE.parent / "metrics")


def comparison_file(
    home: LabHome, cells: Sequence[MeasuredCell], conditions: Sequence[str], **parameters: Any
) -> Path:
    """Where the comparison of these cells with these parameters is kept.

    The name is a digest of the content of every cell and of its answers, of the names that are
    shown, of the parameters, and of the code: a changed formula never finds an old number.
    """
    inputs = [
        {
            "experiment": cell.experiment,
            "condition": cell.condition,
            "seed": cell.seed,
            "run": cell.run_id,
            "digest": cell.digest,
            "spec": _specification(cell),
            "keys": {name: key.digest for name, key in cell.keys.items()},
        }
        for cell in cells
    ]
    named = {
        "cells": inputs,
        "conditions": list(conditions),
        "parameters": parameters,
        "code": code_digest(),
    }
    digest = hashlib.sha256(durable.canonical_json(named).encode()).hexdigest()
    return home.cache / "comparisons" / f"{digest}.json"


def read_comparison(path: Path) -> Comparison | None:
    """The stored comparison, or None where there is none that can be read: it is then made again."""
    try:
        value = durable.read_json(path)
        return read_stored(value["comparison"])
    except (OSError, RecordError, ValueError, KeyError, TypeError):
        return None


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Keep a comparison; raises OSError, which loses nothing but time."""
    durable.make_directory(path.parent)
    durable.write_json(path, {"comparison": stored_form(comparison)})


def code_digest() -> str:
    """Digest of the source of everything that computes a comparison, and of the version of numpy."""
    found = hashlib.sha256(metadata.version("numpy").encode())
    for folder in _CODE_FOLDERS:
        for path in sorted(folder.glob("*.py")):
            found.update(path.name.encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def _specification(cell: MeasuredCell) -> Mapping[str, Any]:
    """What was to be done and with which content: the key covers every step above."""
    launched = cell.directory.read_optional(cell.directory.inputs)
    return {"key": cell.directory.read_spec().key, "inputs": launched.get("inputs", {})}
