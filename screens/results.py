"""Results: every number of the experiment as one table, headlines first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from screens.actions import Action
from screens.lab_screen import PANE_ACTIONS, LabScreen
from screens.live import Query
from screens.safety import joined, line
from screens.snapshots.results import ResultRow, Results, read_results
from screens.theme import STYLES
from screens.widgets.facts import Fact, Facts
from screens.widgets.filter_line import FilterLine
from screens.widgets.lab_table import LabTable, TableColumn
from synthlab.cli.words import figure, many


def _by_seed(row: ResultRow) -> Content:
    return line("  ".join(figure(seed.value) for seed in row.seeds), "$lab-muted")


def _mean(row: ResultRow) -> Content:
    return line(figure(row.mean), "" if row.mean is not None else "$warning")


COLUMNS = (
    TableColumn[ResultRow]("metric", lambda row: line(row.title), 18, priority=0, grows=True),
    TableColumn[ResultRow]("condition", lambda row: line(row.condition), 12, priority=0),
    TableColumn[ResultRow]("mean", _mean, 10, priority=0, right=True),
    TableColumn[ResultRow]("by seed", _by_seed, 22, priority=2),
    TableColumn[ResultRow]("scored", lambda row: line(row.scored), 10, priority=1, right=True),
    TableColumn[ResultRow]("axis", lambda row: line(row.axis, "$lab-muted"), 10, priority=3),
)


class ResultsScreen(LabScreen[Results | None]):
    """Opened by `t` on the overview."""

    CSS_PATH = STYLES / "results.tcss"
    PLACE = "overview"
    PANES = ("table-pane", "number")
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action(
            "results.all",
            "a",
            "all",
            "headline numbers or all numbers",
            "synthlab results {experiment} --all",
        ),
        Action("results.filter", "slash", "filter", "only metrics and conditions with these words"),
        Action(
            "results.why",
            "w",
            "why",
            "from the chosen number back to what it was made of",
            "synthlab why {why}",
        ),
        Action(
            "results.compare",
            "c",
            "compare",
            "conditions side by side, with intervals and tests",
            "synthlab compare {experiment}",
        ),
        *PANE_ACTIONS,
    )

    def __init__(self) -> None:
        super().__init__()
        self._all = False
        self._words = ""

    def body(self) -> ComposeResult:
        """How many, the filter, the table, the chosen number."""
        yield Static(id="head")
        yield FilterLine("words of a metric, a condition or an axis")
        with Horizontal(id="both"):
            with Vertical(id="table-pane", classes="pane"):
                yield LabTable[ResultRow](COLUMNS, id="table")
            number = Facts(id="number")
            number.add_class("pane")
            yield number

    def on_mount(self) -> None:
        """Titles and focus."""
        self.query_one("#table-pane").border_title = line("1 numbers")
        self.query_one("#number").border_title = line("2 the number")
        self.query_one("#table").focus()

    def reads(self) -> Query:
        """The experiment the console is on."""
        experiment = self.lab.experiment
        return lambda reading: read_results(reading, experiment)

    def show(self, snapshot: Results | None) -> None:
        """The rows that are wanted."""
        if snapshot is None:
            self.query_one("#head", Static).update(
                line(" This lab has no experiment yet; L launches one", "$lab-muted")
            )
            return
        self.lab.experiment = snapshot.experiment
        rows = [row for row in snapshot.rows if self._wants(row, snapshot)]
        self.query_one("#table", LabTable).show({row.key: row for row in rows})
        kind = "numbers" if self._all else "headline numbers"
        parts = [line(f" {snapshot.experiment}", "bold"), line(f"  {len(rows)} {kind}")]
        hidden = len(snapshot.rows) - len(rows)
        if hidden:
            parts.append(line(f", {hidden} more", "$lab-muted"))
        if snapshot.missing:
            parts.append(line(f"  {many(len(snapshot.missing), 'step')} not measured", "$warning"))
        if not snapshot.rows:
            parts.append(line("  nothing is measured yet", "$lab-muted"))
        self.query_one("#head", Static).update(joined(*parts))
        self._show_number()

    def _wants(self, row: ResultRow, snapshot: Results) -> bool:
        if not self._all and not row.is_headline and any(r.is_headline for r in snapshot.rows):
            return False
        text = f"{row.axis} {row.metric} {row.title} {row.condition}".lower()
        return all(word in text for word in self._words.lower().split())

    def _show_again(self) -> None:
        if self.following.shown is not None:
            self.show(self.following.shown)

    def _chosen(self) -> ResultRow | None:
        row = self.query_one("#table", LabTable).chosen_row if self.is_mounted else None
        return row if isinstance(row, ResultRow) else None

    def _show_number(self) -> None:
        row = self._chosen()
        self.query_one("#number", Facts).show(number_facts(row) if row else [])

    def on_lab_table_chosen(self, event: LabTable.Chosen) -> None:
        """Another number."""
        event.stop()
        self._show_number()
        self.refresh_keys()

    def on_lab_table_opened(self, event: LabTable.Opened) -> None:
        """`enter` asks why."""
        event.stop()
        self.do_why()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        """Fewer rows, or all again."""
        event.stop()
        self._words = event.text
        self._show_again()

    def words(self) -> Mapping[str, str]:
        """The experiment and the name of the chosen number."""
        row = self._chosen()
        experiment = self.lab.experiment
        if row is None or not experiment:
            return super().words()
        return {**super().words(), "why": f"{experiment}:{row.condition}:{row.metric}"}

    def do_all(self) -> None:
        """Or the headlines."""
        self._all = not self._all
        self._show_again()

    def do_filter(self) -> None:
        """Type into the line above the table."""
        self.query_one(FilterLine).open()

    def why_not_why(self) -> str:
        """A number must be chosen."""
        return "" if self._chosen() else "no number is chosen"

    def do_why(self) -> None:
        """On a screen of its own."""
        from screens.why import WhyScreen

        if "why" in self.words():
            self.app.push_screen(WhyScreen(self.words()["why"]))

    def do_compare(self) -> None:
        """The place for it."""
        self.lab.go_to("compare")


def number_facts(row: ResultRow) -> list[Fact]:
    """A number with its seeds, intervals, counts and reasons."""
    facts: list[Fact] = [("metric", row.metric)]
    if row.meaning:
        facts.append(("means", row.meaning))
    facts.append(("axis", row.axis))
    facts.append(("condition", row.condition))
    facts.append(("mean", figure(row.mean) + (f" {row.unit}" if row.unit else "")))
    for seed in row.seeds:
        facts.append((f"seed {seed.seed}", figure(seed.value)))
        if seed.low is not None and seed.high is not None:
            facts.append(("", f"from {figure(seed.low)} to {figure(seed.high)}"))
        facts.append(("", f"{seed.n} of {seed.n_total} scored, run {seed.run_id}"))
        if seed.reason:
            facts.append(("", seed.reason))
    if row.seeds:
        facts.append(("measured with", ""))
        facts += [(name, str(value)) for name, value in row.seeds[0].key.items()]
    return facts
