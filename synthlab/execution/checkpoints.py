"""Adapters that this lab has trained, by the names that people have for their runs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from storage.catalog.connection import open_reader
from storage.catalog.queries import Row, find_runs
from storage.home import LabHome
from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment.models import ModelIdentity
from synthlab.experiment.resolver import TrainedAdapter


@dataclass(frozen=True)
class Checkpoints:
    """The finished fine-tunings of a lab."""

    home: LabHome

    def __call__(self, name: str) -> TrainedAdapter:
        """The adapter of a run id, the beginning of one, a label, or EXPERIMENT:LABEL.

        Raises NotFoundError if there is no such run, SpecError if it has no adapter to give.
        """
        row = self._find(name)
        if row["kind"] != "finetune":
            raise SpecError(f"{row['label']} ({row['id']}) is no fine-tuning: {row['kind']}")
        if row["state"] != "succeeded":
            raise SpecError(
                f"{row['label']} ({row['id']}) is {row['state']}, so it has no adapter",
                f"synthlab show {row['id']}",
            )
        model = json.loads(row["params"])["model"]
        identity = ModelIdentity(model["id"], model["revision"], model["digest"])
        return TrainedAdapter(self.home.run(row["id"]) / "out" / "adapter", identity)

    def _find(self, name: str) -> Row:
        rows: list[Row] = []
        if self.home.catalog.is_file():
            connection = open_reader(self.home)
            try:
                rows = find_runs(connection, name)
            finally:
                connection.close()
        if not rows:
            raise NotFoundError(
                f"there is no run {name!r} in this lab", "`synthlab checkpoints` lists them"
            )
        if len(rows) > 1:
            listed = ", ".join(f"{row['id']} ({row['label']})" for row in rows[:5])
            raise SpecError(f"{name!r} could mean {listed}", "give more letters")
        return rows[0]
