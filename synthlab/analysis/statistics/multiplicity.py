"""Holm's correction, so that a screen full of tests does not invent a finding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from synthlab.analysis.statistics.estimates import DEFAULT_ALPHA


@dataclass(frozen=True, slots=True)
class NamedP:
    """One test of a family; p is NaN where the test was refused or impossible."""

    name: str
    p: float


@dataclass(frozen=True, slots=True)
class AdjustedP:
    """One test after the correction; `adjusted` is NaN exactly where p is."""

    name: str
    p: float
    adjusted: float
    is_rejected: bool


@dataclass(frozen=True, slots=True)
class HolmFamily:
    """The tests that were corrected together, kept with the result so that it can be checked."""

    name: str
    alpha: float
    size: int
    """Tests that have a p-value; refused ones do not make the others pay."""
    tests: tuple[AdjustedP, ...]
    """In the order given."""

    def of(self, name: str) -> AdjustedP:
        """The test of that name; raises KeyError naming the family."""
        for test in self.tests:
            if test.name == name:
                return test
        raise KeyError(f"no test {name!r} in the family {self.name!r}")


def holm(name: str, tests: Sequence[NamedP], alpha: float = DEFAULT_ALPHA) -> HolmFamily:
    """Step-down correction that bounds the chance of any false finding in the family by alpha.

    adjusted_(i) = max over j <= i of min(1, (m - j + 1) p_(j)), p ascending, m tests with a
    p-value. Raises ValueError for a p outside [0, 1] or a name used twice. Source: Holm (1979).
    """
    names = [test.name for test in tests]
    repeated = sorted({one for one in names if names.count(one) > 1})
    if repeated:
        raise ValueError(f"the family {name!r} holds {repeated[0]!r} more than once")
    wrong = [test for test in tests if not (math.isnan(test.p) or 0 <= test.p <= 1)]
    if wrong:
        raise ValueError(f"{wrong[0].name!r} has p = {wrong[0].p}, outside [0, 1]")
    tested = sorted((test for test in tests if not math.isnan(test.p)), key=lambda test: test.p)
    adjusted: dict[str, float] = {}
    running = 0.0
    for rank, test in enumerate(tested):
        running = max(running, min(1.0, (len(tested) - rank) * test.p))
        adjusted[test.name] = running
    return HolmFamily(
        name,
        alpha,
        len(tested),
        tuple(
            AdjustedP(
                test.name,
                test.p,
                adjusted.get(test.name, math.nan),
                adjusted.get(test.name, math.inf) <= alpha,
            )
            for test in tests
        ),
    )
