"""What one measured cell left on disk: its items and, where a metric needs them, texts and vectors."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import durable
from storage.home import LabHome
from storage.rundir import RunDir, RunId
from synthlab.analysis.statistics.comparability import ComparabilityKey

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from synthlab.metrics.tokenize import TokenizedCorpus


@dataclass(frozen=True)
class MeasuredCell:
    """One condition and seed on one axis."""

    experiment: str
    condition: str
    seed: int
    axis: str
    run_id: RunId
    digest: str
    directory: RunDir
    answers: RunDir
    keys: Mapping[str, ComparabilityKey]
    """Comparability key of each result, by metric."""

    @property
    def name(self) -> str:
        """`condition.s0`, as in step labels."""
        return f"{self.condition}.s{self.seed}"

    @cached_property
    def items(self) -> Sequence[Mapping[str, Any]]:
        """Rows of items.jsonl, in canonical order."""
        return durable.read_records(self.directory.out / "items.jsonl")

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """Answer text by response id."""
        records = durable.read_records(self.answers.out / "responses.jsonl")
        return {record["id"]: record["text"] for record in records}

    @cached_property
    def tokens(self) -> TokenizedCorpus:
        """All texts, in their order, cut by the house tokeniser: once for everything that is compared."""
        from synthlab.metrics.tokenize import tokenize

        return tokenize(self.texts.values())

    @property
    def embeddings_file(self) -> Path:
        """Where the vectors of the usable answers lie, if an embedder was named."""
        return self.directory.out / "embeddings.npy"

    @cached_property
    def vectors(self) -> Mapping[str, npt.NDArray[np.float64]]:
        """Vector of each usable answer by response id; raises ValueError if the rows do not fit.

        A vector is zero where the embedder knew no token of the answer.
        """
        import numpy as np  # lists and tables of other metrics do not pay for it

        matrix = np.load(self.embeddings_file, allow_pickle=False).astype(np.float64)
        usable = [row["response_id"] for row in self.items if not row["reason"]]
        if len(matrix) != len(usable):
            raise ValueError(
                f"{self.embeddings_file} has {len(matrix)} rows for {len(usable)} answers"
            )
        return dict(zip(usable, matrix, strict=True))

    def aligned(self, item_ids: Sequence[str]) -> AlignedAnswers:
        """The answers of these items (`prompt|sample`), in this order."""
        by_item = {f"{row['prompt_id']}|{row['sample']}": row["response_id"] for row in self.items}
        return AlignedAnswers(self, tuple(by_item[item] for item in item_ids))


@dataclass(frozen=True)
class AlignedAnswers:
    """A cell's answers in the row order of a comparison; a metric takes the form that it needs."""

    cell: MeasuredCell
    response_ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.response_ids)

    @cached_property
    def tokens(self) -> TokenizedCorpus:
        """(rows,) the texts cut by the house tokeniser; the vocabulary is the whole cell's."""
        place = {one: number for number, one in enumerate(self.cell.texts)}
        return self.cell.tokens.select([place[one] for one in self.response_ids])

    @property
    def vectors(self) -> npt.NDArray[np.float64]:
        """(rows, dimensions); raises ValueError or OSError if the cell has none that fit."""
        import numpy as np

        found = self.cell.vectors
        rows = [found[one] for one in self.response_ids]
        return np.stack(rows) if rows else np.zeros((0, 1))


def read_cells(
    connection: sqlite3.Connection, home: LabHome, experiment_id: str, axis: str
) -> list[MeasuredCell]:
    """Every finished cell of an experiment on an axis, in plan order."""
    rows = connection.execute(
        "SELECT s.condition, s.seed, s.axis, r.id, r.digest, i.input_run_id AS answers"
        " FROM experiment_steps s JOIN runs r ON r.id = s.run_id"
        " LEFT JOIN run_inputs i ON i.run_id = r.id AND i.role = 'answers'"
        " WHERE s.experiment_id = ? AND s.axis = ? AND r.state = 'succeeded' ORDER BY s.position",
        (experiment_id, axis),
    ).fetchall()
    return [
        MeasuredCell(
            experiment_id,
            row["condition"],
            row["seed"],
            row["axis"],
            RunId(row["id"]),
            row["digest"],
            RunDir(home.run(row["id"])),
            RunDir(home.run(row["answers"] or row["id"])),
            _keys(connection, row["id"]),
        )
        for row in rows
    ]


def _keys(connection: sqlite3.Connection, run_id: str) -> dict[str, ComparabilityKey]:
    rows = connection.execute("SELECT name, key FROM results WHERE run_id = ?", (run_id,))
    return {
        row["name"]: ComparabilityKey.from_json(row["key"])
        for row in rows
        if {"metric", "metric_version"} <= json.loads(row["key"]).keys()
    }
