"""Mixtures: training sets with the shares of their sources, and what was trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.content import Content

from screens.actions import Action
from screens.lab_screen import PANE_ACTIONS
from screens.live import Reading
from screens.material_screen import MaterialScreen, material_actions
from screens.material_words import mixture_columns, share_lines
from screens.snapshots.material import MixtureRow, Page, Wanted, read_mixtures
from screens.widgets.lab_table import TableColumn


class MixturesScreen(MaterialScreen):
    """The list of mixtures."""

    PLACE = "mixtures"
    FILTER_HINT = "label:multi rows>=100 generator:llama assign:random words"
    EMPTY = "There are no mixtures yet."
    ORDERS: ClassVar[dict[str, str]] = {"newest": "", "name": "r.label", "rows": "m.rows DESC"}
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        *material_actions("mixtures", "mixture"),
        *PANE_ACTIONS,
    )

    def columns(self) -> Sequence[TableColumn[MixtureRow]]:
        """Name, shares, rows."""
        return mixture_columns(self.lab)

    def read_page(self, reading: Reading, wanted: Wanted) -> Page[MixtureRow]:
        """A window of the mixtures."""
        return read_mixtures(reading, wanted)

    def picture(self, row: Any) -> Sequence[Content]:
        """Shares as bars."""
        if not isinstance(row, MixtureRow):
            return ()
        return share_lines(row.parts, unicode=self.lab.symbols != "ascii")
