"""Comparisons worked out beside the event loop: asked for once, kept, given up when nobody waits."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.dom import DOMNode

from screens.live import start
from screens.snapshots.compare import Answer, Question, answer, plane
from storage.errors import StorageError
from synthlab.errors import SynthlabError

if TYPE_CHECKING:
    from screens.app import LabApp
    from synthlab.analysis.charts.descriptions import Chart

MOST_KEPT = 24
"""Answers kept for going back and forth; each is small."""
PAUSE_S = 0.15
"""The cursor may be on its way to another metric."""


class AbandonedError(Exception):
    """Nobody waits for this comparison any more."""


class Comparer:
    """The comparisons of one screen. `changed` is called on the event loop when there is more to show."""

    def __init__(self, owner: DOMNode, app: LabApp, changed: Callable[[], None]) -> None:
        self._owner = owner
        self._app = app
        self._changed = changed
        self._abandon = threading.Event()
        self._answers: dict[Question, Answer] = {}
        self._planes: dict[tuple[Question, str], Chart | str] = {}
        self._plane_asked: tuple[Question, str] | None = None
        self.asked: Question | None = None
        self.failed = ""
        """Why there is no answer to what was asked."""
        self.progress = ""

    @property
    def answer(self) -> Answer | None:
        """To what was asked last; None as long as there is none."""
        return self._answers.get(self.asked) if self.asked is not None else None

    def ask(self, question: Question) -> None:
        """Work it out unless it is known; what was asked before is given up."""
        if question == self.asked:
            return
        self.asked = question
        self.failed = self.progress = ""
        self.close()
        self._abandon = threading.Event()
        if len(question.conditions) < 2:
            only = question.conditions[0] if question.conditions else "none"
            self.failed = f"a comparison needs two measured conditions; here is {only}"
        elif question not in self._answers:
            start(self._owner, self._compare, "compare")

    def close(self) -> None:
        """The threads need not go on."""
        self._abandon.set()

    async def _compare(self) -> None:
        question, home = self.asked, self._app.requests.home
        if question is None:
            return
        progress = self._teller(question)
        try:
            found = await self._app.requests.in_thread(lambda: answer(home, question, progress))
        except AbandonedError:
            return
        except (SynthlabError, StorageError, sqlite3.Error, OSError) as error:
            self._fail(question, str(error))
            return
        except Exception as error:  # noqa: BLE001 - rows nobody foresaw must not end the console
            self._app.note_defect(error)
            self._fail(question, f"this cannot be compared ({type(error).__name__}: {error})")
            return
        while len(self._answers) >= MOST_KEPT:
            self._answers.pop(next(iter(self._answers)))
        self._answers[question] = found
        self._changed()

    def _fail(self, question: Question, why: str) -> None:
        if question == self.asked:
            self.failed, self.progress = why, ""
            self._changed()

    def _teller(self, question: Question) -> Callable[[int, int, str], None]:
        """What the thread calls between two metrics: it says how far it is, or ends it."""
        loop, abandon = asyncio.get_running_loop(), self._abandon

        def tell(done: int, total: int, what: str) -> None:
            if abandon.is_set():
                raise AbandonedError
            text = f"comparing {min(done + 1, total)} of {total}: {what}"
            loop.call_soon_threadsafe(self._told, question, text)

        return tell

    def _told(self, question: Question, text: str) -> None:
        if question == self.asked and self.answer is None:
            self.progress = text
            self._changed()

    # Two metrics at once

    def plane(self, metric: str) -> Chart | str:
        """The conditions by two metrics, or what to say as long as there is no such chart."""
        if self.asked is None:
            return "nothing is compared yet"
        wanted = (self.asked, metric)
        if wanted not in self._planes and wanted != self._plane_asked:
            self._plane_asked = wanted
            start(self._owner, self._find_plane, "plane", exclusive=True)
        return self._planes.get(wanted, "working out the plane …")

    async def _find_plane(self) -> None:
        wanted, home = self._plane_asked, self._app.requests.home
        if wanted is None:
            return
        question, metric = wanted
        await asyncio.sleep(PAUSE_S)
        progress = self._teller(question)
        try:
            self._planes[wanted] = await self._app.requests.in_thread(
                lambda: plane(home, question.experiment, metric or None, progress)
            )
        except AbandonedError:
            self._plane_asked = None
            return
        except (SynthlabError, StorageError, sqlite3.Error, OSError) as error:
            self._planes[wanted] = str(error)
        self._changed()
