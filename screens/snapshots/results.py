"""All numbers of an experiment, a row for each metric and condition."""

from __future__ import annotations

from dataclasses import dataclass

from screens.live import Reading
from storage.catalog.queries import experiment_results, find_experiment, newest_experiment
from synthlab.analysis.headline import HEADLINES, headlines_of
from synthlab.analysis.summary import CellSummary, MetricLine, SeedValue, summarise


@dataclass(frozen=True)
class ResultRow:
    """One metric of one condition, over its seeds."""

    axis: str
    metric: str
    title: str
    """Short name of a headline, else the metric itself."""
    meaning: str
    unit: str
    condition: str
    mean: float | None
    seeds: tuple[SeedValue, ...]
    scored: str
    reasons: str
    is_headline: bool

    @property
    def key(self) -> str:
        """What tells the row from all others."""
        return f"{self.axis}\n{self.metric}\n{self.condition}"


@dataclass(frozen=True)
class Results:
    """What the screen shows."""

    experiment: str
    rows: tuple[ResultRow, ...]
    missing: tuple[str, ...]
    """Labels of measuring steps that have not succeeded."""


def read_results(reading: Reading, experiment: str | None) -> Results | None:
    """Read them; None for a catalog without an experiment."""
    catalog = reading.catalog
    row = find_experiment(catalog, experiment) if experiment else None
    row = row or newest_experiment(catalog)
    if row is None:
        return None
    table = summarise(experiment_results(catalog, row["id"]))
    axes = list(dict.fromkeys(line.axis for line in table.lines))
    rows: list[ResultRow] = []
    for axis in axes:
        own = [line for line in table.lines if line.axis == axis]
        rows += _of_axis(axis, own)
    missing = catalog.execute(
        "SELECT s.label FROM experiment_steps s JOIN runs r ON r.id = s.run_id"
        " WHERE s.experiment_id = ? AND s.axis IS NOT NULL AND r.state != 'succeeded'"
        " ORDER BY s.position",
        (row["id"],),
    )
    return Results(row["id"], tuple(rows), tuple(one[0] for one in missing))


def _of_axis(axis: str, lines: list[MetricLine]) -> list[ResultRow]:
    """Headlines in their own order, then everything else as it was measured."""
    known = headlines_of(axis, [line.name for line in lines]) if axis in HEADLINES else []
    place = {headline.metric: number for number, headline in enumerate(known)}
    said = {headline.metric: headline for headline in known}
    ordered = sorted(lines, key=lambda line: place.get(line.name, len(place)))
    rows = []
    for line in ordered:
        headline = said.get(line.name)
        for cell in line.cells.values():
            if cell.seeds:
                rows.append(
                    _row(
                        line,
                        cell,
                        # What is measured for each prompt set is called by the set alone there.
                        headline.title if headline and "/" not in line.name else line.name,
                        headline.meaning if headline else "",
                        headline is not None,
                    )
                )
    return rows


def _row(
    line: MetricLine, cell: CellSummary, title: str, meaning: str, is_headline: bool
) -> ResultRow:
    return ResultRow(
        line.axis,
        line.name,
        title,
        meaning,
        line.unit,
        cell.condition,
        cell.mean,
        cell.seeds,
        cell.scored,
        cell.reasons,
        is_headline,
    )
