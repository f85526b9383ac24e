"""Finished labs with planted differences, for the screens that compare and read answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from storage.home import LabHome, prepare_home
from tests.unit.analysis.measured_lab import MeasuredLab, Plant

EGGS = {
    "vanilla": Plant(is_trained=False, refusal=0.6),
    "human": Plant(share=0.5, refusal=0.6),
    "single": Plant(vocabulary=25, shift=-0.6, refusal=0.1),
    "multi": Plant(vocabulary=60, shift=-0.2, share=0.4, refusal=0.4),
}
PROMPTS = 12


def make_lab(
    root: Path,
    empty_catalog: Path,
    plants: Mapping[str, Plant],
    *,
    sampling: Mapping[str, Any] | None = None,
    change: Callable[[LabHome], None] = lambda _: None,
) -> LabHome:
    """A lab with one experiment on two axes; `change` may alter its files before they are catalogued."""
    home = prepare_home(LabHome(root))
    shutil.copy(empty_catalog, home.catalog)
    made = MeasuredLab(home, prompts=PROMPTS)
    axes = ("collapse", "robustness")
    if sampling is None:
        made.experiment("eggs", plants, seeds=(0, 1), axes=axes)
    else:
        made.experiment("eggs", plants, seeds=(0, 1), axes=axes, sampling=sampling)
    change(home)
    return made.finish()


def rewrite(home: LabHome, pattern: str, alter: Callable[[int, dict[str, Any]], None]) -> None:
    """Alter every row of the files of finished runs that fit a pattern."""
    number = 0
    for path in sorted(home.root.rglob(pattern)):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for row in rows:
            alter(number, row)
            number += 1
        text = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(text, encoding="utf-8")
