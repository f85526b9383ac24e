"""A list of experiments to put the console on."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from screens.live import Reading
from screens.safety import line
from screens.snapshots.experiments import ExperimentRow, read_experiments
from screens.widgets.lab_table import LabTable, TableColumn
from synthlab.cli.words import moment


def _state(row: ExperimentRow) -> str:
    if row.unfinished:
        return f"▶ {row.succeeded}/{row.runs}"
    return f"! {row.ended_badly} ended badly" if row.ended_badly else f"✓ {row.runs}"


COLUMNS = (
    TableColumn[ExperimentRow]("experiment", lambda row: line(row.identity), 18, priority=0),
    TableColumn[ExperimentRow]("state", lambda row: line(_state(row)), 16, priority=0),
    TableColumn[ExperimentRow]("planned", lambda row: line(moment(row.created_at)), 16, priority=1),
    TableColumn[ExperimentRow](
        "about", lambda row: line(row.description), 10, priority=2, grows=True
    ),
)


class ChooseExperiment(ModalScreen[str | None]):
    """`enter` takes it, `escape` leaves things as they are."""

    DEFAULT_CSS = """
    ChooseExperiment { align: center middle; }
    ChooseExperiment > Vertical { width: 90%; height: 70%; border: round $accent; background: $surface; }
    """
    BINDINGS = [("escape,q", "dismiss(None)", "back")]

    def compose(self) -> ComposeResult:
        """A table."""
        with Vertical() as box:
            box.border_title = line("experiments")
            box.border_subtitle = line("enter: choose   esc: back")
            yield LabTable[ExperimentRow](COLUMNS, id="experiments")

    async def on_mount(self) -> None:
        """Read once: the list is short-lived."""
        from typing import cast

        from screens.app import LabApp

        app = cast(LabApp, self.app)

        def query(reading: Reading) -> tuple[ExperimentRow, ...]:
            return read_experiments(reading)

        looked = await app.reader.look(query, -1, force=True)
        table = self.query_one(LabTable)
        table.show({row.identity: row for row in looked.snapshot})
        if app.experiment:
            table.choose(app.experiment)
        table.focus()

    def on_lab_table_opened(self, event: LabTable.Opened) -> None:
        """Chosen."""
        event.stop()
        self.dismiss(event.key)
