"""Doctor: what this machine has, what the lab makes of it, and what is wrong."""

from __future__ import annotations

import os
import sys
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from screens.actions import Action
from screens.lab_screen import LabScreen
from screens.live import Query, Reading
from screens.safety import line
from screens.theme import STYLES
from screens.widgets.facts import Facts
from synthlab.cli.doctor import SIGNS, Finding, Terminal, examine

PLAIN_SIGNS = {"ok": "+", "note": ".", "problem": "x"}


class DoctorScreen(LabScreen[tuple[Finding, ...]]):
    """What `synthlab doctor` prints, for the terminal that the console is in."""

    CSS_PATH = STYLES / "doctor.tcss"
    PLACE = "doctor"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("doctor.again", "r", "look again", "examine everything again", "synthlab doctor"),
    )

    def body(self) -> ComposeResult:
        """How many problems, then all findings."""
        yield Static(id="head")
        findings = Facts(id="findings")
        findings.add_class("pane")
        yield findings

    def on_mount(self) -> None:
        """It scrolls by keys."""
        self.query_one("#findings").border_title = line("doctor")
        self.query_one("#findings").focus()

    def reads(self) -> Query:
        """Examined in the reader's thread: asking NVML and the packages takes a moment."""
        encoding = getattr(sys.__stdout__, "encoding", None) or "unknown"
        terminal = Terminal(self.app.size.width, self.app.size.height, encoding)

        def query(reading: Reading) -> tuple[Finding, ...]:
            return tuple(examine(reading.home, os.environ, terminal))

        return query

    def show(self, snapshot: tuple[Finding, ...]) -> None:
        """Problems stand in the head too: nobody should have to look for them."""
        problems = [one.subject for one in snapshot if one.verdict == "problem"]
        notes = sum(one.verdict == "note" for one in snapshot)
        head = self.query_one("#head", Static)
        if problems:
            head.update(line(f" wrong: {', '.join(problems)}", "bold $error"))
        else:
            noted = f", worth knowing: {notes}" if notes else ""
            head.update(line(f" nothing is wrong{noted}", "$success"))
        signs = SIGNS if self.lab.symbols != "ascii" else PLAIN_SIGNS
        self.query_one("#findings", Facts).show(
            [(f"{signs[one.verdict]} {one.subject}", one.text) for one in snapshot]
        )

    def do_again(self) -> None:
        """Now."""
        self.following.has_shown = False
        self.look_again()
        self.lab.say("looked again")
