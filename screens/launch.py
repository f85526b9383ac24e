"""Launch: choose a recipe or a file, edit it in place, see the plan with its reasons, start it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static, TextArea

from screens.actions import Action
from screens.lab_screen import PANE_ACTIONS, LabScreen
from screens.launch_words import (
    FileRow,
    PlanRow,
    file_columns,
    plan_columns,
    plan_rows,
    plan_title,
    problem_lines,
)
from screens.live import Query
from screens.safety import joined, line
from screens.snapshots.launch import Choices, read_choices
from screens.theme import STYLES
from screens.widgets.experiment_editor import ExperimentEditor
from screens.widgets.facts import Facts
from screens.widgets.lab_table import LabTable
from storage import durable
from synthlab.errors import SynthlabError
from synthlab.execution.planning import Planned, plan_text
from synthlab.experiment.recipes import recipe_folder

VALIDATE_AFTER_S = 0.4
"""How long nothing was typed before the text is read again."""


class LaunchScreen(LabScreen[Choices]):
    """From a file to queued runs."""

    CSS_PATH = STYLES / "launch.tcss"
    PLACE = "launch"
    PANES = ("files-pane", "editor-pane", "plan-pane")
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("launch.edit", "enter", "edit", "edit the chosen file here"),
        Action(
            "launch.plan", "p", "plan", "what a start would do, and why", "synthlab plan {file}"
        ),
        Action(
            "launch.go", "g", "start", "queue what is not done yet", "synthlab run {file}", True
        ),
        Action("launch.save", "w", "save", "write the edited text to a file", "", True),
        Action("launch.revert", "u", "revert", "the text as it is in the file", hidden=True),
        Action("launch.find", "slash", "open", "open an experiment file by its path"),
        *PANE_ACTIONS,
    )

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._on_disk = ""
        self._planned: Planned | None = None
        self._problems = ""
        self._pause: Timer | None = None
        self._is_filled = False
        """Whether the cursor has come to the first file of the list, which nobody chose."""

    def body(self) -> ComposeResult:
        """Files left, the text in the middle, the plan below."""
        with Horizontal(id="upper"):
            with Vertical(id="files-pane", classes="pane"):
                yield LabTable[FileRow](file_columns(), id="files")
            with Vertical(id="editor-pane", classes="pane"):
                yield ExperimentEditor(id="editor")
                yield Facts(id="problems")
        with Vertical(id="plan-pane", classes="pane"):
            yield Static(
                line(" p plans: which steps are done, which would run, why, and what they cost")
            )
            yield LabTable[PlanRow](plan_columns(), id="plan")

    def on_mount(self) -> None:
        """Titles; nothing is chosen yet."""
        self.query_one("#files-pane").border_title = line("1 recipes and files")
        self.query_one("#editor-pane").border_title = line("2 experiment file")
        self.query_one("#plan-pane").border_title = line("3 plan")
        self.query_one("#files").focus()

    def reads(self) -> Query:
        """Recipes, files in this folder, files of earlier experiments."""
        folder = Path.cwd()
        return lambda reading: read_choices(reading, folder)

    def show(self, snapshot: Choices) -> None:
        """The list; the first recipe is opened so that the screen is never empty."""
        table = self.query_one("#files", LabTable)
        table.show({row.key: row for row in snapshot.files})
        if self._path is None and snapshot.files:
            self._open(Path(snapshot.files[0].path))

    # The file in the editor

    def on_lab_table_chosen(self, event: LabTable.Chosen) -> None:
        """Walking through the list shows each file, unless edited text would be lost."""
        event.stop()
        row = event.table.chosen_row
        if event.table.id != "files" or not isinstance(row, FileRow):
            return
        first, self._is_filled = not self._is_filled, True
        if first and self._path is not None:
            return  # a file that another place led here with stays open
        if self._is_edited():
            self.lab.say("the edited text stays: w saves it, u takes it back", "warning")
            return
        self._open(Path(row.path))

    def on_lab_table_opened(self, event: LabTable.Opened) -> None:
        """`enter` on a file goes into its text."""
        event.stop()
        if event.table.id == "files":
            self.do_edit()

    def open_file(self, path: Path) -> None:
        """Another place of the console leads here with a file."""
        self._open(path)

    def _open(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            self.lab.say(f"{path}: {getattr(error, 'strerror', None) or error}", "error")
            return
        self._path, self._on_disk, self._planned = path, text, None
        self._show_plan()
        self.query_one(ExperimentEditor).load_text(text)
        self._tell_title()
        self._validate()

    def _is_edited(self) -> bool:
        return self._path is not None and self._text() != self._on_disk

    def _text(self) -> str:
        return self.query_one(ExperimentEditor).text

    def _tell_title(self) -> None:
        name = _short(self._path) if self._path else "experiment file"
        edited = ", edited" if self._is_edited() else ""
        self.query_one("#editor-pane").border_title = line(f"2 {name}{edited}")

    # Validation

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Read the text again when the typing pauses."""
        event.stop()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(VALIDATE_AFTER_S, self._validate)
        if self._planned is not None and self._planned.submission.spec_text != event.text_area.text:
            self._planned = None
            self._show_plan()
        self._tell_title()

    def _validate(self) -> None:
        from synthlab.experiment.load import parse_spec

        if self._path is None:
            return
        try:
            parse_spec(self._text(), self._path)
            self._problems = ""
        except SynthlabError as error:
            self._problems = str(error)
        self._show_problems()

    def _show_problems(self) -> None:
        lines, content = problem_lines(self._problems, self._path)
        facts = self.query_one("#problems", Facts)
        warnings = self._planned.warnings if self._planned and not lines else ()
        facts.display = bool(lines or warnings)
        facts.say(content if lines else Content("\n").join(_warning(text) for text in warnings))
        self.query_one(ExperimentEditor).mark_faults(lines)
        self.refresh_keys()

    def on_experiment_editor_left(self, event: ExperimentEditor.Left) -> None:
        """`escape` in the text: back to the list."""
        event.stop()
        self.bring("files-pane")

    # Actions

    def words(self) -> Mapping[str, str]:
        """The file, as a shell would name it."""
        named = {"file": _short(self._path)} if self._path else {}
        return {**super().words(), **named}

    def do_edit(self) -> None:
        """Into the text, at the first fault if there is one."""
        editor = self.query_one(ExperimentEditor)
        self.bring("editor-pane")
        editor.focus()
        editor.go_to_first_fault()

    def why_not_plan(self) -> str:
        """Only a text without faults can be planned."""
        if self._path is None:
            return "no file is chosen"
        return "the file has faults" if self._problems else ""

    async def do_plan(self) -> None:
        """Beside the event loop: it may hash model files."""
        await self._make_plan()

    async def _make_plan(self) -> Planned | None:
        path = self._path
        if path is None:
            return None
        text, home = self._text(), self.lab.requests.home
        self.lab.say("planning …")
        try:
            planned = await self.lab.requests.in_thread(
                lambda: plan_text(home, os.environ, text, path)
            )
        except SynthlabError as error:
            self._problems = str(error)
            self._show_problems()
            self.lab.say("the plan cannot be made; the reasons stand below the text", "error")
            return None
        self._planned = planned
        self._show_plan()
        self._show_problems()
        self.lab.say(plan_title(planned))
        return planned

    def _show_plan(self) -> None:
        self.set_class(self._planned is None, "-unplanned")
        rows = plan_rows(self._planned) if self._planned else {}
        self.query_one("#plan", LabTable).show(rows)
        title = plan_title(self._planned) if self._planned else "not made yet"
        self.query_one("#plan-pane").border_title = line(f"3 plan: {title}")

    def why_not_go(self) -> str:
        """Only a text without faults that lies in a file can be started."""
        if self._is_edited():
            return "the text is edited: w saves it to a file first"
        return self.why_not_plan()

    async def do_go(self) -> None:
        """Queue it and watch it."""
        planned = self._planned or await self._make_plan()
        if planned is None:
            return
        blocked = [s for s in planned.statuses if s.action.value == "blocked"]
        if blocked:
            self.lab.say(f"{blocked[0].step.label}: {blocked[0].reason}", "error")
            return
        answer = await self.lab.requests.submit(planned.submission)
        experiment = str(answer["experiment"])
        self.lab.experiment = experiment
        overview = self.lab.go_to("overview")
        overview.look_again()
        self.lab.say(f"{experiment}: {plan_title(planned)}")

    def why_not_save(self) -> str:
        """There must be something to save."""
        return "" if self._is_edited() else "the text is as it is in the file"

    def do_save(self) -> None:
        """Over the file it came from, or under a new name: recipes are never overwritten."""
        from screens.ask_path import AskPath

        path = self._path
        if path is None:
            return
        own = path.parent != recipe_folder()
        suggested = path if own else Path.cwd() / path.name

        def answered(chosen: Path | None) -> None:
            if chosen is not None:
                self._save(chosen)

        self.app.push_screen(
            AskPath("save the experiment file as", suggested, is_new=not own), answered
        )

    def _save(self, path: Path) -> None:
        if path.parent.resolve() == recipe_folder().resolve():
            self.lab.say("recipes come with the program: save under a name of your own", "error")
            return
        try:
            durable.write_user_file(path, self._text().encode())
        except OSError as error:
            self.lab.say(f"{path}: {error.strerror}", "error")
            return
        self._path, self._on_disk = path, self._text()
        self._planned = None
        self._show_plan()
        self._tell_title()
        self.lab.say(f"saved: {path}")
        self.look_again()
        self.refresh_keys()

    def why_not_revert(self) -> str:
        """There must be something to take back."""
        return self.why_not_save()

    def do_revert(self) -> None:
        """The text as it was read."""
        if self._path is not None:
            self._open(self._path)

    def do_find(self) -> None:
        """By path."""
        from screens.ask_path import AskPath

        def answered(chosen: Path | None) -> None:
            if chosen is not None:
                self._open(chosen)

        self.app.push_screen(AskPath("open an experiment file", Path.cwd(), is_new=False), answered)


def _warning(text: str) -> Content:
    return joined(line("! ", "$warning"), line(text))


def _short(path: Path) -> str:
    """A recipe by its name, a file of this folder by its name, else the whole path."""
    if path.parent == recipe_folder():
        return path.stem
    return path.name if path.parent == Path.cwd() else str(path)
