"""Random swaps of a metric that is expensive: computed only where an estimate leaves the answer open.

A randomisation test asks of each swap no more than whether its difference reaches the observed one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from synthlab.analysis.statistics.clusters import BoolArray, FloatArray

Differences = Callable[[BoolArray], FloatArray]

CHECKED = 32
"""Swaps of which the estimate is held against the difference."""
SAFETY = 5.0
"""An estimate decides only if it is off the line by so many times the largest error of those."""


class _Trust(NamedTuple):
    scale: float
    """What the estimate is multiplied by."""
    error: float
    """How far from the line between hit and miss it must be."""


class ScreenedDifferences:
    """Differences after swaps, each on the right side of plus and minus the observed one.

    The first swaps and the extreme ones of the first call are computed both ways. After that an estimate
    is believed if it is further from the line than five times the largest error among them; whatever is
    nearer, and everything where an estimate is not finite, is computed. The number of hits is then that
    of the plain test: errors of an estimate would have to be five times what they are.
    """

    def __init__(self, exact: Differences, estimate: Differences, line: float) -> None:
        """line: the observed difference; exact, estimate: (swaps, rows) to (swaps,)."""
        self._exact, self._estimate, self._line = exact, estimate, abs(line)
        self._trust: _Trust | None = None

    def __call__(self, swaps: BoolArray) -> FloatArray:
        """(swaps,) estimates where they decide, the differences themselves elsewhere."""
        estimates = self._estimate(swaps)
        found = np.full(len(swaps), np.nan)
        if self._trust is None:
            checked = _checked(estimates)
            found[checked] = self._exact(swaps[checked])
            self._trust = _trust(estimates[checked], found[checked])
        scaled = estimates * self._trust.scale
        # Not "<= error": what is not a number decides nothing.
        is_open = ~(np.abs(np.abs(scaled) - self._line) > self._trust.error)
        missing = np.flatnonzero(is_open & np.isnan(found))
        if missing.size:
            found[missing] = self._exact(swaps[missing])
        decided = ~is_open & np.isnan(found)
        found[decided] = scaled[decided]
        return found


def _checked(estimates: FloatArray) -> BoolArray:
    """Which swaps to compute both ways: half of them the first ones, half those furthest out."""
    checked = np.zeros(len(estimates), np.bool_)
    checked[: CHECKED // 2] = True
    furthest = np.argsort(-np.abs(np.nan_to_num(estimates)), kind="stable")
    checked[furthest[: CHECKED // 2]] = True
    return checked


def _trust(estimates: FloatArray, exact: FloatArray) -> _Trust:
    square = float(estimates @ estimates)
    if not square > 0:
        return _Trust(1.0, np.inf)
    scale = float(estimates @ exact) / square
    error = SAFETY * float(np.abs(exact - scale * estimates).max())
    return _Trust(scale, error if np.isfinite(error) else np.inf)
