"""Probing as part of a training: when it happens, what is reported, and what a kill leaves behind."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from transformers import TrainerCallback

from synthlab.errors import JobError
from synthlab.experiment.probes import REFERENCE_STEP
from synthlab.jobs.context import JobContext
from synthlab.jobs.probe_measures import Number, gaps, point_of
from synthlab.jobs.probe_schedule import (
    REFERENCE_SHARE,
    WARM_UP_STEPS,
    ProbeState,
    usual_spacing,
)
from synthlab.jobs.probes import ProbeAbandoned, Prober
from synthlab.metrics.catalog import Axis

_Found = Mapping[Axis, list[Number]]
STATE = "probes.json"
"""In work/: what was probed before a stop or a kill."""


@dataclass(frozen=True)
class ProbeSummary:
    """What the output says of its run's probes."""

    points: int
    every: int | None
    seconds: float
    share: float
    """Of the time of the training steps."""


class ProbeCallback(TrainerCallback):  # type: ignore[misc]  # transformers ships no types
    """Probes the base model once the cost of a training step is known, then the model in training.

    Stands before the callback that stops and saves: a probe that is due at a step is over, or given
    up because the run is to stop, before the state of that step is saved.
    """

    def __init__(
        self,
        context: JobContext,
        prober: Prober,
        probe: Mapping[str, Any],
        spent: Callable[[float], None],
    ) -> None:
        """spent: told the seconds of each probe, for clocks that measure the training alone."""
        self._context = context
        self._prober = prober
        self._every: int | None = probe["every"]
        self._share = float(probe["share"])
        self._spent = spent
        self._path = context.work / STATE
        self._state = ProbeState.read(self._path)
        self._begun: float | None = None
        self._resumed = False
        self._steps = 0
        self._timed_s: list[float] = []
        """Seconds of the steps that the state does not count yet."""
        self._said: set[str] = set()

    def summary(self, steps: int) -> ProbeSummary | None:
        """What was done; None where nothing was."""
        state = self._state
        if not state.has_begun:
            return None
        share = state.spent_s / (state.step_s * steps)
        return ProbeSummary(len(state.done), state.spacing, state.spent_s, share)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Make up for the probe that a stop came before."""
        self._resumed = state.global_step > 0
        if self._state.has_begun:
            self._probe_if_due(state.global_step, state.max_steps)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock of the step."""
        self._begun = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Time the step; probe if it is time to."""
        step, total = state.global_step, state.max_steps
        # A continued attempt may not warm up past a step that an unbroken one would probe.
        now = step >= total or (self._resumed and step % self._wanted(total) == 0)
        self._time_step(even_first=now)
        if not self._state.has_begun and (now or self._steps >= WARM_UP_STEPS):
            self._begin(step, total)
        if self._state.has_begun and step < total:
            self._probe_if_due(step, total)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Probe what was trained, also if it ended early, and say what the probes cost."""
        step = state.global_step
        stopped = self._context.stopping and step < state.max_steps
        if stopped or not self._state.has_begun:
            return
        self._probe_if_due(step, step)
        done = self.summary(step)
        if done is not None and done.points:
            self._context.note(
                f"{done.points} probes took {done.seconds:.1f} s,"
                f" {100 * done.share:.1f} % of the time of the training steps"
            )

    def _wanted(self, total: int) -> int:
        return min(self._every or usual_spacing(total), total)

    def _time_step(self, *, even_first: bool) -> None:
        """The first step of an attempt also allocates; it counts only where there is no other."""
        self._steps += 1
        if self._begun is not None and (self._steps > 1 or even_first):
            self._timed_s.append(time.monotonic() - self._begun)

    def _timed(self) -> ProbeState:
        """The state with all steps that were timed until now."""
        state, new = self._state, self._timed_s
        self._timed_s = []
        return replace(
            state, timed_s=state.timed_s + sum(new), timed_steps=state.timed_steps + len(new)
        )

    def _begin(self, step: int, total: int) -> None:
        """Measure the base model, and settle how often the rest can be afforded."""
        timed = self._timed()
        room = REFERENCE_SHARE * self._share * timed.step_s * total
        found, seconds = self._measure(adapted=False, until=time.monotonic() + room)
        if found is None and self._context.stopping:
            return
        timed = replace(timed, spent_s=seconds)
        if found is None:
            self._state = timed
            self._say_given_up(total)
        else:
            self._report(REFERENCE_STEP, found)
            wanted = self._wanted(total)
            self._state = timed.with_point(REFERENCE_STEP).settle(wanted, step, total, self._share)
            self._say_spacing(wanted, total)
        self._keep()

    def _probe_if_due(self, step: int, total: int) -> None:
        if not self._state.is_due(step, total):
            return
        found, seconds = self._measure(adapted=True, until=math.inf)
        if found is None and self._context.stopping:
            return
        state = self._timed()
        state = replace(state, spent_s=state.spent_s + seconds)
        if found is None:
            self._state = replace(state, spacing=None)
        else:
            self._report(step, found)
            before = state.spacing or total
            self._state = state.with_point(step)
            if step < total:
                self._state = self._state.settle(before, step, total, self._share)
                self._say_spacing(before, total)
        self._keep()

    def _measure(self, *, adapted: bool, until: float) -> tuple[_Found | None, float]:
        """The numbers and the seconds they took; None where the probe was given up."""
        began = time.monotonic()
        found: _Found | None = None
        try:
            found = self._prober.measure(
                adapted=adapted, until=until, stopping=lambda: self._context.stopping
            )
        except ProbeAbandoned:
            pass
        except JobError as error:
            # Whatever keeps a model from being probed need not keep it from being trained.
            self._say("broken", f"no more probes: {error.message}")
        seconds = time.monotonic() - began
        self._spent(seconds)
        return found, seconds

    def _report(self, step: int, found: _Found) -> None:
        values: dict[str, float] = {}
        for axis, numbers in found.items():
            values |= point_of(axis, numbers)
            for name, text in gaps(axis, numbers).items():
                self._say(name, text)
        self._context.metric(step, values)

    def _say_given_up(self, total: int) -> None:
        if "broken" not in self._said:
            state = self._state
            self._context.note(
                f"no probes: the first was given up after {state.spent_s:.2g} s, and all together may"
                f" take {100 * self._share:g} % of {total} steps of {state.step_s:.2g} s; lower prompts"
                " or max_new_tokens of probe in the file, or raise its share"
            )

    def _say_spacing(self, wanted: int, total: int) -> None:
        state = self._state
        if state.spacing == wanted:
            return
        when = {None: "no more probes", total: "a probe only after the last step"}
        then = when.get(state.spacing, f"probes every {state.spacing} steps")
        self._context.note(
            f"{then} instead of every {wanted}: one takes {state.probe_s:.2g} s, a training step"
            f" {state.step_s:.2g} s, and probes may take {100 * self._share:g} % of the training"
        )

    def _say(self, what: str, text: str) -> None:
        """Say it once: the same gap comes back at every step."""
        if what not in self._said:
            self._said.add(what)
            self._context.note(text)

    def _keep(self) -> None:
        # The numbers must be on disk before the file that says so.
        self._context.sync()
        self._state.write(self._path)
