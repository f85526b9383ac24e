"""Samples: what every condition answered to the same prompt, side by side."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from screens.actions import Action
from screens.lab_screen import PANE_ACTIONS, LabScreen
from screens.live import Query, start
from screens.safety import joined, line
from screens.samples_words import answer_text, list_columns, prompt_text
from screens.snapshots.samples import (
    STEP,
    ListRow,
    PageMemo,
    SamplesPage,
    Wanted,
    build_index,
    key_of,
    read_samples,
)
from screens.theme import STYLES
from screens.widgets.filter_line import FilterLine
from screens.widgets.paged_table import PagedTable
from storage.errors import StorageError
from synthlab.errors import SynthlabError

if TYPE_CHECKING:
    from synthlab.analysis.samples import SampleIndex

LEAST_COLUMN = 33
"""Narrower than this an answer is hard to read."""
MOST_COLUMNS = 4
SIDEWAYS = (
    Binding("h,left", "screen.do('samples.left')", "left", show=False),
    Binding("l,right", "screen.do('samples.right')", "right", show=False),
)


class SampleTable(PagedTable[ListRow]):
    """Up and down are prompts; left and right are conditions."""

    BINDINGS = [*SIDEWAYS]


class AnswersPane(VerticalScroll, can_focus=True):
    """Prompt and answers, scrolled together."""

    BINDINGS = [
        *SIDEWAYS,
        Binding("j", "scroll_down", "down", show=False),
        Binding("k", "scroll_up", "up", show=False),
    ]


class SamplesScreen(LabScreen[SamplesPage | None]):
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
        self._index: SampleIndex | None = None
        self._memo = PageMemo()
        self._content = ""
        """What the open index was made of."""
        self._building = ("", "")
        """Experiment and content of the index that is opened or built."""
        self._progress = ""
        self._failed = ""
        self._filter = ""
        self._order = ""
        self._seed: int | None = None
        self._sample: int | None = None
        self._offset = 0
        self._first = 0
        """Which condition stands in the first column."""
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
            with AnswersPane(id="reading", classes="pane"):
                yield Static(id="prompt")
                with Horizontal(id="answers"):
                    for place in range(MOST_COLUMNS):
                        yield Static(id=f"answer-{place}", classes="answer")
        yield Static(id="welcome")

    def on_mount(self) -> None:
        """Titles and focus."""
        self.query_one("#list-pane").border_title = line("1 prompts")
        self.query_one("#reading").border_title = line("2 answers")
        self.table.focus()

    @property
    def table(self) -> SampleTable:
        """The list."""
        return self.query_one("#list", SampleTable)

    # Following

    def reads(self) -> Query:
        """A window of the list and the row under its cursor."""
        wanted = Wanted(
            self.lab.experiment,
            self._index,
            self._memo,
            f'{self._filter} order:"{self._order}"' if self._order else self._filter,
            self._seed,
            self._sample,
            self._offset,
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
        if snapshot.content != self._content:
            self._build(snapshot)
        self._offset = snapshot.offset
        rows = {row.key: row for row in snapshot.rows}
        self.table.show_page(rows, snapshot.offset, snapshot.total)
        self._show_head()
        self._show_answers()

    def _show_nothing(self, page: SamplesPage | None) -> None:
        rows = [line("There is no experiment yet.", "bold")]
        if page is not None:
            rows = [line(f"{page.experiment}: no condition has answered anything yet.", "bold")]
            rows.append(line("R lists its runs; answers appear with the first finished ones"))
        rows.append(joined(line("L", "bold $accent"), line("  launches an experiment")))
        rows += [line(""), line("The same from a shell:"), line("   synthlab run tiny")]
        rows.append(line("   synthlab samples EXPERIMENT"))
        self.query_one("#welcome", Static).update(line("\n").join(rows))

    # The index, built in a thread

    def _build(self, page: SamplesPage) -> None:
        wanted = (page.experiment, page.content)
        if self._building != wanted:
            self._building = wanted
            start(self, self._open, "index")

    async def _open(self) -> None:
        home, loop = self.lab.requests.home, asyncio.get_running_loop()
        wanted = self._building
        experiment, content = wanted

        def tell(done: int, total: int, what: str) -> None:
            text = f"building the index: {min(done + 1, total)} of {total}, {what} …"
            loop.call_soon_threadsafe(self._tell_progress, text)

        try:
            found = await self.lab.requests.in_thread(lambda: build_index(home, experiment, tell))
        except (SynthlabError, StorageError, sqlite3.Error, OSError) as error:
            self._tell_progress(str(error))
            return
        except Exception as error:  # noqa: BLE001 - rows nobody foresaw must not end the console
            self._tell_progress(f"this cannot be shown ({type(error).__name__}: {error})")
            self.lab.note_defect(error)
            return
        if wanted != self._building or not self.is_mounted:
            found.close()
            return
        self._use(found, content)

    def _use(self, found: SampleIndex, content: str) -> None:
        before = self._index
        if before is None or before.contents.experiment != found.contents.experiment:
            self._begin(found)
        self._index, self._content, self._progress = found, content, ""
        self._set_columns()
        self.look_again()

    def _begin(self, index: SampleIndex) -> None:
        self._offset = self._first = 0
        self._order, self._unmasked = "", None
        self._seed = index.contents.seeds[0] if len(index.contents.seeds) > 1 else None
        self._sample = None
        self.table.go_to_start()

    def _tell_progress(self, text: str) -> None:
        self._progress = text
        if self.is_mounted:
            self._show_head()

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
        if self._progress:
            parts.append(line(f"  {self._progress}", "$primary"))
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
            shown, names = self._visible(), index.conditions
            if len(shown) < len(names):
                last = self._first + len(shown)
                parts.append(
                    line(f"  conditions {self._first + 1}-{last} of {len(names)}", "$accent")
                )
        elif not self._progress:
            parts.append(line("  opening the answers …", "$primary"))
        self.query_one("#head", Static).update(joined(*parts))
        title = f"1 prompts, {self.table.place} of {self.table.total}"
        self.query_one("#list-pane").border_title = line(title)

    def _visible(self) -> tuple[str, ...]:
        """Conditions in the columns now."""
        if self._index is None:
            return ()
        names = self._index.conditions
        count = MOST_COLUMNS
        if not self._is_stacked():
            width = self.query_one("#reading").size.width or self.size.width
            count = max(2, min(MOST_COLUMNS, width // LEAST_COLUMN))
        self._first = max(0, min(self._first, len(names) - count))
        return names[self._first : self._first + count]

    def _is_stacked(self) -> bool:
        return self.has_class("-narrow") or self.has_class("-tiny")

    def _show_answers(self) -> None:
        from synthlab.analysis.charts.palette import looks

        page, index = self.following.shown, self._index
        row = page.chosen if page is not None else None
        if page is None or index is None or row is None:
            self.query_one("#prompt", Static).update(line(self._nothing_here(), "$lab-muted"))
            for place in range(MOST_COLUMNS):
                self.query_one(f"#answer-{place}").display = False
            return
        masked = row.is_harmful and self._unmasked != key_of(row)
        self._update("prompt", prompt_text(row, page.reference, masked=masked))
        shown = self._visible()
        drawn = dict(zip(index.conditions, looks(index.conditions), strict=True))
        for place in range(MOST_COLUMNS):
            column = self.query_one(f"#answer-{place}")
            column.display = place < len(shown)
            if place < len(shown):
                name = shown[place]
                made = answer_text(
                    name, row.of(name), drawn[name], masked=masked, stacked=self._is_stacked()
                )
                self._update(f"answer-{place}", made)

    def _nothing_here(self) -> str:
        if self._index is None:
            return self._progress or "opening the answers …"
        return "nothing passes the filter; esc in the filter line shows all again"

    def _update(self, name: str, content: Content) -> None:
        widget = self.query_one(f"#{name}", Static)
        before = widget.content
        if not isinstance(before, Content) or before != content or before.spans != content.spans:
            widget.update(content)

    def on_resize(self, event: Resize) -> None:
        """More or fewer columns fit."""
        if self.is_ready and self._index is not None:
            self.call_after_refresh(self._show_again)

    def _show_again(self) -> None:
        self._show_head()
        self._show_answers()

    # Moving

    def on_paged_table_turned(self, event: PagedTable.Turned) -> None:
        """The cursor came near the end of the window."""
        event.stop()
        if event.offset != self._offset:
            self._offset = event.offset
            self.look_again()

    def on_lab_table_chosen(self, event: PagedTable.Chosen) -> None:
        """Another prompt; what was unmasked for the last one is masked again."""
        event.stop()
        self._unmasked = None
        self.query_one("#reading").scroll_home(animate=False)
        self.look_again()
        self.refresh_keys()

    def on_lab_table_opened(self, event: PagedTable.Opened) -> None:
        """`enter`: read the answers."""
        event.stop()
        self.query_one("#reading").focus()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        """Another list."""
        event.stop()
        self._filter = event.text
        self._begin_again()

    def on_screen_suspend(self) -> None:
        """Nobody is looking: masked again."""
        if self._unmasked is not None:
            self._unmasked = None
            self._show_answers()

    def _begin_again(self) -> None:
        self._offset = 0
        self.table.go_to_start()
        self._set_columns()
        self.look_again()

    # What can be done

    def words(self) -> Mapping[str, str]:
        """The experiment, the prompt under the cursor, the filter."""
        row = self.table.chosen_row if self.is_mounted else None
        found = {**super().words(), "filter": self._filter}
        found["prompt"] = row.prompt_id if row is not None else ""
        return {name: word for name, word in found.items() if word}

    def do_filter(self) -> None:
        """Type into the line above the list."""
        self.query_one(FilterLine).open()

    def do_next(self) -> None:
        """One down."""
        self.table.action_cursor_down()

    def do_previous(self) -> None:
        """One up."""
        self.table.action_cursor_up()

    def do_left(self) -> None:
        """Earlier conditions."""
        self._first = max(0, self._first - 1)
        self._show_again()

    def do_right(self) -> None:
        """Later conditions."""
        self._first += 1
        self._show_again()

    def why_not_right(self) -> str:
        """All may be on the screen."""
        index = self._index
        if index is None:
            return "the answers are not open yet"
        return "" if len(self._visible()) < len(index.conditions) else "all conditions are shown"

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
            self._begin_again()

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
            self._begin_again()

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
            self._begin_again()

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
