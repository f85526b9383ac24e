"""The recipe `tiny` run whole: what it leaves is open to other tools, and nothing is done twice."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from storage.home import LabHome, prepare_home
from storage.rundir import RunDir
from synthlab.experiment.recipes import find_recipe
from tests.commands import Command

pytestmark = pytest.mark.slow

CONDITIONS = {"vanilla", "human", "single", "multi"}


def directory(command: Command, label: str) -> RunDir:
    return RunDir(Path(command.json("show", label)["directory"]))


def test_every_condition_and_seed_is_measured(tiny_lab: Command) -> None:
    rows = tiny_lab.json("results", "tiny")["rows"]
    names = {row["name"] for row in rows}
    assert {"ppl1-token", "ppl2-token", "self-bleu-4", "distinct-2"} <= names
    for name in names:
        cells = {(row["condition"], row["seed"]) for row in rows if row["name"] == name}
        assert cells == {(condition, seed) for condition in CONDITIONS for seed in (0, 1)}
    assert all(row["value"] is not None or row["reason"] for row in rows)
    assert all(0 < row["n"] <= row["n_total"] for row in rows if row["value"] is not None)


def test_the_table_and_the_document_show_the_same_numbers(tiny_lab: Command) -> None:
    rows = tiny_lab.json("results", "tiny")["rows"]
    table = tiny_lab.run("results", "tiny", "--all").stdout
    for row in rows:
        if row["name"] == "ppl1-token":
            assert f"{row['value']:.4g}" in table


def test_every_axis_is_shown_and_can_be_compared(tiny_lab: Command) -> None:
    axes = {row["axis"] for row in tiny_lab.json("results", "tiny")["rows"]}
    assert {"collapse", "bias"} <= axes
    shown = tiny_lab.run("results", "tiny").stdout
    assert all(f"tiny.1, {axis}:" in shown for axis in axes)
    assert all(len(line) <= 80 for line in shown.splitlines() if line.startswith("vanilla"))
    for axis in axes:
        compared = tiny_lab.json("compare", "tiny", "--axis", axis, "--swaps", "50")
        assert compared["conditions"] == ["vanilla", "human", "single", "multi"]


def test_a_judge_that_cannot_judge_has_no_bias(tiny_lab: Command) -> None:
    """Micro models follow the order of showing: their health says so and their bias is withheld."""
    compared = tiny_lab.json("compare", "tiny", "--axis", "bias")
    assert len(compared["judges"]) == 8
    for judge in compared["judges"]:
        assert not judge["is_believed"]
        assert judge["doubts"]
        assert judge["biases"]["bias-net"]["value"] is None
        assert judge["biases"]["bias-net"]["reason"]
    (tested,) = [one for one in compared["metrics"] if one["id"] == "bias-net"]
    assert tested["contrasts"]
    for contrast in tested["contrasts"]:
        assert contrast["result"]["p"] is None
        assert contrast["verdict"]["outcome"] == "undecided"


def test_human_data_brings_the_model_closer_to_human_text(tiny_lab: Command) -> None:
    """The one difference that twelve steps must make: else nothing was trained, or on other rows."""
    rows = tiny_lab.json("results", "tiny")["rows"]
    ppl2 = {(r["condition"], r["seed"]): r["value"] for r in rows if r["name"] == "ppl2-token"}
    for seed in (0, 1):
        assert ppl2["human", seed] < 0.9 * ppl2["vanilla", seed]
    assert ppl2["human", 0] != ppl2["human", 1]


def test_an_adapter_loads_with_plain_peft(tiny_lab: Command) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = Path(find_recipe("tiny").path).parents[1] / "models" / "tiny-verse"
    tokens = AutoTokenizer.from_pretrained(base)("What is a lantern?", return_tensors="pt")
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with torch.no_grad():
        before = model(**tokens).logits
        adapted = PeftModel.from_pretrained(
            model, directory(tiny_lab, "finetune/human.s0").out / "adapter"
        )
        after = adapted(**tokens).logits
    assert not torch.allclose(before, after, atol=1e-3)


def test_a_mixture_loads_with_plain_datasets(tiny_lab: Command) -> None:
    from datasets import load_dataset

    path = directory(tiny_lab, "mix/multi").out / "mixture.jsonl"
    rows = load_dataset("json", data_files=str(path), split="train")
    (listed,) = [r for r in tiny_lab.json("mixtures")["rows"] if r["label"] == "mix/multi"]
    assert len(rows) == listed["rows"] == 32
    assert len(set(rows["id"])) == len(rows)
    counts = sorted(part["rows"] for part in listed["parts"])
    assert counts == [16, 16]
    assert {m["role"] for m in rows[0]["messages"]} >= {"user", "assistant"}


def test_the_catalog_opens_in_sqlite_utils(tiny_lab: Command) -> None:
    database = Database(sqlite3.connect(tiny_lab.home.catalog))
    states = {row["state"] for row in database.table("runs").rows}
    assert states == {"succeeded"}
    losses = database.query(
        "SELECT count(*) AS n FROM metrics JOIN metric_names ON metric_names.id = metrics.name"
        " WHERE metric_names.name = 'loss'"
    )
    assert next(iter(losses))["n"] > 0


def test_everything_verifies_until_a_byte_is_changed(tiny_lab: Command, tmp_path: Path) -> None:
    shutil.copytree(tiny_lab.home.root, tmp_path / "lab")
    command = Command(prepare_home(LabHome(tmp_path / "lab")))
    assert command.run("verify").returncode == 0
    victim = directory(command, "mix/human").out / "mixture.jsonl"
    victim.write_bytes(victim.read_bytes().replace(b"a", b"b", 1))
    ended = command.run("verify")
    assert ended.returncode == 1
    assert "mix/human" in ended.stdout


@pytest.fixture
def copied(tiny_lab: Command, tmp_path: Path) -> Command:
    shutil.copytree(tiny_lab.home.root, tmp_path / "lab")
    return Command(prepare_home(LabHome(tmp_path / "lab")))


def planned(command: Command, path: Path) -> dict[str, str]:
    steps = command.json("plan", str(path))["steps"]
    return {step["label"]: step["action"] for step in steps}


def edited(tmp_path: Path, before: str, after: str) -> Path:
    text = find_recipe("tiny").path.read_text()
    assert before in text
    path = tmp_path / "edited.toml"
    path.write_text(text.replace(before, after))
    return path


def test_the_same_again_does_nothing(copied: Command) -> None:
    steps = len(copied.json("plan", "tiny")["steps"])
    ended = copied.run("run", "tiny")
    assert ended.returncode == 0
    assert f"{steps} steps: {steps} cached" in ended.stderr
    assert all(d.attempts_ended == 0 for d in copied.directories())


def test_a_new_seed_adds_only_its_own_cells(copied: Command, tmp_path: Path) -> None:
    actions = planned(copied, edited(tmp_path, "seeds = [0, 1]", "seeds = [0, 1, 2]"))
    run = {label for label, action in actions.items() if action != "cached"}
    assert run == {label for label in actions if label.endswith(".s2")}
    assert run


def test_an_edit_redoes_only_what_it_touches(copied: Command, tmp_path: Path) -> None:
    path = edited(tmp_path, "learning_rate = 2e-3", "learning_rate = 1e-3")
    steps = copied.json("plan", str(path))["steps"]
    for step in steps:
        trained = any(f"{c}.s" in step["label"] for c in ("human", "single", "multi"))
        judges = step["kind"] == "bias"  # every judge reads the answers of all conditions
        assert (step["action"] != "cached") == (trained or judges), step["label"]
    reasons = {step["reason"] for step in steps if step["label"].startswith("finetune/")}
    assert all("learning_rate" in reason for reason in reasons)


def test_the_log_and_the_run_page_are_there(tiny_lab: Command) -> None:
    shown = tiny_lab.run("show", "finetune/multi.s0").stdout
    assert "loss" in shown
    assert "adapter" in shown
    document = tiny_lab.json("show", "collapse/multi.s1")
    assert {given["role"] for given in document["inputs"]} >= {"answers", "human", "adapter"}
    assert json.dumps(document["info"]["environment"])
    assert document["info"]["environment"]["transformers"] != "absent"
    assert tiny_lab.run("logs", "finetune/multi.s0").returncode == 0
