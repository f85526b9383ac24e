"""Stopping and continuing whole experiments, from any screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.live import Reading
from screens.widgets.confirm import Confirm
from storage.catalog.queries import experiment_steps
from synthlab.cli.words import many

if TYPE_CHECKING:
    from screens.app import LabApp

UNFINISHED = ("queued", "starting", "running")
ENDED_BADLY = ("failed", "interrupted", "cancelled", "unknown")


async def runs_in(app: LabApp, experiment: str, states: tuple[str, ...]) -> list[str]:
    """Ids of the experiment's runs that are in one of the states."""

    def read(reading: Reading) -> list[str]:
        steps = experiment_steps(reading.catalog, experiment)
        return list(dict.fromkeys(step["id"] for step in steps if step["state"] in states))

    looked = await app.reader.look(read, -1, force=True)
    found: list[str] = looked.snapshot
    return found


def stop_experiment(app: LabApp, experiment: str) -> None:
    """Ask, then stop everything of the experiment that runs or waits."""

    async def stop() -> None:
        runs = await runs_in(app, experiment, UNFINISHED)
        if runs:
            await app.requests.stop(runs)
        app.say(
            f"{experiment}: {many(len(runs), 'run')} told to stop with their work saved; r continues"
        )

    def answered(yes: bool | None) -> None:
        if yes:
            app.run_worker(stop(), exit_on_error=False)

    app.push_screen(
        Confirm(
            f"Stop everything of {experiment}?",
            "Running jobs save their work and end, queued ones leave the queue. Nothing is deleted; "
            "retry continues where they were.",
            "Stop all",
        ),
        answered,
    )


async def retry_experiment(app: LabApp, experiment: str) -> None:
    """Queue again whatever of the experiment ended badly."""
    runs = await runs_in(app, experiment, ENDED_BADLY)
    if not runs:
        app.say(f"{experiment}: nothing ended badly", "warning")
        return
    await app.requests.retry(runs)
    app.say(f"{experiment}: {many(len(runs), 'run')} queued again, to continue where they were")
