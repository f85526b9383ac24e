"""When a training is probed: as often as asked, or rarer where that would cost too much of its time."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from storage import durable

POINTS = 10
"""Probes of a training where nobody says how many."""
WARM_UP_STEPS = 3
"""Training steps before the first probe; all but the first, which also allocates, are timed."""
SHORTEST_S = 1e-6
"""Of a step: a clock may stand still where a step is over at once."""
REFERENCE_SHARE = 0.5
"""Part of the time of all probes that the first may take: with more, no other would have room."""


def usual_spacing(total_steps: int) -> int:
    """Steps between two probes where the file says nothing."""
    return max(1, total_steps // POINTS)


def points_after(spacing: int, step: int, total_steps: int) -> int:
    """Probes still to come after `step`: at the multiples of the spacing, and after the last step."""
    return (total_steps - 1) // spacing - step // spacing + 1 if step < total_steps else 0


def affordable_spacing(
    wanted: int, step: int, total_steps: int, *, probe_s: float, left_s: float
) -> int | None:
    """The narrowest spacing of 1, 2, 4, … times the wanted one whose probes take at most `left_s`.

    Doubling keeps the points of one run among those of another, so that seeds can be averaged. The
    total number of steps where only the probe after the last step fits, None where not even that.
    """
    affordable = int(left_s / probe_s) if probe_s > 0 else total_steps
    spacing = wanted
    while spacing < total_steps:
        if points_after(spacing, step, total_steps) <= affordable:
            return spacing
        spacing *= 2
    return total_steps if affordable >= 1 or step >= total_steps else None


@dataclass(frozen=True)
class ProbeState:
    """What a continued training knows of its probes, so that it repeats none and leaves none out."""

    spacing: int | None = None
    """Steps between two probes; None if there are to be no more."""
    done: tuple[int, ...] = ()
    """Steps whose numbers are reported, step 0 the base model's."""
    spent_s: float = 0.0
    """Seconds that all probes took."""
    timed_s: float = 0.0
    """Seconds of the training steps that were timed."""
    timed_steps: int = 0

    @property
    def has_begun(self) -> bool:
        """Whether the spacing was settled, even if on no probes at all."""
        return self.timed_steps > 0

    @property
    def step_s(self) -> float:
        """Seconds of a training step, on average."""
        return max(self.timed_s / self.timed_steps, SHORTEST_S) if self.timed_steps else 0.0

    @property
    def probe_s(self) -> float:
        """Seconds of a probe, on average."""
        return self.spent_s / len(self.done) if self.done else self.spent_s

    def is_due(self, step: int, total_steps: int) -> bool:
        """Whether the training is to be probed after this step."""
        if self.spacing is None or step in self.done or step < 1:
            return False
        return step >= total_steps or step % self.spacing == 0

    def settle(self, wanted: int, step: int, total_steps: int, share: float) -> Self:
        """The state with the spacing that what was measured so far allows for the steps to come."""
        left = share * self.step_s * total_steps - self.spent_s
        spacing = affordable_spacing(wanted, step, total_steps, probe_s=self.probe_s, left_s=left)
        return replace(self, spacing=spacing)

    def with_point(self, step: int) -> Self:
        """The state once the numbers of a step are reported."""
        return replace(self, done=(*self.done, step))

    def write(self, path: Path) -> None:
        """Keep it; call when the numbers it speaks of are on disk."""
        durable.write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        """What an earlier attempt kept; a fresh state if there was none."""
        if not path.is_file():
            return cls()
        kept = durable.read_json(path)
        return cls(**{**kept, "done": tuple(kept["done"])})
