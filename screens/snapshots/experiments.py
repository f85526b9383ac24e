"""The list of experiments, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from screens.live import Reading
from storage.catalog.queries import EXPERIMENTS, list_rows


@dataclass(frozen=True)
class ExperimentRow:
    """One revision of an experiment file."""

    identity: str
    description: str
    created_at: float
    runs: int
    succeeded: int
    ended_badly: int
    unfinished: int


def read_experiments(reading: Reading) -> tuple[ExperimentRow, ...]:
    """All of them."""
    return tuple(
        ExperimentRow(
            row["id"],
            row["description"] or "",
            row["created_at"],
            row["runs"],
            row["succeeded"],
            row["ended_badly"],
            row["unfinished"],
        )
        for row in list_rows(reading.catalog, EXPERIMENTS)
    )
