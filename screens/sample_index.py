"""The index of an experiment's answers: opened or built beside the event loop, one for what there is now."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.screen import Screen

from screens.live import start
from screens.snapshots.samples import build_index
from storage.errors import StorageError
from synthlab.errors import SynthlabError

if TYPE_CHECKING:
    from screens.app import LabApp
    from synthlab.analysis.samples import SampleIndex


class IndexOpener:
    """Opens the index that a screen needs.

    `opened` is called on the event loop with an index that can be read, `told` when there is more to say.
    """

    def __init__(
        self,
        owner: Screen[None],
        app: LabApp,
        opened: Callable[[SampleIndex], None],
        told: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._app = app
        self._opened = opened
        self._told = told
        self._wanted = ("", "")
        """Experiment and content of the index that was asked for last."""
        self._content = ""
        """What the open index was made of."""
        self.index: SampleIndex | None = None
        self.progress = ""
        """How far it is, or why there is none."""

    def want(self, experiment: str, content: str) -> None:
        """See that the open index is the one of this content."""
        wanted = (experiment, content)
        if content != self._content and wanted != self._wanted:
            self._wanted = wanted
            start(self._owner, self._open, "index")

    async def _open(self) -> None:
        home, loop = self._app.requests.home, asyncio.get_running_loop()
        wanted = self._wanted
        experiment, content = wanted

        def tell(done: int, total: int, what: str) -> None:
            text = f"building the index: {min(done + 1, total)} of {total}, {what} …"
            loop.call_soon_threadsafe(self._say, text)

        try:
            found = await self._app.requests.in_thread(lambda: build_index(home, experiment, tell))
        except (SynthlabError, StorageError, sqlite3.Error, OSError) as error:
            self._say(str(error))
            return
        except Exception as error:  # noqa: BLE001 - rows nobody foresaw must not end the console
            self._say(f"this cannot be shown ({type(error).__name__}: {error})")
            self._app.note_defect(error)
            return
        if wanted != self._wanted or not self._owner.is_attached:
            found.close()
            return
        self.index, self._content, self.progress = found, content, ""
        self._opened(found)

    def _say(self, text: str) -> None:
        self.progress = text
        if self._owner.is_attached:
            self._told()
