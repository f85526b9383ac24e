"""What a mixture of finished sources would hold: the rows that the job would take, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from screens.live import Reading
from screens.snapshots.material import is_harmful
from storage.durable import read_lines
from synthlab.errors import JobError
from synthlab.execution.finished_sources import (
    FinishedSource,
    SourceKey,
    finished_source,
    newest_base,
)
from synthlab.experiment.edit import TomlValue
from synthlab.experiment.recipes import recipe_folder
from synthlab.experiment.spec import Assign, Filters
from synthlab.jobs.assignment import Assignment, assign, assign_all
from synthlab.jobs.candidates import Candidates, MixPrompt, ResponseFilters, usable_responses
from synthlab.jobs.responses import Response

SHOWN_ROWS = 6
SHOWN_TEXT = 200
MASKED = "(harmful texts are masked)"


@dataclass(frozen=True)
class Target:
    """Where new tables would go."""

    file: Path | None
    """The file of the newest experiment that came from one of the user's own."""
    base: Mapping[str, TomlValue] | None
    """`[base]` of the newest experiment, for a new file."""


@dataclass(frozen=True)
class Material:
    """Everything that a mixture of some sources is made of, read once."""

    sources: tuple[FinishedSource, ...]
    prompts: tuple[MixPrompt, ...]
    parts: tuple[Candidates, ...]
    is_masked: bool
    target: Target


@dataclass(frozen=True)
class PreviewRow:
    """One row of the mixture."""

    part: int
    asked: str
    answered: str


@dataclass(frozen=True)
class Preview:
    """What came of shares, assignment and number of rows."""

    counts: tuple[int, ...]
    """Rows of each source."""
    first: tuple[PreviewRow, ...]
    note: str
    """What the shares could not have their way with."""
    problem: str
    """Why there is no such mixture; empty where there is."""


def read_material(reading: Reading, keys: Sequence[SourceKey]) -> Material:
    """Read prompts and answers of the sources, in a thread.

    Raises NotFoundError, SpecError or JobError where they cannot be mixed.
    """
    sources = tuple(finished_source(reading.catalog, reading.home, key) for key in keys)
    sets = {source.key.prompts for source in sources}
    if len(sets) > 1:
        raise JobError(
            "different_prompts",
            f"the marked sources answer {len(sets)} prompt sets: {', '.join(sorted(sets))}",
            "mark sources of one prompt set",
        )
    prompts = tuple(MixPrompt.from_json(one) for one in _records(sources[0].prompt_file))
    filters = ResponseFilters(
        Filters.min_chars, Filters.max_chars, Filters.dedupe, Filters.drop_truncated
    )
    parts = tuple(
        usable_responses(prompts, map(Response.from_json, _records(one.response_file)), filters)
        for one in sources
    )
    masked = any(is_harmful(reading, key.run_id) for key in keys)
    return Material(sources, prompts, parts, masked, read_target(reading))


def read_target(reading: Reading) -> Target:
    """The file that a new table most likely belongs to, and what a new one would begin with."""
    return Target(_newest_file(reading), newest_base(reading.catalog))


def preview(
    material: Material, shares: Sequence[int], how: Assign, rows: int | None, seed: int = 0
) -> Preview:
    """The rows of the mixture, by the code that makes it; shares of 0 leave a source out."""
    used = [number for number, share in enumerate(shares) if share > 0]
    nothing = (0,) * len(shares)
    if not used:
        return Preview(nothing, (), "", "at least one source needs a share above 0")
    parts, weights = [material.parts[n] for n in used], [shares[n] for n in used]
    if how == "all" and len(set(weights)) > 1:
        return Preview(nothing, (), "", "where everybody answers all, the shares must be equal")
    try:
        if how == "all":
            made = assign_all(material.prompts, parts, rows, seed, dedupe=Filters.dedupe)
        else:
            made = assign(material.prompts, parts, weights, how, rows, seed)
    except JobError as error:
        return Preview(nothing, (), "", error.message)
    counts = list(nothing)
    for row in made.rows:
        counts[used[row.part]] += 1
    prompts = {prompt.id: prompt.text for prompt in material.prompts}
    first = tuple(
        PreviewRow(used[row.part], *_texts(material, used[row.part], row.prompt_id, prompts))
        for row in made.rows[:SHOWN_ROWS]
    )
    return Preview(tuple(counts), first, _note(made), "" if made.rows else "no row is left")


def _texts(
    material: Material, part: int, prompt_id: str, prompts: dict[str, str]
) -> tuple[str, str]:
    if material.is_masked:
        return prompt_id, MASKED
    answer = material.parts[part].by_prompt[prompt_id].text
    return prompts[prompt_id][:SHOWN_TEXT], answer[:SHOWN_TEXT]


def _note(made: Assignment) -> str:
    told = (
        (made.no_response, "without a usable answer"),
        (made.swapped, "exchanged between sources"),
        (made.reassigned, "given to another source"),
        (made.duplicates, "left out as duplicates"),
    )
    return ", ".join(f"{count} {what}" for count, what in told if count)


def _records(path: Path) -> Iterator[Any]:
    return (line.record for line in read_lines(path) if not line.problem)


def _newest_file(reading: Reading) -> Path | None:
    rows = reading.catalog.execute("SELECT file FROM experiments ORDER BY created_at DESC LIMIT 50")
    for row in rows:
        path = Path(row["file"] or "")
        if path.suffix == ".toml" and path.is_file() and path.parent != recipe_folder():
            return path
    return None
