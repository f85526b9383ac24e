"""Run directories as the runner makes them, with the tiny models, for one job at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage import durable
from storage.durable import sha256_file
from storage.rundir import Manifest, RunDir, RunId, RunInput, RunSpec
from synthlab.experiment.models import builtin_model
from synthlab.jobs.context import JobContext

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

QUESTIONS = (
    "Define the word river.",
    "What does json.dumps do?",
    "Recite a verse about mercy.",
    "What does os.path.join do, and why would anybody want to call it twice in a row?",
    "Define the word lantern.",
    "Recite a verse about shepherds and their many flocks upon the hills.",
)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@dataclass
class Lab:
    """A folder of run directories."""

    root: Path

    def add(
        self,
        run_id: str,
        kind: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str] | None = None,
        locate: Mapping[str, str] | None = None,
        observing: Mapping[str, Any] | None = None,
    ) -> RunDir:
        """A queued run whose inputs are finished runs of this lab."""
        roles = inputs or {}
        directory = RunDir(self.root / run_id)
        given = tuple(RunInput(role, RunId(of)) for role, of in roles.items())
        spec = RunSpec(
            RunId(run_id), kind, f"key-{run_id}", f"{kind}/{run_id}", params, given,
            locate or {}, True, 0.0, observing=observing or {},
        )  # fmt: skip
        directory.create(spec)
        known = {role: {"run_id": of, "digest": self.digest(of)} for role, of in roles.items()}
        durable.write_json(directory.inputs, {"inputs": known})
        return directory

    def digest(self, run_id: str) -> str:
        """Content digest of a finished run."""
        manifest = RunDir(self.root / run_id).read_manifest()
        assert manifest is not None, f"{run_id} has not published"
        return manifest.digest

    def prompts(self, run_id: str = "prompts1", count: int = 6) -> str:
        """A finished import of questions with human answers, under the set name `test`."""
        directory = self.add(run_id, "import", {})
        rows = [
            {"id": f"p{i}", "text": f"{QUESTIONS[i % 6]}{' Again.' * (i // 6)}", "category": "",
             "system": None}
            for i in range(count)
        ]  # fmt: skip
        durable.write_jsonl(directory.out / "test.prompts.jsonl", rows)
        answers = [human_response(f"p{i}", i) for i in range(count)]
        durable.write_jsonl(directory.out / "test.responses.jsonl", answers)
        directory.write_manifest(Manifest.of(directory.out, {}))
        return run_id

    def events(self, run_id: str, kind: str) -> list[dict[str, Any]]:
        """What a run reported of one type."""
        every = durable.read_records(RunDir(self.root / run_id).events)
        return [event for event in every if event["type"] == kind]


def human_response(prompt_id: str, number: int) -> dict[str, Any]:
    """A human answer as `import` writes it."""
    return {
        "id": f"h{number}",
        "prompt_id": prompt_id,
        "source": "human:test@0123456789ab",
        "generator": "human:test@0123456789ab",
        "sample": 0,
        "seed": 0,
        "text": f"A wide stream of water, number {number}, that flows down to the great sea.",
        "finish_reason": "human",
        "prompt_tokens": 0,
        "completion_tokens": 0,
    }


def model_params(name: str) -> dict[str, Any]:
    """A tiny model as it stands in the parameters of a step."""
    digest = sha256_file(builtin_model(name) / "model.safetensors")
    return {"id": f"builtin:{name}", "revision": None, "digest": digest}


def located(name: str) -> dict[str, str]:
    """Where a tiny model lies."""
    return {"model": str(builtin_model(name))}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty lab."""
    return Lab(tmp_path)


@pytest.fixture
def run_job() -> Iterator[Any]:
    """Call a job's `run` in this process, in the run directory given."""

    def call(job: Any, directory: RunDir) -> JobContext:
        with JobContext(directory) as context:
            job.run(context)
        return context

    yield call
