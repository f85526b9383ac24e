"""Asking for a path, with what is in the folder as suggestions."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from screens.safety import line


class PathSuggester(Suggester):
    """The first entry of the folder that goes on like what is typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Complete a path; None where nothing fits."""
        typed = Path(value).expanduser()
        folder = typed if value.endswith("/") else typed.parent
        stem = "" if value.endswith("/") else typed.name
        try:
            names = sorted(p for p in folder.iterdir() if p.name.startswith(stem))
        except OSError:
            return None
        fitting = [p for p in names if p.is_dir() or p.suffix == ".toml"]
        if not fitting or not fitting[0].name.isprintable():
            return None
        base = value[: len(value) - len(stem)]
        return base + fitting[0].name + ("/" if fitting[0].is_dir() else "")


class AskPath(ModalScreen[Path | None]):
    """`enter` takes the path, `escape` gives none."""

    DEFAULT_CSS = """
    AskPath { align: center middle; }
    AskPath > Vertical { width: 80; max-width: 95%; height: auto; border: round $accent; padding: 0 1;
        background: $surface; }
    AskPath Input { border: none; height: 1; padding: 0; }
    """
    BINDINGS = [("escape", "dismiss(None)", "back")]

    def __init__(self, question: str, suggested: Path, *, is_new: bool) -> None:
        super().__init__()
        self._question = question
        self._suggested = suggested
        self._is_new = is_new

    def compose(self) -> ComposeResult:
        """One line to type into."""
        value = str(self._suggested) + ("/" if self._suggested.is_dir() else "")
        with Vertical() as box:
            box.border_title = line(self._question)
            box.border_subtitle = line("enter: yes   →: complete   esc: back")
            made = Input(value, suggester=PathSuggester(), compact=True, select_on_focus=False)
            made.cursor_blink = False
            yield made
            yield Static(id="answer")

    def on_mount(self) -> None:
        """Type at the end."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take it, unless it is no file name or would overwrite what was not opened."""
        event.stop()
        path = Path(event.value).expanduser()
        why = self.refusal(path)
        if why:
            self.query_one("#answer", Static).update(line(f"! {why}", "$warning"))
        else:
            self.dismiss(path)

    def refusal(self, path: Path) -> str:
        """What speaks against a path; empty if it can be taken."""
        if path.suffix != ".toml":
            return "the name of an experiment file ends in .toml"
        if self._is_new and path.exists():
            return "there is a file of that name already; choose another"
        return ""
