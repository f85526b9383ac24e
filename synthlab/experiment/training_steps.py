"""How many rows and optimiser steps a training has: the same reckoning for the plan and for the job."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def validation_rows(rows: int, share: float) -> int:
    """Rows held back to choose the best checkpoint, of a mixture with one answer per prompt."""
    return min(max(1, round(share * rows)), rows - 1) if share > 0 else 0


def optimiser_steps(params: Mapping[str, Any], rows: int) -> int:
    """Optimiser steps over `rows` training rows.

    params: of a training step: `max_steps`, or `epochs`, `batch_size` and `accumulation`.
    """
    if params.get("max_steps"):
        return int(params["max_steps"])
    batches = math.ceil(rows / int(params["batch_size"]))
    updates = math.ceil(batches / int(params["accumulation"]))
    return max(1, math.ceil(float(params["epochs"]) * updates))
