"""What runs on a GPU: every tensor is where its partners are, and the numbers are the CPU's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from storage.durable import read_json
from synthlab.engines.chat import question
from synthlab.engines.embedder import load_embedder
from synthlab.engines.label_scoring import LabelScorer, reply_tokens
from synthlab.engines.likelihood import Span, score_spans
from synthlab.engines.loading import (
    LoadedModel,
    attach_adapter,
    free_memory,
    is_out_of_memory,
    load_model,
    pick_device,
    pick_dtype,
)
from synthlab.engines.prefix_tree import StemmedPrompt
from synthlab.engines.protocol import Generation, Prompt, Sampling
from synthlab.engines.transformers_engine import TransformersEngine
from synthlab.errors import JobError
from synthlab.experiment.models import builtin_model
from synthlab.jobs.environment import describe_environment
from synthlab.jobs.probes import untouched
from synthlab.jobs.training_checkpoints import CheckpointStore
from synthlab.lineage.hops import environment_line
from tests.jobs.conftest import QUESTIONS, Lab
from tests.jobs.pretended_gpu import GPU, MEMORY, Driver, OnGpu, pretended_gpu
from tests.jobs.test_finetune import queued, stop_when, train
from tests.jobs.test_probes import points, probe
from tests.jobs.tiny_embedder import make_tiny_embedder

SAMPLINGS = (Sampling(0.0, 1.0, 30), Sampling(0.9, 0.95, 30), Sampling(1.0, 1.0, 90))


@pytest.fixture(scope="module")
def on_cpu() -> LoadedModel:
    """The tiny model in main memory."""
    return load_model(builtin_model("tiny-verse"), "float32")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """A GPU that lasts as long as the test."""
    with pretended_gpu(monkeypatch) as driver:
        yield driver


@pytest.fixture
def on_gpu(on_cpu: LoadedModel, driver: Driver) -> LoadedModel:
    """The same model on the GPU."""
    loaded = load_model(builtin_model("tiny-verse"), "float32")
    assert {tensor.device for tensor in loaded.model.state_dict().values()} == {GPU}
    return loaded


def test_the_pretended_gpu_is_as_strict_as_a_real_one(on_gpu: LoadedModel) -> None:
    there, here = torch.ones(2, device="cuda"), torch.ones(2)
    assert isinstance(there, OnGpu)
    doubled = torch.add(there, there)
    assert (doubled.device, doubled.tolist()) == (GPU, [2.0, 2.0])
    with pytest.raises(RuntimeError, match="same device"):
        torch.add(there, here)
    with pytest.raises(RuntimeError, match="same device"):
        torch.cat([here, there])
    with pytest.raises(TypeError, match="numpy"):
        np.asarray(there)
    with pytest.raises(RuntimeError, match="same device"):
        on_gpu.model(input_ids=torch.tensor([[1, 2]]))
    assert type(there.cpu()) is torch.Tensor


def answers(
    loaded: LoadedModel, sampling: Sampling, model: Any = None, size: int | None = None
) -> list[Generation]:
    asked = [Prompt(f"k{i}", question(QUESTIONS[i % 6], None), i) for i in range(6)]
    steps = TransformersEngine(loaded, model, size).generate(asked, sampling)
    return sorted((one for step in steps for one in step.finished), key=lambda one: one.key)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_answers(on_cpu: LoadedModel, on_gpu: LoadedModel, sampling: Sampling) -> None:
    found = answers(on_gpu, sampling)
    assert "stop" in {one.finish_reason for one in found}, "no row has left its batch early"
    assert found == answers(on_cpu, sampling, size=3)


def test_likelihoods(on_cpu: LoadedModel, on_gpu: LoadedModel) -> None:
    spans = [Span(f"s{i}", tuple(range(5, 9 + i)), tuple(range(20, 23 + i))) for i in range(4)]
    found, expected = (
        [one for batch in score_spans(x.model, x, spans, entropies=True) for one in batch]
        for x in (on_gpu, on_cpu)
    )
    assert found == expected


@pytest.mark.parametrize("share", [True, False])
def test_label_odds(on_cpu: LoadedModel, on_gpu: LoadedModel, share: bool) -> None:
    reply = reply_tokens(on_cpu.tokenizer, "", ("A", "B"))
    prompts = []
    for i in range(6):
        asked = QUESTIONS[i // 2]
        ids = tuple(on_cpu.chat.prompt_ids(question(f"{asked} {i}", None)))
        prompts.append(StemmedPrompt(f"{i}", ids, (asked, f"{asked}|{i}")))
    found, expected = (
        [
            one
            for batch in LabelScorer(x, x.model, reply.labels, share_prefixes=share).score(prompts)
            for one in batch
        ]
        for x in (on_gpu, on_cpu)
    )
    assert found == expected


def test_embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_tiny_embedder(tmp_path / "embedder")
    texts = ["a river of water", "", "the great sea and the stream", "go up"]
    expected = load_embedder(folder).embed(texts)
    with pretended_gpu(monkeypatch):
        found = load_embedder(folder).embed(texts)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("dtype", "probed"), [("float32", True), ("float16", False)])
def test_training_stopped_and_continued(
    lab: Lab, run_job: Any, monkeypatch: pytest.MonkeyPatch, dtype: str, probed: bool
) -> None:
    settings = probe(max_new_tokens=6, samples=1, prompts=2) if probed else None
    expected = train(queued(lab, "fine1", max_steps=6, probe=settings), run_job)
    stopped = queued(lab, "fine2", max_steps=6, probe=settings, dtype=dtype)
    with pretended_gpu(monkeypatch) as driver:
        drawn = driver.stream.clone()
        stop_when(stopped, "progress", 4)
        driver.stream = torch.zeros_like(drawn)
        found = train(stopped, run_job)
        assert torch.equal(driver.stream, drawn), "the device's random numbers begin anew"
        answered = answers_of(lab, "fine2")
    assert (found["device"], found["resume_class"]) == ("cuda", "equivalent")
    losses, others = (
        [point.get("loss", point.get("eval_loss")) for point in report["curve"]]
        for report in (found, expected)
    )
    assert losses == pytest.approx(others, rel=0 if dtype == "float32" else 0.02)
    assert len(points(lab, "fine2")) == len(points(lab, "fine1"))
    if dtype == "float32":
        assert lab_weights(lab, "fine2") == lab_weights(lab, "fine1")
        assert answered == answers_of(lab, "fine1")


def answers_of(lab: Lab, run_id: str) -> list[Generation]:
    """What the adapter of a finished training says."""
    loaded = load_model(builtin_model("tiny-verse"), "float32")
    model = attach_adapter(loaded, lab.root / run_id / "out" / "adapter")
    return answers(loaded, Sampling(0.0, 1.0, 8), model)


def lab_weights(lab: Lab, run_id: str) -> bytes:
    return (lab.root / run_id / "out" / "adapter" / "adapter_model.safetensors").read_bytes()


def test_float16_is_trained_with_a_scaled_loss(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for run_id, dtype in (("fine1", "float16"), ("fine2", "float32")):
        directory = queued(lab, run_id, max_steps=4, dtype=dtype)
        with pretended_gpu(monkeypatch):
            stop_when(directory, "progress", 2)
        found = CheckpointStore(directory.work / "checkpoints").newest().checkpoint
        assert found is not None
        assert (found.folder / "scaler.pt").exists() == (dtype == "float16")
        assert read_json(found.folder / "trainer_state.json")["global_step"] == 2


def test_a_probe_gives_the_random_numbers_of_the_gpu_back(
    on_gpu: LoadedModel, driver: Driver
) -> None:
    before = driver.stream.clone()
    with untouched(on_gpu.model, on_gpu):
        driver.stream = torch.zeros_like(before)
    assert torch.equal(driver.stream, before)


class _Fails:
    """A model that a GPU has no room for beyond so many rows."""

    def __init__(self, model: Any, most: int, error: Exception) -> None:
        self._model, self._most, self._error = model, most, error

    def __call__(self, *, input_ids: Any, **given: Any) -> Any:
        if len(input_ids) > self._most:
            raise self._error
        return self._model(input_ids=input_ids, **given)


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_every_way_of_saying_that_memory_is_short_halves_the_batch(
    on_cpu: LoadedModel, on_gpu: LoadedModel, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    held: list[bool] = []
    monkeypatch.setattr(
        torch.cuda, "empty_cache", lambda: held.append(sys.exc_info()[0] is not None)
    )
    model = _Fails(on_gpu.model, 2, RuntimeError(text))
    assert answers(on_gpu, SAMPLINGS[0], model) == answers(on_cpu, SAMPLINGS[0])
    assert held == [False, False], "memory is released while the error still holds the batch"
    assert not is_out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))


def test_room_in_torchs_own_hands_is_free(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 5 << 30)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 2 << 30)
    assert free_memory(GPU) == MEMORY + (3 << 30)


@pytest.mark.parametrize(("capability", "dtype"), [(7, "float16"), (8, "bfloat16")])
def test_a_gpu_that_only_emulates_bfloat16_computes_in_float16(
    monkeypatch: pytest.MonkeyPatch, capability: int, dtype: str
) -> None:
    with pretended_gpu(monkeypatch, Driver(capability)):
        assert pick_dtype("auto", pick_device()) == dtype


def test_a_gpu_that_torch_cannot_use_is_no_reason_to_compute_on_the_cpu() -> None:
    assert pick_device({"SYNTHLAB_GPU_UUID": ""}).type == "cpu"
    with pytest.raises(JobError, match=r"GPU-7.*torch") as caught:
        pick_device({"SYNTHLAB_GPU_UUID": "GPU-7"})
    assert caught.value.code == "no_cuda"


def test_outputs_say_which_gpu_they_are_of(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "gpu" not in describe_environment()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    found = describe_environment()
    assert (found["gpu"], found["cuda"]) == ("NVIDIA H100", "13.0")
    assert "gpu NVIDIA H100" in environment_line(found)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_logits_that_are_not_numbers_are_no_answer(on_cpu: LoadedModel, sampling: Sampling) -> None:
    class Broken:
        def __call__(self, **given: Any) -> Any:
            output = on_cpu.model(**given)
            output.logits[1, -1, 3] = float("nan")
            return output

    with pytest.raises(JobError) as caught:
        answers(on_cpu, sampling, Broken())
    assert caught.value.code == "not_a_number"
