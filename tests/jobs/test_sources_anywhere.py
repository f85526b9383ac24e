"""People, a model of this machine, an adapter and a server in one mixture: from one file to results."""

from __future__ import annotations

import csv
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from storage.durable import read_records
from storage.home import LabHome
from storage.rundir import RunDir
from synthlab.experiment.models import builtin_model
from synthlab.jobs.generate import LOG
from tests.commands import Command
from tests.jobs.processes import wait_until
from tests.jobs.served import KEY, MODEL
from tests.jobs.test_generate_served import free_port, serve

pytestmark = pytest.mark.slow

ROWS = 16
FILE = """\
schema = 1
name = "anywhere"

[base]
model = "builtin:tiny-verse"
dtype = "float32"

[prompts.train]
dataset = "people.csv"
columns = { prompt = "question", response = "answer" }
[prompts.test]
holdout = { of = "train", rows = 4 }

[sources.people]
kind = "human"
prompts = "train"
[sources.here]
kind = "model"
prompts = "train"
model = "builtin:tiny-prose"
sampling = { max_new_tokens = 16 }
[sources.adapted]
kind = "model"
prompts = "train"
adapter = "adapter"
sampling = { max_new_tokens = 16 }
[sources.served]
kind = "model"
prompts = "train"
engine = "openai"
model = "MODEL"
revision = "2026-11"
base_url = "http://127.0.0.1:PORT/v1"
api_key_env = "ANYWHERE_API_KEY"
concurrency = 1
patience_s = 1
price = { prompt_per_million = 1, completion_per_million = 2 }

[mixtures.all]
shares = { people = 1, here = 1, adapted = 1, served = 1 }

[finetune]
lora = { r = 2, alpha = 4, dropout = 0.0 }
max_steps = 2
batch_size = 4
max_length = 64
validation_share = 0

[evaluate]
sampling = { max_new_tokens = 16 }
[evaluate.collapse]
metrics = ["ppl2", "distinct", "length"]
token_budget = 20
"""


def write_people(path: Path) -> None:
    """A spreadsheet as people have it: a byte-order mark, quotes and line breaks in its fields."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["question", "answer"])
        for i in range(ROWS):
            rows.writerow([f'What is "thing {i}"?', f"Thing {i} is a river,\nas everybody knows."])


def write_adapter(folder: Path) -> None:
    """A peft folder, as somebody's own training leaves it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(builtin_model("tiny-verse"), dtype=torch.float32)
    model = get_peft_model(
        base, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    )
    model.save_pretrained(folder)


@contextmanager
def on_port(port: int, pause_s: float) -> Iterator[subprocess.Popen[bytes]]:
    process = serve(port, pause_s)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def responses(command: Command, label: str) -> list[dict[str, Any]]:
    return read_records(Path(command.json("show", label)["directory"]) / "out" / "responses.jsonl")


def test_four_kinds_of_sources_run_to_results_through_a_server_that_dies(
    home: LabHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, folder, port = Command(home), home.root.parent, free_port()
    write_people(folder / "people.csv")
    write_adapter(folder / "adapter")
    path = folder / "anywhere.toml"
    path.write_text(FILE.replace("PORT", str(port)).replace("MODEL", MODEL))

    # A supervisor that was started without the key must not keep the run from it.
    monkeypatch.delenv("ANYWHERE_API_KEY", raising=False)
    planned = command.run("plan", str(path))
    assert planned.returncode == 0, planned.stderr
    assert "nobody can check which model answers" in planned.stderr
    assert command.run("run", "tiny", "--detach").returncode == 0
    assert command.run("stop", "tiny.1").returncode == 0
    monkeypatch.setenv("ANYWHERE_API_KEY", KEY)

    with on_port(port, 0.3) as server:
        running = command.start("run", str(path))
        log = wait_for_answers(command, running, 3)
        server.send_signal(signal.SIGKILL)
        assert running.wait(240) == 1
    listed = {
        row["label"]: row
        for row in command.json("runs", "--filter", "experiment:anywhere.1")["rows"]
    }
    assert (listed["generate/served"]["state"], listed["generate/served"]["reason"]) == (
        "interrupted", "server_gone",
    )  # fmt: skip
    shown = command.json("show", "anywhere:generate/served")
    assert "gave no answer" in shown["message"]
    assert listed["generate/here"]["state"] == "succeeded"
    kept = read_records(log)
    assert 3 <= len(kept) < ROWS - 4

    with on_port(port, 0.0):
        assert command.run("retry", listed["generate/served"]["id"]).returncode == 0
        ended = command.run("run", str(path))
        assert ended.returncode == 0, ended.stderr
    answers = responses(command, "anywhere:generate/served")
    assert [r for r in answers if r["id"] in {k["id"] for k in kept}] == kept
    assert len(answers) == ROWS - 4
    assert {r["generator"].split("~")[0] for r in answers} == {f"{MODEL}@served-2026-11"}

    mixture = read_records(
        Path(command.json("show", "anywhere:mix/all")["directory"]) / "out" / "mixture.jsonl"
    )
    kinds = {str(row["source"]).split("@")[0].split(":")[0] for row in mixture}
    assert kinds == {"human", "builtin", MODEL}
    rows = command.json("results", "anywhere")["rows"]
    assert {row["condition"] for row in rows} == {"vanilla", "all"}
    assert all(row["value"] is not None or row["reason"] for row in rows)
    manifest = RunDir(
        Path(command.json("show", "anywhere:generate/served")["directory"])
    ).read_manifest()
    assert manifest is not None
    assert manifest.info["cost"] > 0
    assert_key_is_nowhere(home)
    checkpoint(command, path)


def assert_key_is_nowhere(home: LabHome) -> None:
    for file in home.root.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


def checkpoint(command: Command, path: Path) -> None:
    """The adapter that the experiment has trained is a source of the next one."""
    text = (
        path.read_text()
        .replace('"anywhere"', '"again"')
        .replace('adapter = "adapter"', 'adapter = "checkpoint:anywhere:finetune/all.s0"')
    )
    again = path.with_name("again.toml")
    again.write_text(text.replace(", served = 1", "").replace(", here = 1", ""))
    steps = {row["label"]: row for row in command.json("plan", str(again))["steps"]}
    assert steps["generate/here"]["action"] == "cached"
    assert steps["generate/served"]["action"] == "cached"
    assert steps["generate/adapted"]["action"] == "run"
    ended = command.run("run", str(again))
    assert ended.returncode == 0, ended.stderr
    trained = responses(command, "again:generate/adapted")
    own = responses(command, "anywhere:generate/adapted")
    assert [r["prompt_id"] for r in trained] == [r["prompt_id"] for r in own]
    assert {r["generator"] for r in trained}.isdisjoint(r["generator"] for r in own)
    again.write_text(text.replace("tiny-verse", "tiny-docs"))
    refused = command.run("plan", str(again))
    assert refused.returncode == 2
    assert "was trained on builtin:tiny-verse" in refused.stderr
    again.write_text(text.replace("finetune/all.s0", "mix/all"))
    assert "is no fine-tuning" in command.run("plan", str(again)).stderr
    again.write_text(text.replace("finetune/all.s0", "finetune/none.s0"))
    assert "there is no run" in command.run("plan", str(again)).stderr


def wait_for_answers(command: Command, running: subprocess.Popen[bytes], count: int) -> Path:
    """The log of the served source once it holds some answers."""

    def log() -> Path | None:
        for directory in command.directories():
            spec = directory.read_optional(directory.root / "spec.json")
            if spec.get("label") == "generate/served" and (directory.work / LOG).exists():
                return directory.work / LOG
        return None

    wait_until(lambda: (found := log()) is not None and len(read_records(found)) >= count, running)
    found = log()
    assert found is not None
    return found
