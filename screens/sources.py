"""Sources: who answered which prompt set, people and models alike, with the first of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from screens.actions import Action
from screens.lab_screen import PANE_ACTIONS
from screens.live import Reading
from screens.material_screen import MaterialScreen, material_actions
from screens.material_words import source_columns
from screens.snapshots.material import Page, SourceRow, Wanted, read_sources
from screens.widgets.lab_table import TableColumn


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
        *PANE_ACTIONS,
    )

    def columns(self) -> Sequence[TableColumn[SourceRow]]:
        """Who answered what."""
        return source_columns()

    def read_page(self, reading: Reading, wanted: Wanted) -> Page[SourceRow]:
        """A window of the sources."""
        return read_sources(reading, wanted)

    def do_mark(self) -> None:
        """And one down."""
        self.table.toggle_mark()
        self._tell_title()
        self.refresh_keys()
