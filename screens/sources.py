"""Sources: who answered which prompt set, people and models alike, with the first of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from screens.actions import Action
from screens.lab_screen import PANE_ACTIONS
from screens.live import Reading
from screens.material_screen import MaterialScreen, material_actions
from screens.material_words import source_columns
from screens.snapshots.material import Page, SourceRow, Wanted, read_sources
from screens.widgets.lab_table import TableColumn
from synthlab.execution.finished_sources import SourceKey


class SourcesScreen(MaterialScreen):
    """`space` marks sources, `b` builds a mixture of the marked ones."""

    PLACE = "sources"
    MARKS = True
    FILTER_HINT = "generator:llama prompts:train rows>=100 cfg.sampling.temperature>0.5 words"
    EMPTY = "There are no sources yet."
    ORDERS: ClassVar[dict[str, str]] = {
        "newest": "",
        "generator": "s.generator",
        "prompt set": "s.prompts",
        "rows": "s.rows DESC",
    }
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        *material_actions("sources", "source"),
        Action("sources.mark", "space", "mark", "mark the chosen source, or take its mark away"),
        Action(
            "sources.build",
            "b",
            "mixture",
            "build a mixture of the marked sources, shares live",
            writes=True,
        ),
        Action("sources.add", "a", "add", "add a source to an experiment file", writes=True),
        Action("sources.import", "i", "import", "bring prompt sets into the lab", writes=True),
        *PANE_ACTIONS,
    )

    def columns(self) -> Sequence[TableColumn[SourceRow]]:
        """Who answered what."""
        return source_columns(self.lab)

    def read_page(self, reading: Reading, wanted: Wanted) -> Page[SourceRow]:
        """A window of the sources."""
        return read_sources(reading, wanted)

    def do_mark(self) -> None:
        """And one down."""
        self.table.toggle_mark()
        self._tell_title()
        self.refresh_keys()

    def why_not_build(self) -> str:
        """Something must be chosen."""
        return "" if self.table.marked or self.table.chosen else "no source is marked"

    async def do_build(self) -> None:
        """Of the marked sources, or of the chosen one alone."""
        from screens.build_mixture import BuildMixture
        from screens.snapshots.mixture_preview import Material, read_material

        keys = [source_key(key) for key in self.table.marked or (self.table.chosen or "",)]

        def query(reading: Reading) -> Material:
            return read_material(reading, keys)

        looked = await self.lab.reader.look(query, -1, force=True)
        modal = BuildMixture(looked.snapshot, unicode=self.lab.symbols != "ascii")
        self.app.push_screen(modal, self._written)

    def _written(self, file: Path | None) -> None:
        from screens.launch import LaunchScreen

        if file is None:
            return
        screen = self.lab.go_to("launch")
        assert isinstance(screen, LaunchScreen)
        screen.call_after_refresh(screen.open_file, file)
        self.lab.say(f"written: {file}; p plans it, g starts it")

    async def do_add(self) -> None:
        """By a form."""
        from screens.material_forms import add_source_form
        from screens.snapshots.mixture_preview import Target, read_target

        def query(reading: Reading) -> Target:
            return read_target(reading)

        target = (await self.lab.reader.look(query, -1, force=True)).snapshot
        form = add_source_form(self.lab, target.file or Path.cwd() / "mine.toml", target.base)

        def done(added: bool | None) -> None:
            if added:
                self._written(Path(form.values["file"]).expanduser())

        self.app.push_screen(form, done)

    async def do_import(self) -> None:
        """By a form."""
        from screens.material_forms import import_prompts_form

        def done(imported: bool | None) -> None:
            if imported:
                self.lab.say("queued: Runs shows how far it is; its rows are listed here then")
                self.look_again()

        self.app.push_screen(import_prompts_form(self.lab), done)


def source_key(key: str) -> SourceKey:
    """The source behind a row's key; only generators may hold blanks."""
    run_id, rest = key.split(" ", 1)
    generator, prompts = rest.rsplit(" ", 1)
    return SourceKey(run_id, generator, prompts)
