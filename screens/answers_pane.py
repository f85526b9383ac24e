"""The answers of the conditions to one prompt, side by side as far as there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from screens.safety import line
from screens.samples_words import answer_text, prompt_text

if TYPE_CHECKING:
    from synthlab.analysis.samples import SampleRow

LEAST_COLUMN = 33
"""Narrower than this an answer is hard to read."""
MOST_COLUMNS = 4
SIDEWAYS = (
    Binding("h,left", "screen.do('samples.left')", "left", show=False),
    Binding("l,right", "screen.do('samples.right')", "right", show=False),
)


class AnswersPane(VerticalScroll, can_focus=True):
    """Prompt and answers, scrolled together."""

    BINDINGS = [
        *SIDEWAYS,
        Binding("j", "scroll_down", "down", show=False),
        Binding("k", "scroll_up", "up", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="pane")
        self.first = 0
        """Which condition stands in the first column."""

    def compose(self) -> ComposeResult:
        """The prompt, and the columns below it."""
        yield Static(id="prompt")
        with Horizontal(id="answers"):
            for place in range(MOST_COLUMNS):
                yield Static(id=f"answer-{place}", classes="answer")

    def columns_of(self, conditions: tuple[str, ...]) -> tuple[str, ...]:
        """The conditions that stand in columns now."""
        count = MOST_COLUMNS
        if not self._is_stacked:
            width = self.size.width or self.screen.size.width
            count = max(2, min(MOST_COLUMNS, width // LEAST_COLUMN))
        self.first = max(0, min(self.first, len(conditions) - count))
        return conditions[self.first : self.first + count]

    @property
    def _is_stacked(self) -> bool:
        return self.screen.has_class("-narrow") or self.screen.has_class("-tiny")

    def say(self, text: str) -> None:
        """Show no answers, but why there are none."""
        self._update("prompt", line(text, "$lab-muted"))
        for place in range(MOST_COLUMNS):
            self.query_one(f"#answer-{place}").display = False

    def show(
        self, row: SampleRow, reference: str, conditions: tuple[str, ...], *, masked: bool
    ) -> None:
        """A prompt with its answers. conditions: all of them, which gives each its colour."""
        from synthlab.analysis.charts.palette import looks

        self._update("prompt", prompt_text(row, reference, masked=masked))
        shown = self.columns_of(conditions)
        drawn = dict(zip(conditions, looks(conditions), strict=True))
        for place in range(MOST_COLUMNS):
            column = self.query_one(f"#answer-{place}")
            column.display = place < len(shown)
            if place < len(shown):
                name, stacked = shown[place], self._is_stacked
                made = answer_text(name, row.of(name), drawn[name], masked=masked, stacked=stacked)
                self._update(f"answer-{place}", made)

    def _update(self, name: str, content: Content) -> None:
        widget = self.query_one(f"#{name}", Static)
        before = widget.content
        if not isinstance(before, Content) or before != content or before.spans != content.spans:
            widget.update(content)
