"""A server that the lab starts: it comes up, is asked, dies or is stopped, and nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from storage.durable import read_json, read_records
from storage.process import ProcessIdentity
from storage.rundir import RunDir
from synthlab.engines.vllm_server import (
    MARK,
    VllmModel,
    command_line,
    lora_rank,
    running_server,
)
from synthlab.errors import JobError, JobInterrupted
from synthlab.execution.runner import sweep_leftovers
from synthlab.experiment.models import builtin_model
from synthlab.jobs import generate
from synthlab.jobs.outcome import JobExit
from tests.jobs.conftest import Lab, located, model_params
from tests.jobs.processes import start, wait_until
from tests.jobs.vllm_stand_in import write_interpreter

REAL = os.environ.get("SYNTHLAB_VLLM", "")


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    return write_interpreter(tmp_path / "python-with-vllm")


def model(interpreter: Path, *arguments: str, adapter: Path | None = None) -> VllmModel:
    return VllmModel(interpreter, arguments, builtin_model("tiny-verse"), "float32", adapter)


def is_alive(pid: int) -> bool:
    return ProcessIdentity.of(pid) is not None


def servers_alive() -> list[str]:
    """Names of processes that any server of ours has left."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"\0{MARK}=".encode() in (entry / "environ").read_bytes():
                found.append((entry / "comm").read_text().strip())
        except OSError:
            continue
    return found


def child_of(path: Path) -> int:
    return int(path.read_text())


def adapter_folder(tmp_path: Path, **config: Any) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 4, **config}))
    return folder


def test_it_is_given_the_number_of_its_gpu(interpreter: Path, tmp_path: Path) -> None:
    job = {**os.environ, "CUDA_VISIBLE_DEVICES": "GPU-7", "SYNTHLAB_GPU_INDEX": "3"}
    with running_server(model(interpreter), tmp_path / "log", job) as server:
        held = Path(f"/proc/{server.process.pid}/environ").read_bytes().split(b"\0")
        assert b"CUDA_VISIBLE_DEVICES=3" in held


def test_it_comes_up_and_leaves_nothing_behind(interpreter: Path, tmp_path: Path) -> None:
    child = tmp_path / "child"
    notes: list[str] = []
    served = model(interpreter, "--load-s", "0.5", "--child-file", str(child))
    with running_server(served, tmp_path / "log", os.environ, note=notes.append) as server:
        assert server.problem() is None
        assert is_alive(child_of(child))
        assert "StandIn:Engine" in servers_alive()
        assert server.api_key not in Path(f"/proc/{server.process.pid}/cmdline").read_text()
    assert not is_alive(server.process.pid)
    assert not is_alive(child_of(child))
    assert str(child_of(child)) in notes[0]


def test_an_adapter_is_asked_for_by_its_own_name(interpreter: Path, tmp_path: Path) -> None:
    served = model(interpreter, adapter=adapter_folder(tmp_path))
    with running_server(served, tmp_path / "log", os.environ) as server:
        assert server.model.endswith("-adapter")


def test_a_server_that_dies_while_loading_shows_the_end_of_its_log(
    interpreter: Path, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    served = model(interpreter, "--die-loading", "--child-file", str(child))
    with (
        pytest.raises(JobError, match="status 3") as caught,
        running_server(served, tmp_path / "log", os.environ),
    ):
        raise AssertionError("it never served")
    assert "no room for the KV cache" in caught.value.message
    assert not is_alive(child_of(child))


def test_arguments_that_it_does_not_know_are_shown(interpreter: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(JobError, match="unrecognized arguments: --no-such-thing"),
        running_server(model(interpreter, "--no-such-thing"), tmp_path / "log", os.environ),
    ):
        raise AssertionError("it never served")


def test_a_server_that_never_gets_well_is_given_up(interpreter: Path, tmp_path: Path) -> None:
    child = tmp_path / "child"
    served = model(interpreter, "--load-s", "600", "--child-file", str(child))
    with (
        pytest.raises(JobError, match="not ready after 3 s"),
        running_server(served, tmp_path / "log", os.environ, patience_s=3.0),
    ):
        raise AssertionError("it never served")
    assert not is_alive(child_of(child))


def test_a_death_is_told_with_the_end_of_the_log(interpreter: Path, tmp_path: Path) -> None:
    with running_server(model(interpreter), tmp_path / "log", os.environ) as server:
        server.process.kill()
        server.process.wait()
        problem = server.problem()
    assert isinstance(problem, JobInterrupted)
    assert "status -9" in problem.message
    assert "loading" in problem.message


def test_an_environment_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(JobError, match="nowhere/python is no file"),
        running_server(model(tmp_path / "nowhere" / "python"), tmp_path / "log", {}),
    ):
        raise AssertionError("it never served")


def test_the_command_line_has_room_for_the_adapter(tmp_path: Path) -> None:
    adapter = adapter_folder(tmp_path, rank_pattern={"q_proj": 24})
    words = command_line(model(Path("/py"), "--seed", "1", adapter=adapter), 8123, "name")
    assert words[:3] == ["/py", "-m", "vllm.entrypoints.openai.api_server"]
    joined = " ".join(words)
    assert "--host 127.0.0.1 --port 8123" in joined
    assert f"--enable-lora --max-lora-rank 32 --lora-modules name-adapter={adapter}" in joined
    assert words[-2:] == ["--seed", "1"]
    assert "--enable-lora" not in command_line(model(Path("/py")), 1, "name")


@pytest.mark.parametrize("config", [{"r": 1000}, {"r": "many"}, {"r": None}])
def test_an_adapter_that_cannot_be_served_is_named(tmp_path: Path, config: Any) -> None:
    with pytest.raises(JobError):
        lora_rank(adapter_folder(tmp_path, **config))


def queued(lab: Lab, run_id: str, *, count: int = 6, **changes: Any) -> RunDir:
    if not (lab.root / "prompts1").exists():
        lab.prompts(count=count)
    params = {
        "model": model_params("tiny-verse"), "engine": "vllm", "prompts": "test", "system": None,
        "sampling": {"temperature": 0.9, "top_p": 0.95, "max_new_tokens": 20, "samples": 2},
        "seed": 7, "dtype": "float32", **changes,
    }  # fmt: skip
    directory = lab.add(run_id, "generate", params, {"prompts": "prompts1"}, located("tiny-verse"))
    way = {"concurrency": 4, "timeout_s": 30.0, "patience_s": 30.0, "price": None}
    directory.relocate(located("tiny-verse"), {"server": way})
    return directory


def use(monkeypatch: pytest.MonkeyPatch, interpreter: Path, *arguments: str, run: str = "") -> None:
    monkeypatch.setenv("SYNTHLAB_VLLM_PYTHON", str(interpreter))
    monkeypatch.setenv("SYNTHLAB_VLLM_ARGUMENTS", " ".join(arguments))
    monkeypatch.setenv("SYNTHLAB_RUN_ID", run)


def records(directory: RunDir) -> list[dict[str, Any]]:
    assert directory.read_manifest() is not None
    return read_records(directory.out / "responses.jsonl")


def test_a_run_brings_its_own_server(
    lab: Lab, run_job: Any, interpreter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    use(monkeypatch, interpreter, "--child-file", str(child))
    directory = queued(lab, "gen1")
    run_job(generate, directory)
    found = records(directory)
    assert len(found) == 12
    assert all(r["generator"].startswith("builtin:tiny-verse@") for r in found)
    manifest = directory.read_manifest()
    assert manifest is not None
    assert manifest.info["engine"] == "vllm"
    assert not is_alive(child_of(child))


def test_a_server_that_crashes_interrupts_the_run_and_a_retry_goes_on(
    lab: Lab, run_job: Any, interpreter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    use(monkeypatch, interpreter)
    unbroken, crashed = queued(lab, "gen1", count=20), queued(lab, "gen2")
    run_job(generate, unbroken)
    use(monkeypatch, interpreter, "--pause-s 0.05 --die-after 10 --child-file", str(child))
    job = start(crashed)
    assert job.wait(120) == JobExit.INTERRUPTED
    failure = read_json(crashed.root / "failure.json")
    assert failure["code"] == "vllm_died"
    assert "illegal memory access" in failure["message"]
    assert not is_alive(child_of(child))
    kept = len(read_records(crashed.work / generate.LOG))
    assert 1 <= kept < 40
    use(monkeypatch, interpreter)
    run_job(generate, crashed)
    assert records(crashed) == records(unbroken)


def test_a_stop_while_the_server_loads_is_obeyed(
    lab: Lab, interpreter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    use(monkeypatch, interpreter, "--load-s 600 --child-file", str(child))
    directory = queued(lab, "gen1")
    job = start(directory)
    wait_until(lambda: child.exists() and bool(child.read_text()), job)
    job.send_signal(signal.SIGTERM)
    assert job.wait(60) == JobExit.STOPPED
    assert not is_alive(child_of(child))


def test_a_killed_job_leaves_its_server_to_the_runners_sweep(
    lab: Lab, interpreter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child, run_id = tmp_path / "child", f"sweep-{os.getpid()}"
    use(monkeypatch, interpreter, "--load-s 600 --child-file", str(child), run=run_id)
    job = start(queued(lab, "gen1"))
    wait_until(lambda: child.exists() and bool(child.read_text()), job)
    monkeypatch.setenv("SYNTHLAB_RUN_ID", "")
    job.kill()
    job.wait()
    assert is_alive(child_of(child))
    assert child_of(child) in sweep_leftovers(run_id)
    deadline = time.monotonic() + 10
    while is_alive(child_of(child)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child_of(child))


@pytest.mark.slow
@pytest.mark.skipif(
    not REAL, reason="SYNTHLAB_VLLM names no interpreter of an environment with vLLM"
)
def test_a_real_vllm_server_answers_for_base_and_adapter(
    lab: Lab, run_job: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SYNTHLAB_VLLM=/path/to/env/bin/python; SYNTHLAB_VLLM_MODEL may name a larger model folder."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = Path(os.environ.get("SYNTHLAB_VLLM_MODEL") or builtin_model("tiny-verse"))
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    use(monkeypatch, Path(REAL), "--max-model-len 512 --enforce-eager --max-num-seqs 32")
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    lora = LoraConfig(r=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    get_peft_model(base, lora).save_pretrained(tmp_path / "adapter")
    plain, adapted = (
        queued(lab, "gen1", logprobs=True),
        queued(lab, "gen2", adapter={"digest": "a" * 64}),
    )
    for directory, places in (
        (plain, {"model": str(folder)}),
        (adapted, {"model": str(folder), "adapter": str(tmp_path / "adapter")}),
    ):
        directory.relocate(places, directory.read_spec().observing)
        run_job(generate, directory)
    texts = [[r["text"] for r in records(one)] for one in (plain, adapted)]
    assert texts[0] != texts[1]
    assert all(r["finish_reason"] in ("stop", "length") for r in records(plain))
    assert all(r["completion_tokens"] > 0 for r in records(plain) + records(adapted))
    assert len(read_records(plain.out / "logprobs.jsonl")) == 12
    assert servers_alive() == []
