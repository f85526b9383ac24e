"""What every verb is given: its arguments, the lab home and where to print."""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from storage.catalog.connection import open_reader
from storage.catalog.queries import Row, find_experiment, find_runs
from storage.home import LabHome, locate_home, prepare_home
from synthlab.cli.output import Output
from synthlab.errors import NotFoundError, UsageError


@dataclass(frozen=True)
class Session:
    """One invocation of the command."""

    arguments: argparse.Namespace
    output: Output
    environment: Mapping[str, str]

    @property
    def home(self) -> LabHome:
        """The lab home that the command means, made if it is missing."""
        return prepare_home(locate_home(self.arguments.home, self.environment))

    @contextmanager
    def catalog(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading."""
        connection = open_reader(self.home)
        try:
            yield connection
        finally:
            connection.close()


def one_run(connection: sqlite3.Connection, text: str, *, or_experiment: bool = False) -> Row:
    """The run that `text` means: an id, the beginning of one, a label, or EXPERIMENT:LABEL.

    or_experiment: whether the command would have taken an experiment as well, for the message.
    Raises NotFoundError if there is none, UsageError if several ids begin so.
    """
    rows = find_runs(connection, text)
    if not rows:
        if or_experiment:
            raise NotFoundError(
                f"there is no run and no experiment {text!r}",
                "`synthlab runs` and `synthlab experiments` list them",
            )
        raise NotFoundError(f"there is no run {text!r}", "`synthlab runs` lists them")
    if len(rows) > 1:
        names = ", ".join(f"{row['id']} ({row['label']})" for row in rows[:5])
        raise UsageError(f"{text!r} could mean {len(rows)} runs: {names}", "give more letters")
    return rows[0]


def one_experiment(connection: sqlite3.Connection, text: str) -> Row:
    """The experiment of that name or id; raises NotFoundError."""
    row = find_experiment(connection, text)
    if row is None:
        raise NotFoundError(f"there is no experiment {text!r}", "`synthlab experiments` lists them")
    return row
