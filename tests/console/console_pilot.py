"""Driving the console in tests: a fixed clock, plain-text frames, and waiting for what happens in threads."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.containers import Vertical
from textual.pilot import Pilot
from textual.screen import ModalScreen

from screens.app import LabApp
from screens.lab_screen import LabScreen
from screens.preferences import Preferences
from storage.home import LabHome
from tests.console.seeded import NOW

FRAMES = Path(__file__).parent / "frames"
SIZES = ((80, 24), (120, 40), (200, 60))
UPDATE = "SYNTHLAB_UPDATE_FRAMES"


def frame(app: LabApp) -> str:
    """What stands on the screen, line by line, without colours."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


def box_frame(app: LabApp) -> str:
    """The box of a screen that lies over another, without what is seen around it."""
    strips = app.screen._compositor.render_strips()
    box = app.screen.query(Vertical).first().region
    inside = [" " * box.x + strip.crop(box.x, box.right).text for strip in strips]
    lines = [*[""] * box.y, *inside[box.y : box.bottom], *[""] * (len(strips) - box.bottom)]
    return "\n".join(one.rstrip() for one in lines) + "\n"


async def settle(pilot: Pilot[None], patience_s: float = 20.0) -> None:
    """Wait until nothing is read, drawn or asked for any more."""
    app = pilot.app
    deadline = time.monotonic() + patience_s
    quiet = 0
    while quiet < 3:
        await pilot.pause(0.02)
        screen = app.screen
        is_reading = isinstance(screen, LabScreen) and screen.following.is_reading
        works = any(not worker.is_finished for worker in app.workers)
        # On a full machine a pause may pass before a message has come through the widgets it leads through.
        waits = any(
            node.message_queue_size for node in (app, *screen.walk_children(with_self=True))
        )
        # A layout that is due brings sizes, and these bring new drawings.
        is_due = screen._layout_required or screen._callbacks
        busy = is_reading or works or waits or is_due
        quiet = 0 if busy else quiet + 1
        if time.monotonic() > deadline:
            raise TimeoutError(f"the console did not come to rest:\n{frame(app)}")  # type: ignore[arg-type]


def drive(
    home: LabHome,
    act: Callable[[Pilot[None], LabApp], Awaitable[None]],
    *,
    size: tuple[int, int] = (80, 24),
    readonly: bool = True,
    symbols: str = "braille",
    experiment: str | None = None,
    clock: Callable[[], float] = lambda: NOW,
) -> None:
    """Open the console on a lab home, let it come to rest, and do `act`."""

    async def run() -> None:
        app = LabApp(
            home,
            preferences=Preferences(),
            preferences_path=home.root / "console.toml",
            symbols=symbols,
            readonly=readonly,
            experiment=experiment,
            clock=clock,
        )
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await act(pilot, app)

    asyncio.run(run())


def check_frame(app: LabApp, name: str) -> None:
    """Compare the screen with the frame kept in the repository; SYNTHLAB_UPDATE_FRAMES=1 rewrites it."""
    width, height = app.size
    path = FRAMES / f"{name}-{width}x{height}.txt"
    now = box_frame(app) if isinstance(app.screen, ModalScreen) else frame(app)
    if os.environ.get(UPDATE):
        path.write_text(now, encoding="utf-8")
        return
    kept = path.read_text(encoding="utf-8")
    assert now == kept, f"{path.name} differs; the screen is now:\n{now}"
