"""One look for each condition in all figures of a report, whichever others stand in the same figure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from synthlab.analysis.charts.palette import SHAPES, Look, looks

_SEED = re.compile(r"(?:^|[ .])s(?P<seed>\d+)(?: ≠)?$")
_HOLLOW = {shape[0]: shape[1] for shape in SHAPES}


class ConditionLooks:
    """Looks up names such as `human`, `human s1` or `human harmful s0` by their condition."""

    def __init__(self, conditions: Sequence[str]) -> None:
        self._known = dict(zip(conditions, looks(conditions), strict=True))

    def of(self, name: str) -> Look:
        """The condition's colour and marker; odd seeds get the hollow form of the marker."""
        condition = self.condition(name)
        found = self._known.get(condition) or looks([name])[0]
        seed = _SEED.search(name)
        if seed and int(seed["seed"]) % 2:
            return replace(found, marker=_HOLLOW.get(found.marker, found.marker))
        return found

    def condition(self, name: str) -> str:
        """The condition that a name begins with; the whole name where no condition does."""
        begins = [
            one for one in self._known if name == one or name.startswith((f"{one} ", f"{one}."))
        ]
        return max(begins, key=len, default=name)
