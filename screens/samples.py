"""Samples: what every condition answered to the same prompt, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.widgets import Static

from screens.actions import Action
from screens.answers_pane import SIDEWAYS, AnswersPane
from screens.empty_words import nothing_measured
from screens.lab_screen import PANE_ACTIONS
from screens.list_screen import ListScreen
from screens.live import Query
from screens.pane_screen import entitle
from screens.safety import joined, line
from screens.sample_index import IndexOpener
from screens.samples_words import list_columns
from screens.snapshots.samples import (
    STEP,
    ListRow,
    PageMemo,
    SamplesPage,
    Wanted,
    key_of,
    read_samples,
)
from screens.theme import STYLES
from screens.widgets.filter_line import FilterLine
from screens.widgets.paged_table import PagedTable

if TYPE_CHECKING:
    from synthlab.analysis.samples import SampleIndex


class SampleTable(PagedTable[ListRow]):
    """Up and down are prompts; left and right are conditions."""

    BINDINGS = [*SIDEWAYS]


class SamplesScreen(ListScreen[SamplesPage | None]):
    """Of the experiment that the console is on."""

    CSS_PATH = STYLES / "samples.tcss"
    PLACE = "samples"
    PANES = ("list-pane", "reading")
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action(
            "samples.filter",
            "slash",
            "filter",
            "words, human.state=refusal, flipped, differs, order:METRIC, NOT, OR, ( )",
            "synthlab samples {experiment} --filter {filter}",
        ),
        Action("samples.next", "n", "next", "the next prompt, wherever the focus is"),
        Action("samples.previous", "N", "previous", "the prompt before this one", hidden=True),
        Action("samples.left", "h,left", "left", "conditions to the left", hidden=True),
        Action("samples.right", "l,right", "right", "conditions to the right"),
        Action("samples.seed", "s", "seed", "the next training seed, then all"),
        Action("samples.sample", "i", "sample", "the next sample of each prompt, then all"),
        Action("samples.order", "o", "order", "lowest first by the next score, then as planned"),
        Action(
            "samples.unmask",
            "m",
            "show",
            "show the texts of a harmful prompt, or mask them again",
            "synthlab samples {experiment} --prompt {prompt} --unmask",
        ),
        Action(
            "samples.print",
            "ctrl+l",
            "print",
            "all answers to the prompt, in a shell",
            "synthlab samples {experiment} --prompt {prompt}",
            hidden=True,
        ),
        *PANE_ACTIONS,
    )

    def __init__(self) -> None:
        super().__init__()
        self._opener = IndexOpener(self, self.lab, self._use, self._show_head)
        self._experiment = ""
        """The one whose answers are open."""
        self._memo = PageMemo()
        self._order = ""
        self._seed: int | None = None
        self._sample: int | None = None
        self._unmasked: str | None = None

    def body(self) -> ComposeResult:
        """What is shown, the filter, the list, the answers."""
        yield Static(id="head")
        yield FilterLine(
            "words  human.state=refusal  vanilla.state!=refusal  flipped  order:METRIC"
        )
        with Horizontal(id="both"):
            with Vertical(id="list-pane", classes="pane"):
                yield SampleTable(list_columns(seeds=False, samples=False), step=STEP, id="list")
            yield AnswersPane(id="reading")
        yield Static(id="welcome")

    def on_mount(self) -> None:
        """Titles and focus."""
        self.query_one("#list-pane").border_title = line("1 prompts")
        self.query_one("#reading").border_title = line("2 answers")
        self.table.focus()

    @property
    def answers(self) -> AnswersPane:
        """The prompt under the cursor with its answers."""
        return self.query_one(AnswersPane)

    @property
    def _index(self) -> SampleIndex | None:
        return self._opener.index

    # Following

    def reads(self) -> Query:
        """A window of the list and the row under its cursor."""
        wanted = Wanted(
            self.lab.experiment,
            self._index,
            self._memo,
            f'{self.filter_text} order:"{self._order}"' if self._order else self.filter_text,
            self._seed,
            self._sample,
            self.window_start,
            self.table.chosen if self.is_mounted else None,
        )
        return lambda reading: read_samples(reading, wanted)

    def show(self, snapshot: SamplesPage | None) -> None:
        """List and answers; a new index where there are new answers."""
        self.set_class(snapshot is None or not snapshot.content, "-empty")
        if snapshot is None or not snapshot.content:
            self._show_nothing(snapshot)
            return
        self.lab.experiment = snapshot.experiment
        self._opener.want(snapshot.experiment, snapshot.content)
        self.window_start = snapshot.offset
        rows = {row.key: row for row in snapshot.rows}
        self.table.show_page(rows, snapshot.offset, snapshot.total)
        self._show_head()
        self._show_answers()

    def _show_nothing(self, page: SamplesPage | None) -> None:
        words = nothing_measured(
            page.experiment if page else None,
            ": no condition has answered anything yet.",
            "answers appear with the first finished ones",
            "samples",
        )
        self.query_one("#welcome", Static).update(words)

    def _use(self, found: SampleIndex) -> None:
        before, self._experiment = self._experiment, found.contents.experiment
        if before != self._experiment:
            self._begin(found)
        self._set_columns()
        self.look_again()

    def _begin(self, index: SampleIndex) -> None:
        self.window_start = self.answers.first = 0
        self._order, self._unmasked = "", None
        self._seed = index.contents.seeds[0] if len(index.contents.seeds) > 1 else None
        self._sample = None
        self.table.go_to_start()

    # Showing

    def _set_columns(self) -> None:
        index = self._index
        if index is None:
            return
        many = len(index.contents.seeds) > 1
        page = self.following.shown
        samples = page is not None and len(page.samples) > 1
        columns = list_columns(
            seeds=many and self._seed is None, samples=samples and self._sample is None
        )
        self.table.set_columns(columns)

    def _show_head(self) -> None:
        page, index = self.following.shown, self._index
        if page is None:
            return
        parts = [line(f" {page.experiment}", "bold")]
        if self._opener.progress:
            parts.append(line(f"  {self._opener.progress}", "$primary"))
        if index is not None:
            whole = index.contents.n_rows
            parts.append(line(f"  {page.total} of {whole} rows" if page.total < whole else ""))
            parts.append(line(f"  {whole} rows" if page.total >= whole else ""))
            if len(index.contents.seeds) > 1:
                seed = "all seeds" if self._seed is None else f"seed {self._seed}"
                parts.append(line(f"  {seed}", "$lab-muted"))
            if len(page.samples) > 1:
                sample = "all samples" if self._sample is None else f"sample {self._sample}"
                parts.append(line(f"  {sample}", "$lab-muted"))
            if self._order:
                parts.append(line(f"  lowest {self._order} first", "$lab-muted"))
            shown, names = self.answers.columns_of(index.conditions), index.conditions
            if len(shown) < len(names):
                first = self.answers.first
                seen = f"  conditions {first + 1}-{first + len(shown)} of {len(names)}"
                parts.append(line(seen, "$accent"))
        elif not self._opener.progress:
            parts.append(line("  opening the answers …", "$primary"))
        self.query_one("#head", Static).update(joined(*parts))
        title = f"1 prompts, {self.table.place} of {self.table.total}"
        entitle(self.query_one("#list-pane"), line(title))

    def _show_answers(self) -> None:
        page, index = self.following.shown, self._index
        row = page.chosen if page is not None else None
        if page is None or index is None or row is None:
            self.answers.say(self._nothing_here())
            return
        masked = row.is_harmful and self._unmasked != key_of(row)
        self.answers.show(row, page.reference, index.conditions, masked=masked)

    def _nothing_here(self) -> str:
        if self._index is None:
            return self._opener.progress or "opening the answers …"
        return "nothing passes the filter; esc in the filter line shows all again"

    def on_resize(self, event: Resize) -> None:
        """More or fewer columns fit."""
        if self.is_ready and self._index is not None:
            self.call_after_refresh(self._show_again)

    def _show_again(self) -> None:
        self._show_head()
        self._show_answers()

    # Moving

    def on_lab_table_chosen(self, event: PagedTable.Chosen) -> None:
        """Another prompt; what was unmasked for the last one is masked again."""
        event.stop()
        self._unmasked = None
        self.answers.scroll_home(animate=False)
        self.look_again()
        self.refresh_keys()

    def on_lab_table_opened(self, event: PagedTable.Opened) -> None:
        """`enter`: read the answers."""
        event.stop()
        self.bring("reading")

    def on_screen_suspend(self) -> None:
        """Nobody is looking: masked again."""
        if self._unmasked is not None:
            self._unmasked = None
            self._show_answers()

    def begin_again(self) -> None:
        """Other rows may need other columns."""
        self._set_columns()
        super().begin_again()

    # What can be done

    def words(self) -> Mapping[str, str]:
        """The experiment, the prompt under the cursor, the filter."""
        row = self.table.chosen_row if self.is_mounted else None
        found = {**super().words(), "filter": self.filter_text}
        found["prompt"] = row.prompt_id if row is not None else ""
        return {name: word for name, word in found.items() if word}

    def do_next(self) -> None:
        """One down."""
        self.table.action_cursor_down()

    def do_previous(self) -> None:
        """One up."""
        self.table.action_cursor_up()

    def do_left(self) -> None:
        """Earlier conditions."""
        self.answers.first = max(0, self.answers.first - 1)
        self._show_again()

    def do_right(self) -> None:
        """Later conditions."""
        self.answers.first += 1
        self._show_again()

    def why_not_right(self) -> str:
        """All may be on the screen."""
        index = self._index
        if index is None:
            return "the answers are not open yet"
        shown = self.answers.columns_of(index.conditions)
        return "" if len(shown) < len(index.conditions) else "all conditions are shown"

    def why_not_seed(self) -> str:
        """There must be several."""
        index = self._index
        if index is None:
            return "the answers are not open yet"
        return "" if len(index.contents.seeds) > 1 else "there is one seed"

    def do_seed(self) -> None:
        """The next, after the last one all."""
        if self._index is not None:
            self._seed = _after(self._seed, self._index.contents.seeds)
            self.begin_again()

    def why_not_sample(self) -> str:
        """There must be several."""
        page = self.following.shown
        if page is None or len(page.samples) < 2:
            return "each prompt has one sample of each seed"
        return ""

    def do_sample(self) -> None:
        """The next, after the last one all."""
        page = self.following.shown
        if page is not None:
            self._sample = _after(self._sample, page.samples)
            self.begin_again()

    def why_not_order(self) -> str:
        """Answers must have scores."""
        if self._index is None:
            return "the answers are not open yet"
        return "" if self._index.metrics else "no answer has a score of its own"

    def do_order(self) -> None:
        """The next score."""
        if self._index is not None:
            names = ("", *self._index.metrics)
            place = names.index(self._order) if self._order in names else 0
            self._order = names[(place + 1) % len(names)]
            self.begin_again()

    def why_not_unmask(self) -> str:
        """Only harmful prompts are masked."""
        row = self.table.chosen_row if self.is_mounted else None
        if row is None:
            return "no prompt is chosen"
        return "" if row.is_harmful else "nothing is masked here"

    def do_unmask(self) -> None:
        """For the prompt under the cursor only."""
        chosen = self.table.chosen
        self._unmasked = None if self._unmasked == chosen else chosen
        self._show_answers()

    def do_print(self) -> None:
        """The line above the keys shows the command."""


def _after(value: int | None, choices: Sequence[int]) -> int | None:
    """All → the first → the next → … → all."""
    if value is None:
        return choices[0]
    later = [one for one in choices if one > value]
    return later[0] if later else None
