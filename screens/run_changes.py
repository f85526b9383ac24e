"""What can be done to runs from the list and from the screen of one: stop, retry, remove, priority."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from screens.actions import Action
from screens.live import start
from screens.stop_and_retry import ENDED_BADLY, UNFINISHED
from screens.widgets.confirm import Confirm
from storage.errors import StorageError
from synthlab.cli.words import many
from synthlab.errors import SynthlabError

if TYPE_CHECKING:
    from screens.lab_screen import LabScreen


class AffectedRun(Protocol):
    """What has to be known of a run that is to be changed."""

    @property
    def run_id(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def priority(self) -> int: ...


def change_actions(screen: str) -> tuple[Action, ...]:
    """The actions, under the ids of a screen."""
    return (
        Action(
            f"{screen}.stop",
            "x",
            "stop",
            "stop the marked or chosen runs with their work saved",
            "synthlab stop {run}",
            writes=True,
        ),
        Action(
            f"{screen}.retry",
            "r",
            "retry",
            "queue the marked or chosen runs again, to continue where they were",
            "synthlab retry {run}",
            writes=True,
        ),
        Action(
            f"{screen}.remove",
            "delete,backspace",
            "remove",
            "delete runs that nothing uses, after asking",
            "synthlab rm {run} --yes",
            writes=True,
            hidden=True,
        ),
        Action(
            f"{screen}.raise",
            "plus,equals_sign",
            "sooner",
            "raise the priority of queued runs",
            "synthlab priority {run} {higher}",
            writes=True,
            hidden=True,
        ),
        Action(
            f"{screen}.lower",
            "minus",
            "later",
            "lower the priority of queued runs",
            "synthlab priority {run} {lower}",
            writes=True,
            hidden=True,
        ),
    )


class RunChanges:
    """For a screen that can say which runs are meant: mix it in before LabScreen."""

    def affected(self) -> Sequence[AffectedRun]:
        """The runs that an action would change."""
        raise NotImplementedError

    @property
    def _screen(self) -> LabScreen[object]:
        return cast("LabScreen[object]", self)

    def change_words(self) -> dict[str, str]:
        """What the command lines of these actions may name."""
        runs = self.affected()
        if not runs:
            return {}
        priority = runs[0].priority
        return {"run": runs[0].run_id, "higher": str(priority + 1), "lower": str(priority - 1)}

    def supervise(self) -> None:
        """Something is unfinished: see that a supervisor lives."""
        start(self._screen, self._screen.lab.supervise, "supervise")

    def _in(self, states: Sequence[str]) -> list[AffectedRun]:
        return [run for run in self.affected() if run.state in states]

    def _none_in(self, states: Sequence[str], what: str) -> str:
        runs = self.affected()
        if not runs:
            return "no run is chosen"
        if self._in(states):
            return ""
        return _as_it_is(runs[0].state) if len(runs) == 1 else f"none of {len(runs)} runs {what}"

    def why_not_stop(self) -> str:
        """Only what runs or waits can be stopped."""
        return self._none_in(UNFINISHED, "runs or waits")

    async def do_stop(self) -> None:
        """Their work is saved."""
        runs = self._in(UNFINISHED)
        lab = self._screen.lab
        await lab.requests.stop([run.run_id for run in runs])
        lab.say(f"{_named(runs)}: told to stop with the work saved; r continues")

    def why_not_retry(self) -> str:
        """Only what ended without success can be continued."""
        return self._none_in(ENDED_BADLY, "ended badly")

    async def do_retry(self) -> None:
        """They continue where they were."""
        runs = self._in(ENDED_BADLY)
        lab = self._screen.lab
        answer = await lab.requests.retry([run.run_id for run in runs])
        lab.say(f"{_named(runs)}: {many(len(answer['queued']), 'run')} queued again")

    def why_not_remove(self) -> str:
        """Not under a living job."""
        runs = self.affected()
        if not runs:
            return "no run is chosen"
        alive = [run for run in runs if run.state in ("starting", "running")]
        return f"{alive[0].label} is {alive[0].state}; x stops it first" if alive else ""

    def do_remove(self) -> None:
        """Asks first: what is deleted is gone."""
        runs = list(self.affected())
        lab = self._screen.lab

        async def remove() -> None:
            try:
                await lab.requests.remove(runs=[run.run_id for run in runs])
            except (SynthlabError, StorageError) as error:
                lab.say(str(error), "error")
            else:
                lab.say(f"{_named(runs)}: deleted")

        def answered(yes: bool | None) -> None:
            if yes:
                start(self._screen, remove, "remove")

        names = "\n".join(f"{run.label}  {run.run_id}" for run in runs[:8])
        more = f"\nand {len(runs) - 8} more" if len(runs) > 8 else ""
        lab.push_screen(
            Confirm(
                f"Delete {_named(runs)} from disk?",
                f"{names}{more}\nIts published files, log and results are gone for good. A run that an "
                "experiment or another run uses is refused.",
                "Delete",
            ),
            answered,
        )

    def why_not_raise(self) -> str:
        """Only a queued run has a place in the queue."""
        return self._none_in(("queued",), "is queued")

    why_not_lower = why_not_raise

    async def do_raise(self) -> None:
        """One sooner."""
        await self._prioritise(1)

    async def do_lower(self) -> None:
        """One later."""
        await self._prioritise(-1)

    async def _prioritise(self, by: int) -> None:
        runs = self._in(("queued",))
        lab = self._screen.lab
        for priority in sorted({run.priority + by for run in runs}):
            chosen = [run.run_id for run in runs if run.priority + by == priority]
            await lab.requests.prioritise(chosen, priority)
        lab.say(f"{_named(runs)}: priority {runs[0].priority + by:+d}; higher goes first")


def _named(runs: Sequence[AffectedRun]) -> str:
    return runs[0].label if len(runs) == 1 else many(len(runs), "run")


def _as_it_is(state: str) -> str:
    return f"it has {state}" if state in ("succeeded", "failed") else f"it is {state}"
