"""Which conditions a comparison takes in, which of them is the baseline, and which is under the cursor."""

from __future__ import annotations

from screens.snapshots.compare import Basis

MOST = 6
"""More conditions than this beside each other cannot be read."""


class Conditions:
    """The choice of one screen, for one experiment and one axis at a time."""

    def __init__(self) -> None:
        self._basis: Basis | None = None
        self.axis = ""
        self.cursor = ""
        self._pinned = ""
        self._left_out: frozenset[str] = frozenset()

    def take(self, basis: Basis) -> None:
        """What there is to choose from; another experiment begins anew."""
        if self._basis is None or basis.experiment != self._basis.experiment:
            self.axis = self._pinned = ""
            self.cursor = basis.conditions[0]
            self._left_out = frozenset(basis.conditions[MOST:])
        self._basis = basis
        if self.axis not in basis.axes:
            self.axis = basis.axes[0]

    @property
    def next_axis(self) -> str:
        """The axis after the one in force, round and round."""
        axes = self._basis.axes if self._basis else ()
        place = axes.index(self.axis) if self.axis in axes else -1
        return axes[(place + 1) % len(axes)] if axes else ""

    @property
    def chosen(self) -> tuple[str, ...]:
        """Conditions that take part, the baseline first."""
        basis = self._basis
        if basis is None:
            return ()
        on_axis = basis.on(self.axis) or basis.conditions
        names = [name for name in on_axis if name not in self._left_out]
        baseline = self._pinned if self._pinned in names else next(iter(names), "")
        return tuple(sorted(names, key=lambda name: name != baseline))

    @property
    def baseline(self) -> str:
        """What all differences are taken from; empty where nothing is chosen."""
        return next(iter(self.chosen), "")

    @property
    def in_order(self) -> tuple[str, ...]:
        """All conditions as they stand beside each other: the baseline first."""
        names = self._basis.conditions if self._basis else ()
        return tuple(sorted(names, key=lambda name: name != self.baseline))

    def move(self, by: int) -> None:
        """Put the cursor on another condition."""
        names = self.in_order
        if names:
            place = names.index(self.cursor) if self.cursor in names else 0
            self.cursor = names[max(0, min(place + by, len(names) - 1))]

    def why_not_mark(self) -> str:
        """Two must stay; more than a few cannot be read."""
        chosen = self.chosen
        if not self.cursor:
            return "there is no condition"
        if self.cursor in chosen:
            return "" if len(chosen) > 2 else "two conditions must stay"
        if self.cursor not in (self._basis.on(self.axis) if self._basis else ()):
            return f"{self.cursor} is not measured on this axis yet"
        return "" if len(chosen) < MOST else f"{MOST} conditions at most; take one out first"

    def mark(self) -> None:
        """Take the condition under the cursor in, or leave it out."""
        self._left_out ^= {self.cursor}

    def why_not_pin(self) -> str:
        """It must take part."""
        return "" if self.cursor in self.chosen else f"{self.cursor} is left out; space takes it in"

    def pin(self) -> None:
        """The condition under the cursor is the baseline of every difference."""
        self._pinned = self.cursor
