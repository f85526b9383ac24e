"""From words such as `demo:human multi` to the measured cells that a comparison is made of."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from storage.catalog.queries import find_experiment, find_runs, newest_experiment
from storage.home import LabHome
from synthlab.analysis.measured import MeasuredCell, read_cells
from synthlab.errors import NotFoundError, UsageError

AXES = ("collapse", "robustness", "bias")
"""In the order in which one is chosen where none is named."""


@dataclass(frozen=True)
class ChosenCells:
    """The cells of a comparison, its conditions in order, baseline first."""

    axis: str
    cells: tuple[MeasuredCell, ...]
    conditions: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def experiments(self) -> tuple[str, ...]:
        """Ids of the experiments that the cells belong to."""
        return tuple(dict.fromkeys(cell.experiment for cell in self.cells))


class _Wanted(NamedTuple):
    experiment: str
    condition: str | None
    """None for all of them."""
    seed: int | None = None
    """Of a run; None for all seeds."""


def choose_cells(
    connection: sqlite3.Connection,
    home: LabHome,
    words: Sequence[str],
    *,
    axis: str | None = None,
    baseline: str | None = None,
) -> ChosenCells:
    """The finished cells that the words mean.

    A word is an experiment (all its conditions), EXPERIMENT:CONDITION, a condition of the experiment
    named before it (the newest to begin with), or a run that belongs to one condition and seed.
    axis: if left out, collapse or else the first that all named experiments have measured.
    baseline: a condition that is put first. Raises NotFoundError for what is not there or not
    measured, UsageError for fewer than two conditions.
    """
    wanted = _wanted(connection, words)
    experiments = list(dict.fromkeys(one.experiment for one in wanted))
    chosen_axis = axis or _common(connection, experiments)[0]
    cells = _cells_of(connection, home, wanted, chosen_axis, several=len(experiments) > 1)
    conditions = list(dict.fromkeys(cell.condition for cell in cells))
    if baseline is not None:
        first = _baseline(conditions, baseline)
        conditions = [first, *(name for name in conditions if name != first)]
    if len(conditions) < 2:
        raise UsageError(
            f"a comparison needs two conditions, {', '.join(experiments)} gives"
            f" {', '.join(conditions)}",
            "name another condition, or another experiment",
        )
    cells, notes = _one_seed_for_runs(wanted, cells)
    return ChosenCells(chosen_axis, tuple(cells), tuple(conditions), notes)


def axes_measured(connection: sqlite3.Connection, experiment_id: str) -> tuple[str, ...]:
    """Axes on which an experiment has a finished measurement, in the order of `AXES`."""
    rows = connection.execute(
        "SELECT DISTINCT s.axis FROM experiment_steps s JOIN runs r ON r.id = s.run_id"
        " WHERE s.experiment_id = ? AND s.axis IS NOT NULL AND r.state = 'succeeded'",
        (experiment_id,),
    )
    found = {row["axis"] for row in rows}
    return tuple(axis for axis in AXES if axis in found)


def common_axes(connection: sqlite3.Connection, words: Sequence[str]) -> tuple[str, ...]:
    """Axes that every experiment of the words has measured, in the order of `AXES`; never none.

    Raises NotFoundError as `choose_cells` does.
    """
    return _common(
        connection, list(dict.fromkeys(w.experiment for w in _wanted(connection, words)))
    )


def _common(connection: sqlite3.Connection, experiments: Sequence[str]) -> tuple[str, ...]:
    measured = [axes_measured(connection, one) for one in experiments]
    common = tuple(axis for axis in AXES if all(axis in one for one in measured))
    # Without any, reading the cells of the first axis names the experiment that lacks it.
    return common or AXES[:1]


def _wanted(connection: sqlite3.Connection, words: Sequence[str]) -> list[_Wanted]:
    newest = newest_experiment(connection)
    current = str(newest["id"]) if newest else ""
    found: list[_Wanted] = []
    for word in words:
        experiment, colon, condition = word.rpartition(":")
        if (named := find_experiment(connection, word)) is not None:
            current = str(named["id"])
            found.append(_Wanted(current, None))
        elif colon and (named := find_experiment(connection, experiment)) is not None:
            current = str(named["id"])
            run = None if _is_condition(connection, current, condition) else _run(connection, word)
            found.append(run or _Wanted(current, condition))
        elif colon:
            raise NotFoundError(f"there is no experiment {experiment!r}", "synthlab experiments")
        elif not current:
            raise NotFoundError(f"there is no experiment {word!r}", "synthlab experiments")
        else:
            run = None if _is_condition(connection, current, word) else _run(connection, word)
            found = [one for one in found if one != _Wanted(current, None)]
            found.append(run or _Wanted(current, word))
    return found


def _is_condition(connection: sqlite3.Connection, experiment: str, word: str) -> bool:
    row = connection.execute(
        "SELECT 1 FROM experiment_steps WHERE experiment_id = ? AND condition = ? LIMIT 1",
        (experiment, word),
    ).fetchone()
    return row is not None


def _run(connection: sqlite3.Connection, word: str) -> _Wanted | None:
    """The one condition and seed that a run was made for; None if the word is no such run."""
    rows = find_runs(connection, word)
    if len(rows) != 1:
        return None
    step = connection.execute(
        "SELECT s.experiment_id, s.condition, s.seed FROM experiment_steps s"
        " JOIN experiments e ON e.id = s.experiment_id WHERE s.run_id = ?"
        " AND s.condition IS NOT NULL AND s.seed IS NOT NULL ORDER BY e.created_at DESC LIMIT 1",
        (rows[0]["id"],),
    ).fetchone()
    return _Wanted(step["experiment_id"], step["condition"], step["seed"]) if step else None


def _cells_of(
    connection: sqlite3.Connection,
    home: LabHome,
    wanted: Sequence[_Wanted],
    axis: str,
    *,
    several: bool,
) -> list[MeasuredCell]:
    chosen: dict[tuple[str, str, int], MeasuredCell] = {}
    for one in wanted:
        cells = read_cells(connection, home, one.experiment, axis)
        measured = list(dict.fromkeys(cell.condition for cell in cells))
        if not measured:
            raise NotFoundError(
                f"{one.experiment} has no finished measurement on the axis {axis}",
                f"synthlab show {one.experiment} tells what is missing",
            )
        kept = [
            cell
            for cell in cells
            if one.condition in (None, cell.condition) and one.seed in (None, cell.seed)
        ]
        if not kept:
            raise NotFoundError(
                f"{one.experiment} has not measured a condition {one.condition!r}"
                + ("" if one.seed is None else f" with seed {one.seed}"),
                f"it has: {', '.join(measured)}",
            )
        prefix = f"{one.experiment}:" if several else ""
        suffix = "" if one.seed is None else f".s{one.seed}"
        for cell in kept:
            name = f"{prefix}{cell.condition}{suffix}"
            chosen[cell.experiment, name, cell.seed] = replace(cell, condition=name)
    return list(chosen.values())


def _baseline(conditions: Sequence[str], wanted: str) -> str:
    fitting = [c for c in conditions if wanted in (c, c.rpartition(":")[2])]
    if len(fitting) == 1:
        return fitting[0]
    problem = "could be several of" if fitting else "is none of"
    raise UsageError(f"the baseline {wanted!r} {problem} the conditions: {', '.join(conditions)}")


def _one_seed_for_runs(
    wanted: Sequence[_Wanted], cells: Sequence[MeasuredCell]
) -> tuple[list[MeasuredCell], tuple[str, ...]]:
    """Single runs are compared whatever their seeds: under the seed of the first one."""
    seeds = {one.seed for one in wanted}
    if None in seeds or len(seeds) < 2:
        return list(cells), ()
    note = "single runs of different training seeds: a difference may be the seed's alone"
    return [replace(cell, seed=cells[0].seed) for cell in cells], (note,)
