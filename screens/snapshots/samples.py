"""A window of an experiment's answers, and the answers under the cursor, from the index of samples."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from screens.live import Reading
from storage.catalog.connection import open_reader
from storage.catalog.queries import experiment_steps, find_experiment, newest_experiment
from storage.home import LabHome

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthlab.analysis.samples import SampleIndex, SampleRow

STEP = 100
"""How far the window of the list moves."""
WINDOW = 300
FIRST_CHARACTERS = 200
"""Of a prompt, in the list."""
_ORDER = re.compile(r"""(?<!\S)order[:=](?P<name>"[^"]*"|\S+)""")
_NAMES_SEED = re.compile(r"""(?<!\w)(seed|sample)\s*(=|!=|:|<|>)""")


@dataclass
class PageMemo:
    """The window that was read last: the cursor moves in it without another look into the index.

    Used in the reader's thread only.
    """

    asked: tuple[object, ...] = ()
    total: int = 0
    rows: tuple[SampleRow, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What the screen asks for."""

    experiment: str | None
    index: SampleIndex | None
    """None as long as it is not built."""
    memo: PageMemo = field(default_factory=PageMemo, compare=False)
    filter: str = ""
    seed: int | None = None
    """None for all."""
    sample: int | None = None
    offset: int = 0
    chosen: str | None = None


@dataclass(frozen=True)
class ListRow:
    """One line of the list."""

    key: str
    set: str
    prompt_id: str
    words: str
    """The prompt's first words; of a harmful one, what stands in their place."""
    seed: int
    sample: int
    is_harmful: bool


@dataclass(frozen=True)
class SamplesPage:
    """What the screen shows."""

    experiment: str
    content: str
    """Another one as soon as the experiment has other answers or scores; empty if it has none."""
    rows: tuple[ListRow, ...] = ()
    offset: int = 0
    total: int = 0
    chosen: SampleRow | None = None
    reference: str = ""
    """The human answer to the chosen prompt."""
    samples: tuple[int, ...] = ()
    """Numbers of the samples that the chosen prompt has."""


def key_of(row: SampleRow) -> str:
    """What tells an aligned row from all others."""
    return f"{row.set}\n{row.prompt_id}\n{row.seed}\n{row.sample}"


def read_samples(reading: Reading, wanted: Wanted) -> SamplesPage | None:
    """Read it; None for a catalog without an experiment. Raises FilterError."""
    from synthlab.analysis.sample_runs import SampleRuns

    catalog = reading.catalog
    row = find_experiment(catalog, wanted.experiment) if wanted.experiment else None
    row = row or newest_experiment(catalog)
    if row is None:
        return None
    runs = SampleRuns.of(reading.home, experiment_steps(catalog, row["id"]))
    content = runs.digest(row["id"]) if runs.answers else ""
    index = wanted.index
    if index is None or index.contents.experiment != row["id"]:
        return SamplesPage(row["id"], content)
    text, order = narrowed(wanted.filter, wanted.seed, wanted.sample)
    memo = wanted.memo
    asked = (id(index), content, text, order)
    if asked != memo.asked[:-1]:
        memo.asked = ()
        memo.total = index.count(text)
    offset = min(wanted.offset, max(0, memo.total - 1) // STEP * STEP)
    if (*asked, offset) != memo.asked:
        memo.rows = index.page(text, order, offset, WINDOW)
        memo.asked = (*asked, offset)
    found = memo.rows
    chosen = next((one for one in found if key_of(one) == wanted.chosen), None)
    chosen = chosen or (found[0] if found else None)
    reference = ""
    samples: tuple[int, ...] = ()
    if chosen is not None:
        whole = index.prompt(chosen.prompt_id, chosen.set)
        reference = whole.reference
        samples = tuple(sorted({one.sample for one in whole.rows}))
    rows = tuple(_list_row(one) for one in found)
    return SamplesPage(row["id"], content, rows, offset, memo.total, chosen, reference, samples)


def narrowed(text: str, seed: int | None, sample: int | None) -> tuple[str, str]:
    """The filter for one seed and sample, and the order that the text names.

    A text that itself speaks of seeds or samples is left as it is.
    """
    named = _ORDER.search(text)
    rest = _ORDER.sub(" ", text).strip()
    order = named["name"].strip('"') if named else ""
    if _NAMES_SEED.search(rest):
        return rest, order
    parts = [] if not rest else [f"( {rest} )"]
    if seed is not None:
        parts.append(f"seed={seed}")
    if sample is not None:
        parts.append(f"sample={sample}")
    return " ".join(parts), order


def _list_row(row: SampleRow) -> ListRow:
    from synthlab.analysis.samples import mask

    words = mask(row.prompt) if row.is_harmful else row.prompt[:FIRST_CHARACTERS]
    return ListRow(key_of(row), row.set, row.prompt_id, words, row.seed, row.sample, row.is_harmful)


def build_index(
    home: LabHome, experiment: str, progress: Callable[[int, int, str], None]
) -> SampleIndex:
    """Open the index, building it if it is not there; for a thread of its own. Raises NotFoundError."""
    from synthlab.analysis.samples import open_samples

    with closing(open_reader(home)) as connection:
        return open_samples(home, connection, experiment, progress)
