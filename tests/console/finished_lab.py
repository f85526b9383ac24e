"""A lab with real files behind its catalog: one prompt set, people's answers and those of two models."""

from __future__ import annotations

import json
import os
from pathlib import Path

from storage import durable
from storage.catalog.connection import open_catalog, write_transaction
from storage.catalog.ingest import index_run
from storage.home import LabHome
from storage.rundir import Manifest, RunDir, RunExit, RunId
from synthlab.execution.planning import plan_text
from synthlab.execution.queue import run_inputs
from synthlab.execution.submission import accept
from synthlab.jobs import import_
from synthlab.jobs.context import JobContext
from synthlab.jobs.responses import Response
from tests.console.seeded import NOW

TEXT = """\
schema = 1
name = "spam"
[base]
model = "builtin:tiny-verse"
dtype = "float32"

# Sixteen questions with answers.
[prompts.train]
dataset = "people.csv"
[sources.people]
kind = "human"
prompts = "train"
[sources.prose]
kind = "model"
prompts = "train"
model = "builtin:tiny-prose"
sampling = { temperature = 0.8 }
[sources.docs]
kind = "model"
prompts = "train"
model = "builtin:tiny-docs"
system = "Be brief."
"""
ROWS = 16


def finished_lab(home: LabHome, folder: Path) -> Path:
    """Plan the file, import for real, and let the two models have answered; returns the file."""
    rows = "".join(f"q{i},Question {i}?,Answer {i}.\n" for i in range(ROWS))
    (folder / "people.csv").write_text("id,prompt,response\n" + rows, encoding="utf-8")
    path = folder / "spam.toml"
    path.write_text(TEXT, encoding="utf-8")
    planned = plan_text(home, os.environ, TEXT, path)
    connection = open_catalog(home)
    try:
        runs = accept(connection, home, planned.submission, NOW - 600)["runs"]
        for step in planned.submission.steps:
            directory = RunDir(home.run(RunId(runs[step.label])))
            inputs = run_inputs(connection, RunId(runs[step.label]))
            durable.write_json(directory.inputs, {"launched_at": NOW - 500, "inputs": inputs})
            durable.write_json(directory.proc, {"host": "h", "started_at": NOW - 500})
            if step.kind == "import":
                with JobContext(directory) as context:
                    import_.run(context)
            else:
                _answer(directory, step.label)
            directory.write_exit(RunExit("succeeded", "", "", "", NOW - 400))
            with write_transaction(connection):
                index_run(connection, directory)
    finally:
        connection.close()
    return path


def _answer(directory: RunDir, label: str) -> None:
    name = label.removeprefix("generate/")
    generator = f"builtin:tiny-{name}@1234"
    records = [
        Response(
            f"{name}{i}", f"q{i}", generator, generator, 0, 0, f"{name} says {i}.", "stop", 5, 4
        ).to_json()
        for i in range(ROWS)
    ]
    durable.write_jsonl(directory.out / "responses.jsonl", records)
    info = {"generator": generator, "rows": ROWS, "completion_tokens": 4 * ROWS}
    directory.write_manifest(Manifest.of(directory.out, json.loads(json.dumps(info))))
