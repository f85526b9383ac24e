"""The one way to a comparison, for the verb, the console and the report: from words to its result."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from storage.home import LabHome
from synthlab.analysis.chosen_cells import ChosenCells, choose_cells
from synthlab.analysis.comparison import Comparison, ConfigDifference
from synthlab.analysis.comparison_cache import comparison_file, read_comparison, write_comparison
from synthlab.analysis.config_differences import config_differences
from synthlab.analysis.measured import MeasuredCell, read_cells
from synthlab.analysis.shown_metrics import shown_metrics
from synthlab.errors import UsageError

SWAPS = 2_000
"""Random swaps for each corpus metric, unless others are asked for."""

Progress = Callable[[int, int, str], None]
"""How many metrics are done, of how many, and which one is at work, with its part after a colon."""


def compare_conditions(
    connection: sqlite3.Connection,
    home: LabHome,
    words: Sequence[str],
    *,
    axis: str | None = None,
    baseline: str | None = None,
    swaps: int = SWAPS,
    progress: Progress | None = None,
    use_cache: bool = True,
) -> Comparison:
    """Compare what the words mean on one axis; the first condition, or `baseline`, is the baseline.

    words, axis, baseline: as in `chosen_cells.choose_cells`. The same comparison of the same content
    is read from the cache of the home; `use_cache` off computes it anew and replaces what is kept.
    Raises NotFoundError and UsageError.
    """
    chosen = choose_cells(connection, home, words, axis=axis, baseline=baseline)
    panel = _panel(connection, home, chosen)
    file = comparison_file(
        home, [*chosen.cells, *panel], chosen.conditions, axis=chosen.axis, swaps=swaps
    )
    found = read_comparison(file) if use_cache else None
    if found is None:
        found = _computed(connection, home, chosen, panel, swaps, progress)
        # A full disk or a home that may only be read costs the next call its time, not this one
        # its result.
        with contextlib.suppress(OSError):
            write_comparison(file, found)
    return found


def _panel(
    connection: sqlite3.Connection, home: LabHome, chosen: ChosenCells
) -> list[MeasuredCell]:
    """All judges of the experiment, for the bias axis: each is judged against the others."""
    if chosen.axis != "bias":
        return []
    if len(chosen.experiments) > 1:
        raise UsageError(
            f"judges of different experiments saw different texts: {', '.join(chosen.experiments)}",
            "name conditions of one experiment",
        )
    return read_cells(connection, home, chosen.experiments[0], "bias")


def _computed(
    connection: sqlite3.Connection,
    home: LabHome,
    chosen: ChosenCells,
    panel: Sequence[MeasuredCell],
    swaps: int,
    progress: Progress | None,
) -> Comparison:
    conditions = chosen.conditions
    if chosen.axis == "bias":
        from synthlab.analysis.bias_comparison import compare_judges, comparison_of_judges

        found = comparison_of_judges(compare_judges(panel, conditions), chosen.experiments)
    else:
        from synthlab.analysis.compare import compare

        try:
            found = compare(chosen.axis, chosen.cells, conditions, swaps=swaps, progress=progress)
        except ValueError as error:
            raise UsageError(f"{', '.join(chosen.experiments)}: {error}") from error
    compared = [cell for name in conditions for cell in _of_condition(chosen, name, found.seeds)]
    tested = {metric.id for metric in found.metrics}
    return replace(
        found,
        configuration=_configuration(home, compared),
        shown=shown_metrics(connection, compared, tested),
        notes=(*found.notes, *chosen.notes),
    )


def _of_condition(chosen: ChosenCells, condition: str, seeds: Sequence[int]) -> list[MeasuredCell]:
    return [one for one in chosen.cells if one.condition == condition and one.seed in seeds]


def _configuration(home: LabHome, cells: Sequence[MeasuredCell]) -> tuple[ConfigDifference, ...]:
    by_condition: dict[str, list[MeasuredCell]] = {}
    for cell in cells:
        by_condition.setdefault(cell.condition, []).append(cell)
    known: Mapping[str, Sequence[MeasuredCell]] = by_condition
    return config_differences(home, known)
