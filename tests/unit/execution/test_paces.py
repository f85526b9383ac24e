"""What the catalog says of earlier runs, and what a site's settings make of a plan."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from storage.catalog.connection import open_catalog, write_transaction
from storage.home import LabHome
from synthlab.errors import SpecError
from synthlab.execution.gpus import Gpu
from synthlab.execution.paces import read_counted, read_facts, read_paces
from synthlab.execution.settings import load_settings
from synthlab.experiment.estimates import Pace
from synthlab.experiment.shapes import gpu_of


class Machine:
    """A machine with these GPUs."""

    def __init__(self, *names: str) -> None:
        self.found = [Gpu(f"u{i}", i, name, 80_000, 0, ()) for i, name in enumerate(names)]

    def gpus(self) -> Sequence[Gpu]:
        return self.found


def add_run(home: LabHome, number: int, kind: str, seconds: float, **more: Any) -> None:
    params = {"model": {"id": "own/er"}, "sampling": {"max_new_tokens": 64}, "batch_size": 4}
    connection = open_catalog(home)
    with write_transaction(connection):
        connection.execute(
            "INSERT INTO runs (id, num, kind, label, key, state, created_at, events_offset,"
            " params, needs_model, attempt, started_at, ended_at, progress_total, info, process)"
            " VALUES (?, ?, ?, 'x', ?, ?, 0, 0, ?, 1, ?, 100, ?, ?, ?, ?)",
            (
                f"r{number}",
                number,
                kind,
                f"key{number}",
                more.get("state", "succeeded"),
                json.dumps({**params, "accumulation": 2}),
                more.get("attempt", 1),
                100 + seconds,
                more.get("units", 10),
                json.dumps(more.get("info", {})),
                json.dumps(more["process"]) if "process" in more else None,
            ),
        )
    connection.close()


def test_the_pace_is_the_median_of_whole_runs(home: LabHome) -> None:
    for number, seconds in enumerate((10, 20, 90)):
        add_run(home, number, "generate", seconds)
    add_run(home, 3, "generate", 1, state="failed")
    add_run(home, 4, "generate", 1, attempt=2)
    paces = read_paces(open_catalog(home))
    assert paces["generate", "own/er"].seconds_per_unit == 2.0
    assert paces["generate", "own/er"].runs == 3


def test_a_training_is_paced_by_rows(home: LabHome) -> None:
    add_run(home, 0, "finetune", 80, units=10)
    assert read_paces(open_catalog(home))["finetune", "own/er"].seconds_per_unit == 1.0


def test_lengths_and_rows_are_those_that_were_counted(home: LabHome) -> None:
    add_run(home, 0, "generate", 5, info={"rows": 10, "completion_tokens": 300})
    add_run(home, 1, "import", 5)
    connection = open_catalog(home)
    with write_transaction(connection):
        connection.execute("INSERT INTO prompt_sets (run_id, name, rows) VALUES ('r1', 'test', 7)")
    counted = read_counted(connection)
    assert counted.answer_tokens == {("own/er", 64): 30.0}
    assert counted.rows == {"key1": {"test": 7}}


def facts_gpu(home: LabHome, settings: str, *machine: str) -> tuple[str, bool, float]:
    home.settings.write_text(settings, encoding="utf-8")
    facts = read_facts(open_catalog(home), load_settings(home), Machine(*machine))
    return facts.gpu.name, facts.has_gpu, facts.price


def test_the_gpu_is_the_named_one_else_this_machines_else_an_h100(home: LabHome) -> None:
    assert facts_gpu(home, "") == ("H100", False, 0.0)
    assert facts_gpu(home, "", "NVIDIA A100-SXM4-80GB") == ("A100", True, 0.0)
    assert facts_gpu(home, "", "Some new GPU") == ("H100", True, 0.0)
    assert facts_gpu(home, 'gpu = "L4"\ngpu_hour_price = 0.7', "NVIDIA A100") == ("L4", True, 0.7)
    with pytest.raises(SpecError, match="no GPU 'Voodoo'"):
        facts_gpu(home, 'gpu = "Voodoo"')


def test_memory_is_the_machines_own_and_a_slice_is_a_part(home: LabHome) -> None:
    whole = Gpu("GPU-1", 0, "NVIDIA A100-PCIE-40GB", 40 << 10, 0, ())
    cut = Gpu("MIG-1", 0, "NVIDIA A100-SXM4-80GB MIG 1g.10gb", 10 << 10, 0, (), "GPU-1")
    table = gpu_of("A100")
    shapes = {}
    for gpu in (whole, cut):
        machine = Machine()
        machine.found = [gpu]
        shapes[gpu.uuid] = read_facts(open_catalog(home), load_settings(home), machine).gpu
    assert shapes["GPU-1"] == dataclasses.replace(table, memory_gib=40.0)
    assert shapes["MIG-1"].memory_gib == 10.0
    assert shapes["MIG-1"].tflops == table.tflops / 8


def test_a_cpu_says_nothing_of_the_pace_of_a_gpu(home: LabHome) -> None:
    add_run(home, 0, "generate", 900)
    add_run(home, 1, "generate", 10, process={"gpus": ["GPU-1"]})
    add_run(home, 2, "generate", 700, process={"gpus": []})
    connection = open_catalog(home)
    on_cpu, on_gpu = (read_paces(connection, on_gpu=here) for here in (False, True))
    assert on_cpu["generate", "own/er"] == Pace(80.0, 2)
    assert on_gpu["generate", "own/er"] == Pace(1.0, 1)
    settings = load_settings(home)
    assert read_facts(connection, settings, Machine("NVIDIA A100")).paces == on_gpu
    assert read_facts(connection, settings, Machine()).paces == on_cpu


def test_settings_of_the_wrong_kind_are_refused(home: LabHome, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="gpu_hour_price"):
        facts_gpu(home, 'gpu_hour_price = "cheap"')
