"""Checkpoints: trained adapters, what they were trained on, and which measurements read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from screens.actions import Action
from screens.lab_screen import PANE_ACTIONS
from screens.live import Reading
from screens.material_screen import MaterialScreen, material_actions
from screens.material_words import checkpoint_columns
from screens.snapshots.material import CheckpointRow, Page, Wanted, read_checkpoints
from screens.widgets.lab_table import TableColumn


class CheckpointsScreen(MaterialScreen):
    """The list of checkpoints."""

    PLACE = "checkpoints"
    FILTER_HINT = "base:llama eval_loss<2 seed=0 words"
    EMPTY = "There are no checkpoints yet."
    ORDERS: ClassVar[dict[str, str]] = {
        "newest": "",
        "name": "r.label",
        "eval loss": "c.eval_loss IS NULL, c.eval_loss",
    }
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        *material_actions("checkpoints", "checkpoint"),
        *PANE_ACTIONS,
    )

    def columns(self) -> Sequence[TableColumn[CheckpointRow]]:
        """Name, base, how it went."""
        return checkpoint_columns(self.lab)

    def read_page(self, reading: Reading, wanted: Wanted) -> Page[CheckpointRow]:
        """A window of the checkpoints."""
        return read_checkpoints(reading, wanted)
