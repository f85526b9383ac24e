"""What a plan will cost: tokens, hours, disk and money, from shapes and row counts and without a network."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from synthlab.experiment.shapes import DatasetShape, GpuShape, ModelShape, folder_shape
from synthlab.experiment.steps import Step, StepKind
from synthlab.experiment.workload import Counted, Work, batch_rows, workloads

Basis: TypeAlias = Literal["formula", "CPU formula", "measured", "service", "nothing", "unknown"]
"""Where hours come from; `service` computes elsewhere, `nothing` needs no model."""

TRAIN_FLOPS = 6
"""Per weight and token: forward, backward to the inputs, and the forward again of a checkpointed pass."""
READ_FLOPS = 2
TRAIN_SHARE = 0.12
"""Of the GPU's peak: the study's 8B log (14.4 M tokens in 2,968 s on two H100) says 12 %."""
SHARDED_TRAIN_SHARE = 0.04
"""Where the weights are spread over GPUs: the study's 70B log (39,923 s on four H100) says 4 %."""
READ_SHARE = 0.3
LAYER_SECONDS = 0.0008
"""Least time of one layer in one pass with transformers: launching its kernels."""
START_SECONDS = 10.0
"""Importing libraries and building the model, before its weights are read."""
LOAD_BANDWIDTH = 1e9
"""Bytes of weights that a disk gives in a second."""
CPU_FLOPS = 5e10
"""A CPU slot of one thread does this much: SmolLM2-135M in bfloat16 says 4e10 writing, 9e10 training."""
CPU_START_SECONDS = 1.0
"""A job that is forked from a process with its libraries loaded."""
CPU_LARGEST = 2e9
"""Parameters; nobody would compute with a larger model on a CPU."""
BATCH_LIMIT = 256
SCORED_SIDE_BY_SIDE = 32
RESERVED_BYTES = 4 << 30
"""Activations, kernels and fragments beside weights and caches."""
BYTES_PER_TOKEN = 4.5
ROW_BYTES: Mapping[StepKind, int] = {
    "import": 300,
    "compose": 300,
    "generate": 250,
    "mix": 300,
    "collapse": 3500,
    "judge": 200,
    "robustness": 2100,
    "bias": 330,
}
"""Of one published row beside its text, measured in finished labs."""
HOUR = 3600.0


@dataclass(frozen=True)
class Pace:
    """What runs of a kind took in this catalog."""

    seconds_per_unit: float
    runs: int


@dataclass(frozen=True)
class Facts:
    """Everything that an estimate rests on."""

    models: Mapping[str, ModelShape]
    datasets: Mapping[str, DatasetShape]
    gpu: GpuShape
    has_gpu: bool
    """Whether this machine computes on a GPU; measured paces are of it."""
    on_cpu: bool = False
    """Whether small models will be computed on this machine's CPU: no GPU is here, none is named."""
    price: float = 0.0
    """Of one GPU-hour; 0 where it is not known."""
    currency: str = "USD"
    counted: Counted = field(default_factory=Counted)
    paces: Mapping[tuple[str, str], Pace] = field(default_factory=dict)
    """By kind of step and model."""


@dataclass(frozen=True)
class StepEstimate:
    """What one step will cost."""

    label: str
    kind: StepKind
    tokens: float | None
    """Read, written and trained; None where nobody knows."""
    optimiser_steps: int
    gpu_hours: float | None
    """Hours × GPUs; 0 for what runs elsewhere or needs no model, None where nobody knows."""
    cpu_hours: float
    """Hours of a CPU slot, where this machine has no GPU."""
    gpus: int
    """GPUs of the reckoned kind that the model needs at once."""
    disk_bytes: float
    cost: float
    """Of services only; GPU-hours are priced in the sum."""
    basis: Basis
    note: str = ""


@dataclass(frozen=True)
class KindEstimate:
    """All steps of one kind together."""

    kind: StepKind
    steps: int
    tokens: float
    gpu_hours: float
    cpu_hours: float
    disk_bytes: float
    cost: float
    """GPU-hours and services."""
    basis: str
    unknown: int
    """Steps that nobody can reckon; they are not in the numbers."""


@dataclass(frozen=True)
class PlanEstimate:
    """What the rest of a plan will cost, and what the numbers rest on."""

    steps: tuple[StepEstimate, ...]
    kinds: tuple[KindEstimate, ...]
    tokens: float
    gpu_hours: float
    cpu_hours: float
    disk_bytes: float
    cost: float
    most_gpus: int
    gpu: str
    price: float
    currency: str
    assumptions: tuple[str, ...]
    unknown: tuple[str, ...]
    """What is not in the numbers, and why."""


def estimate(
    steps: Sequence[Step], facts: Facts, *, todo: Collection[str] | None = None
) -> PlanEstimate:
    """Reckon the steps of a plan; todo: labels of those still to do, all where it is None.

    Every step helps to size those that read it, done or not; only the ones to do are summed.
    """
    works = workloads(steps, facts.datasets, facts.counted)
    found = [
        _step(step, works[step.label], facts)
        for step in steps
        if todo is None or step.label in todo
    ]
    kinds = tuple(
        _kind(kind, [one for one in found if one.kind == kind], facts.price)
        for kind in dict.fromkeys(one.kind for one in found)
    )
    return PlanEstimate(
        tuple(found),
        kinds,
        sum(kind.tokens for kind in kinds),
        sum(kind.gpu_hours for kind in kinds),
        sum(kind.cpu_hours for kind in kinds),
        sum(kind.disk_bytes for kind in kinds),
        sum(kind.cost for kind in kinds),
        max((one.gpus for one in found), default=0),
        facts.gpu.name,
        facts.price,
        facts.currency,
        _assumptions(facts, found),
        tuple(dict.fromkeys(one.note for one in found if one.basis == "unknown")),
    )


def model_shape(step: Step, facts: Facts) -> ModelShape | None:
    """The shape of the model that a step computes with: its folder's, else the table's."""
    if (folder := step.locate.get("model")) is not None:
        from pathlib import Path

        found = folder_shape(Path(folder))
        if found is not None:
            return found
    model = step.params.get("model")
    name = model if isinstance(model, str) else (model or {}).get("id", "")
    return facts.models.get(str(name))


def _step(step: Step, work: Work, facts: Facts) -> StepEstimate:
    if work.unknown:
        return _unknown(step, work.unknown)
    shape = model_shape(step, facts)
    if step.kind == "fetch":
        size = shape.download_bytes if shape else None
        if size is None:
            return _unknown(step, f"nothing is known of the size of {step.params['model']}")
        return StepEstimate(step.label, step.kind, 0, 0, 0.0, 0.0, 0, size, 0.0, "nothing")
    disk = _disk(step, work, shape)
    if step.params.get("engine") == "openai":
        return StepEstimate(
            step.label, step.kind, work.tokens, 0, 0, 0.0, 0, disk, _fee(step, work), "formula"
        )
    if not step.needs_model:
        return StepEstimate(step.label, step.kind, 0, 0, 0.0, 0.0, 0, disk, 0.0, "nothing")
    pace = facts.paces.get((step.kind, step.params["model"]["id"]))
    gpus = _gpus(step, work, shape, facts.gpu) if shape is not None else 1
    if pace is not None:
        hours = work.units * pace.seconds_per_unit / HOUR
        gpu_hours, cpu_hours = (hours, 0.0) if facts.has_gpu else (0.0, hours)
        return StepEstimate(
            step.label, step.kind, work.tokens, work.steps, gpu_hours, cpu_hours,
            gpus, disk, 0.0, "measured",
        )  # fmt: skip
    if shape is None:
        return _unknown(step, f"nothing is known of the size of {step.params['model']['id']}")
    if facts.on_cpu and shape.parameters <= CPU_LARGEST:
        hours = _cpu_seconds(step, work, shape) / HOUR
        return StepEstimate(
            step.label, step.kind, work.tokens, work.steps, 0.0, hours, 0, disk, 0.0, "CPU formula"
        )
    loading = START_SECONDS + shape.download_bytes / LOAD_BANDWIDTH
    hours = gpus * (loading + _seconds(step, work, shape, facts.gpu, gpus)) / HOUR
    return StepEstimate(
        step.label, step.kind, work.tokens, work.steps, hours, 0.0, gpus, disk, 0.0, "formula"
    )


def _unknown(step: Step, why: str) -> StepEstimate:
    return StepEstimate(
        step.label, step.kind, None, 0, None, 0.0, 0, 0.0, 0.0, "unknown", why
    )  # fmt: skip


def _fee(step: Step, work: Work) -> float:
    """What a served model charges by the file's own price; 0 where it gives none."""
    price = step.observing.get("server", {}).get("price") or {}
    read = work.units * work.lengths.prompt * price.get("prompt_per_million", 0.0)
    written = work.units * work.lengths.answer * price.get("completion_per_million", 0.0)
    return float(read + written) / 1e6


def _cpu_seconds(step: Step, work: Work, shape: ModelShape) -> float:
    """Time of a step in one CPU slot, by formula."""
    written = work.units * work.longest if step.kind == "generate" else 0
    operations = READ_FLOPS * (work.read + written) + TRAIN_FLOPS * work.trained
    loading = CPU_START_SECONDS + shape.download_bytes / LOAD_BANDWIDTH
    return loading + shape.computed * operations / CPU_FLOPS


def _seconds(step: Step, work: Work, shape: ModelShape, gpu: GpuShape, gpus: int) -> float:
    """Time of a step that several GPUs share, by formula."""
    peak = gpu.tflops * 1e12 * gpus
    dtype = str(step.params.get("dtype", "auto"))
    reading = READ_FLOPS * shape.computed * work.read / (peak * READ_SHARE)
    passes = math.ceil(work.units / SCORED_SIDE_BY_SIDE)
    reading = max(reading, passes * shape.layers * LAYER_SECONDS)
    if step.kind == "finetune":
        share = TRAIN_SHARE if gpus == 1 else SHARDED_TRAIN_SHARE
        training = TRAIN_FLOPS * shape.computed * work.trained / (peak * share)
        batches = work.steps * int(step.params["accumulation"])
        return reading + max(training, batches * 4 * shape.layers * LAYER_SECONDS)
    if step.kind == "generate":
        memory = gpu.memory_gib * 2**30 * gpus
        side_by_side = batch_rows(shape, work, dtype, memory, BATCH_LIMIT)
        # A batch lasts as long as its longest answer, and every token reads all weights once.
        tokens = math.ceil(work.units / side_by_side) * work.longest
        weights = shape.weight_bytes(dtype) * shape.computed / shape.parameters
        once = max(shape.layers * LAYER_SECONDS, weights / (gpu.bandwidth_gb * 1e9 * gpus))
        return reading + tokens * once
    return reading


def _gpus(step: Step, work: Work, shape: ModelShape, gpu: GpuShape) -> int:
    """How many GPUs hold the model with what it needs beside its weights."""
    dtype = str(step.params.get("dtype", "auto"))
    needed = float(shape.weight_bytes(dtype) + RESERVED_BYTES)
    if step.kind == "finetune":
        tokens = int(step.params["batch_size"]) * min(
            work.longest, sum((work.lengths.prompt, work.lengths.answer)) * 2
        )
        # Without recomputation a layer keeps about 8 hidden and 4 inner vectors a token, in 16 bits;
        # the logits stand there in 16 and twice in 32 bits.
        kept = 2 * (8 * shape.hidden + 4 * shape.intermediate) * shape.layers
        needed += tokens * (kept + 10 * shape.vocabulary)
        needed += 16 * _adapter(step, shape)
    return max(1, math.ceil(needed / (gpu.memory_gib * 2**30)))


def _adapter(step: Step, shape: ModelShape) -> int:
    lora = step.params["lora"]
    return shape.adapter_parameters(int(lora["r"]), tuple(lora["targets"]))


def _disk(step: Step, work: Work, shape: ModelShape | None) -> float:
    """Bytes that the step publishes."""
    if step.kind == "finetune":
        return 4.0 * _adapter(step, shape) if shape is not None else 0.0
    text = {
        "import": work.lengths.prompt + work.lengths.answer,
        "compose": work.lengths.prompt,
        "generate": work.lengths.answer,
        "mix": work.lengths.prompt + work.lengths.answer,
    }.get(step.kind, 0.0)
    return work.rows * (ROW_BYTES.get(step.kind, 0) + BYTES_PER_TOKEN * text)


def _kind(kind: StepKind, steps: Sequence[StepEstimate], price: float) -> KindEstimate:
    hours = sum(one.gpu_hours or 0.0 for one in steps)
    bases = dict.fromkeys(one.basis for one in steps if one.basis not in ("nothing", "unknown"))
    return KindEstimate(
        kind,
        len(steps),
        sum(one.tokens or 0.0 for one in steps),
        hours,
        sum(one.cpu_hours for one in steps),
        sum(one.disk_bytes for one in steps),
        hours * price + sum(one.cost for one in steps),
        " and ".join(bases),
        sum(one.basis == "unknown" for one in steps),
    )


def _assumptions(facts: Facts, steps: Sequence[StepEstimate]) -> tuple[str, ...]:
    """What a reader must know to doubt the numbers; only what was used."""
    used = {one.basis for one in steps}
    said = []
    if "formula" in used:
        gpu = facts.gpu
        said += [
            f"GPU-hours of {gpu.name} ({gpu.memory_gib:g} GiB, {gpu.tflops:g} TFLOP/s): training "
            f"{TRAIN_FLOPS}N operations a token at {TRAIN_SHARE:.0%} of peak, "
            f"{SHARDED_TRAIN_SHARE:.0%} where one GPU cannot hold it; reading {READ_FLOPS}N at "
            f"{READ_SHARE:.0%}; writing one pass a token, {LAYER_SECONDS * 1000:g} ms a layer, up to "
            f"{BATCH_LIMIT} answers side by side, each batch as long as its longest answer may be",
            "answers of 256 tokens, or what this model wrote before, or the limit where it is lower; "
            f"{START_SECONDS:g} s to start a step, its weights at {LOAD_BANDWIDTH / 1e9:g} GB/s",
        ]
    if "CPU formula" in used:
        said.append(
            f"CPU-hours of one slot: {CPU_FLOPS / 1e9:g} GFLOP/s, {READ_FLOPS}N operations a token "
            f"read or written and {TRAIN_FLOPS}N trained; slots work side by side"
        )
    if "measured" in used:
        where = "its GPU" if facts.has_gpu else "its CPU"
        said.append(f"measured: the median pace of runs of that kind and model here, on {where}")
    if facts.price:
        said.append(f"{facts.price:g} {facts.currency} for a GPU-hour (settings.toml)")
    return tuple(said)
