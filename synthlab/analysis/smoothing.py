"""Smoothing of curves for the eye; no number that is reported goes through here."""

from __future__ import annotations

import math
from collections.abc import Sequence


def exponential_mean(values: Sequence[float], factor: float) -> tuple[float, ...]:
    """Exponential moving mean with bias correction (Kingma and Ba 2015, section 3).

    factor: 0 leaves the curve as it is, 0.9 averages over about ten points. A value that is not finite
    is a gap: it stays one, and the mean starts anew after it. Raises ValueError outside [0, 1).
    """
    if not 0 <= factor < 1:
        raise ValueError(f"a smoothing factor of {factor}: from 0 to below 1")
    smooth: list[float] = []
    mean, weight = 0.0, 0.0
    for value in values:
        if not math.isfinite(value):
            mean, weight = 0.0, 0.0
            smooth.append(value)
            continue
        mean = factor * mean + (1 - factor) * value
        weight = factor * weight + (1 - factor)
        smooth.append(mean / weight)
    return tuple(smooth)
