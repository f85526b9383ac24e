"""What finished runs of this catalog say about the next ones: their pace, their rows, their lengths."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

from synthlab.errors import SpecError
from synthlab.execution.gpus import Gpu, GpuProbe
from synthlab.execution.resolve import Action, StepStatus
from synthlab.execution.settings import Settings
from synthlab.experiment.estimates import Facts, Pace, PlanEstimate, estimate
from synthlab.experiment.shapes import GpuShape, gpu_of, known_datasets, known_models
from synthlab.experiment.workload import Counted

DEFAULT_GPU = "H100"
NEWEST = 500
"""Runs that are looked at; older ones say less about this machine."""


def read_facts(connection: sqlite3.Connection, settings: Settings, probe: GpuProbe) -> Facts:
    """Everything that the estimate of a plan rests on at this site.

    Raises SpecError if the settings name a GPU that is not known.
    """
    here = probe.gpus()
    return Facts(
        models=known_models(),
        datasets=known_datasets(),
        gpu=_gpu(settings.gpu, here),
        has_gpu=bool(here),
        on_cpu=not here and not settings.gpu,
        price=settings.gpu_hour_price,
        currency=settings.currency,
        counted=read_counted(connection),
        paces=read_paces(connection, on_gpu=bool(here)),
    )


def estimate_plan(
    connection: sqlite3.Connection,
    settings: Settings,
    probe: GpuProbe,
    statuses: Sequence[StepStatus],
) -> PlanEstimate:
    """What the steps of a plan that are not cached will cost at this site; raises SpecError."""
    todo = {one.step.label for one in statuses if one.action is not Action.CACHED}
    facts = read_facts(connection, settings, probe)
    return estimate([one.step for one in statuses], facts, todo=todo)


def _gpu(wanted: str, here: Sequence[Gpu]) -> GpuShape:
    if wanted:
        return gpu_of(wanted)
    for gpu in here:
        try:
            shape = gpu_of(gpu.name)
        except SpecError:
            continue
        # One name comes with more than one memory, and a slice has a part of everything.
        memory = gpu.total_mib / 1024
        part = memory / shape.memory_gib if gpu.parent else 1.0
        return GpuShape(shape.name, memory, shape.tflops * part, shape.bandwidth_gb * part)
    return gpu_of(DEFAULT_GPU)


def read_paces(
    connection: sqlite3.Connection, *, on_gpu: bool = False
) -> dict[tuple[str, str], Pace]:
    """Seconds for each unit of work, by kind and model: the median over runs that were never broken off.

    on_gpu: whether those count that had a GPU, or those that had none.
    """
    rows = connection.execute(
        "SELECT kind, params, process, ended_at - started_at AS seconds, progress_total AS units"
        " FROM runs WHERE state = 'succeeded' AND needs_model AND attempt <= 1"
        " AND started_at IS NOT NULL AND progress_total > 0 ORDER BY ended_at DESC LIMIT ?",
        (NEWEST,),
    )
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        if bool(json.loads(row["process"] or "{}").get("gpus")) != on_gpu:
            continue
        params = json.loads(row["params"])
        units = row["units"]
        if row["kind"] == "finetune":
            units *= params["batch_size"] * params["accumulation"]
        found[row["kind"], _model(params)].append(row["seconds"] / units)
    return {of: Pace(median(paces), len(paces)) for of, paces in found.items()}


def read_counted(connection: sqlite3.Connection) -> Counted:
    """Rows of imported sets and lengths of answers, as finished runs have counted them."""
    rows: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(
        "SELECT r.key, p.name, p.rows FROM prompt_sets p JOIN runs r ON r.id = p.run_id"
        " WHERE r.state = 'succeeded' AND r.kind = 'import'"
    ):
        rows[row["key"]][row["name"]] = row["rows"]
    lengths: dict[tuple[str, int], list[float]] = defaultdict(list)
    for row in connection.execute(
        "SELECT params, info FROM runs WHERE state = 'succeeded' AND kind = 'generate'"
        " ORDER BY ended_at DESC LIMIT ?",
        (NEWEST,),
    ):
        params, info = json.loads(row["params"]), json.loads(row["info"] or "{}")
        answers, tokens = info.get("rows"), info.get("completion_tokens")
        if answers and tokens:
            limit = int(params["sampling"]["max_new_tokens"])
            lengths[_model(params), limit].append(tokens / answers)
    return Counted(dict(rows), {of: fmean(given) for of, given in lengths.items()})


def _model(params: Mapping[str, Any]) -> str:
    return str(params["model"]["id"])
