"""A lab without processes: steps, submissions, and runs that are declared done by hand."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from storage import durable
from storage.catalog.connection import open_catalog, write_transaction
from storage.catalog.ingest import index_run
from storage.home import LabHome
from storage.rundir import Manifest, RunDir, RunExit, RunId
from synthlab.execution.queue import run_inputs
from synthlab.execution.resolve import StepStatus, resolve
from synthlab.execution.submission import Submission, accept
from synthlab.experiment.keys import step_key
from synthlab.experiment.steps import Cell, Step, StepInput, StepKind


def step(label: str, *inputs: Step, cell: Cell | None = None, **params: Any) -> Step:
    """A step of kind `mix` or `import`, whose inputs have their own labels as roles."""
    kind: StepKind = "mix" if inputs else "import"
    key = step_key(kind, params, {i.label: i.key for i in inputs})
    given = tuple(StepInput(i.label, i.label) for i in inputs)
    return Step(kind, label, key, params, given, cell, needs_model=False)


@dataclass
class Lab:
    """A home with its catalog."""

    home: LabHome
    catalog: sqlite3.Connection
    now: float = 1000.0

    @classmethod
    def at(cls, home: LabHome) -> Lab:
        return cls(home, open_catalog(home))

    def submit(self, *steps: Step, text: str = "x", name: str = "exp") -> dict[str, Any]:
        self.now += 1
        return accept(
            self.catalog, self.home, Submission(name, "", "f.toml", text, steps), self.now
        )

    def resolve(self, *steps: Step) -> dict[str, StepStatus]:
        return resolve(self.catalog, self.home, steps)

    def directory(self, run_id: str) -> RunDir:
        return RunDir(self.home.run(run_id))

    def finish(self, run_id: str, state: str = "succeeded", content: str = "") -> None:
        """Let a queued run end as if a job had written `content`."""
        directory = self.directory(run_id)
        inputs = run_inputs(self.catalog, RunId(run_id))
        durable.write_json(directory.inputs, {"launched_at": self.now, "inputs": inputs})
        durable.write_json(directory.proc, {"host": "h", "started_at": self.now})
        if state == "succeeded":
            durable.write_bytes(directory.out / "data", (content or run_id).encode())
            info = {"rows": 1, "parts": [], "sets": [], "origin": "", "licence": ""}
            directory.write_manifest(Manifest.of(directory.out, info))
        directory.write_exit(RunExit(state, "", "", "", self.now))
        self.index(run_id)

    def index(self, *run_ids: str) -> None:
        with write_transaction(self.catalog):
            for run_id in run_ids:
                index_run(self.catalog, self.directory(run_id))

    def state(self, run_id: str) -> str:
        row = self.catalog.execute("SELECT state FROM runs WHERE id = ?", (run_id,)).fetchone()
        return str(row["state"])
