"""Writing a report from a screen: in a thread, told in the message line."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from screens.live import start
from storage.errors import StorageError
from synthlab.errors import SynthlabError

if TYPE_CHECKING:
    from screens.app import LabApp


def write_into(app: LabApp, experiment: str, folder: Path) -> None:
    """Write the report of an experiment into a folder; the message line tells how it goes."""
    loop, home = asyncio.get_running_loop(), app.requests.home

    def tell(text: str) -> None:
        loop.call_soon_threadsafe(app.say, text)

    async def write() -> None:
        from synthlab.report.writing import write_report

        try:
            done = await app.requests.in_thread(
                lambda: write_report(home, experiment, folder, say=tell)
            )
        except (SynthlabError, StorageError, sqlite3.Error, OSError) as error:
            app.say(str(error), "error")
            return
        app.say(f"{done.page}: {done.figures} figures, {done.tables} tables, {done.files} files")

    start(app, write, "report")
