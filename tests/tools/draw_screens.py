"""Draw the screens of the README: `python -m tests.tools.draw_screens HOME docs/screens [NAME ...]`.

HOME is a lab in which an experiment has run, or runs; the pictures are what the console shows of it.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from textual.pilot import Pilot

from screens.app import LabApp
from screens.preferences import Preferences
from storage.home import LabHome
from tests.console.console_pilot import settle

SIZE = (120, 36)
FONTS = re.compile(r"@font-face\s*{[^}]*}")
"""The framework's pictures load fonts from the network; ours take what the reader has."""

Visit = Callable[[Pilot[None], LabApp], Awaitable[None]]


async def _overview(pilot: Pilot[None], app: LabApp) -> None:
    app.go_to("overview")


async def _launch(pilot: Pilot[None], app: LabApp) -> None:
    app.go_to("launch")
    await settle(pilot)
    await pilot.press("p")


async def _run(pilot: Pilot[None], app: LabApp) -> None:
    from screens.run import RunScreen
    from storage.catalog.queries import experiment_steps

    def read(reading):  # type: ignore[no-untyped-def]
        steps = experiment_steps(reading.catalog, app.experiment or "")
        return next(step["id"] for step in steps if step["kind"] == "finetune")

    looked = await app.reader.look(read, -1, force=True)
    app.push_screen(RunScreen(looked.snapshot))


async def _compare(pilot: Pilot[None], app: LabApp) -> None:
    app.go_to("compare")


async def _samples(pilot: Pilot[None], app: LabApp) -> None:
    app.go_to("samples")


VISITS: dict[str, Visit] = {
    "overview": _overview,
    "launch": _launch,
    "run": _run,
    "compare": _compare,
    "samples": _samples,
}


async def _draw(home: LabHome, folder: Path, names: Sequence[str]) -> None:
    app = LabApp(
        home,
        preferences=Preferences(),
        preferences_path=folder / "console.toml",
        symbols="braille",
        readonly=True,
        clock=time.time,
    )
    folder.mkdir(parents=True, exist_ok=True)
    async with app.run_test(size=SIZE) as pilot:
        for name in names:
            await settle(pilot, 120)
            await VISITS[name](pilot, app)
            await pilot.pause(0.5)
            await settle(pilot, 300)
            picture = FONTS.sub("", app.export_screenshot(title=f"synthlab, {name}"))
            (folder / f"{name}.svg").write_text(picture, encoding="utf-8")
            print(name)


if __name__ == "__main__":
    asyncio.run(_draw(LabHome(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3:] or list(VISITS)))
