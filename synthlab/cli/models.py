"""`synthlab models list | fetch`: which models are at hand, whether they fit, and bringing others here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from storage.catalog.fetched import FetchedModels
from storage.home import LabHome
from synthlab.cli.follow import follow
from synthlab.cli.output import Column, text_column
from synthlab.cli.session import Session
from synthlab.cli.words import count, size
from synthlab.errors import ExitCode, NotAtHandError, UsageError
from synthlab.execution import client
from synthlab.execution.gpus import GpuProbe, NvmlProbe
from synthlab.execution.submission import Submission
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import hub_from_environment
from synthlab.experiment.keys import step_key
from synthlab.experiment.model_stock import (
    StockedModel,
    builtin_models,
    cached_models,
    memory_need,
    models_elsewhere,
    packaged_models,
    stocked_model,
)
from synthlab.experiment.models import ModelResolver, ResolvedModel
from synthlab.experiment.steps import Step

EXPERIMENT = "models"

COLUMNS = (
    text_column("model", "id"),
    Column("revision", lambda row: (row["revision"] or "—")[:12]),
    text_column("where", "where"),
    Column("parameters", lambda row: "—" if row["parameters"] is None else count(row["parameters"]), True),
    Column("size", lambda row: "—" if row["size_bytes"] is None else size(row["size_bytes"]), True),
    text_column("fits", "fits"),
    Column("licence", lambda row: (row["licence"] or "not stated") + (", gated" if row["gated"] else "")),
)  # fmt: skip


def models(session: Session) -> ExitCode:
    """List what is at hand, or fetch what is not."""
    if session.arguments.action == "fetch":
        return fetch(session)
    return show_models(session)


def show_models(session: Session) -> ExitCode:
    """Print every model at hand; `--all` adds those that the lab knows and that are elsewhere."""
    home = session.home
    memory, device = device_memory(NvmlProbe(session.environment))
    found = stock(home, session.environment)
    if session.arguments.all:
        found += list(models_elsewhere(found))
    rows = [_row(model, memory, has_gpu=device != "CPU") for model in found]
    if session.arguments.json:
        session.output.json("models", {"rows": rows, "device": device, "memory_bytes": memory})
        return ExitCode.DONE
    session.output.table(COLUMNS, rows)
    session.output.say(f"fits: in {size(memory)} of memory of this machine's {device}")
    for row in rows:
        if row["problem"]:
            session.output.say(f"{row['id']}: {row['problem']}")
    return ExitCode.DONE


def stock(home: LabHome, environment: Mapping[str, str]) -> list[StockedModel]:
    """Every model that an experiment could use here without a network."""
    fetched = [
        stocked_model(
            str(model.params["model"]),
            model.params["revision"],
            "lab",
            model.folder,
            run_id=model.run_id,
            licence=model.licence,
        )
        for model in FetchedModels(home).newest_first()
    ]
    hub = hub_from_environment(environment, Path(environment.get("HOME") or Path.home()))
    return [*builtin_models(), *fetched, *cached_models(hub), *packaged_models()]


def device_memory(probe: GpuProbe) -> tuple[int, str]:
    """Bytes of the largest GPU, or of main memory where there is none, and what it is called."""
    gpus = probe.gpus()
    if gpus:
        largest = max(gpus, key=lambda gpu: gpu.total_mib)
        return largest.total_mib << 20, largest.name
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "CPU"


def _row(model: StockedModel, memory: int, *, has_gpu: bool) -> dict[str, Any]:
    shape = model.shape
    # A CPU without bf16 units computes in float32, and then the weights take twice the room.
    need = memory_need(shape, "auto" if has_gpu else "float32") if shape else None
    fits = "not known"
    if need is not None:
        fits = "no" if need.answers > memory else "answers"
        fits = "answers, training" if need.training <= memory else fits
    where = f"lab ({model.run_id})" if model.run_id else model.place
    return {
        "id": model.id,
        "revision": model.revision,
        "where": "damaged" if model.problem else where,
        "folder": str(model.folder) if model.folder else None,
        "run_id": model.run_id,
        "parameters": shape.parameters if shape else None,
        "size_bytes": model.size_bytes,
        "fits": fits,
        "needs_bytes": asdict(need) if need else None,
        "licence": model.licence or None,
        "gated": model.gated,
        "problem": model.problem,
    }


def fetch(session: Session) -> ExitCode:
    """Bring a model here as a run of its own, pinned to a commit; a stopped one goes on where it was."""
    reference = session.arguments.model
    if reference is None:
        raise UsageError("models fetch needs the id of a model", "such as owner/name on the hub")
    home = session.home
    found = _resolve(session, home, reference)
    if found.fetch is None:
        session.output.say(f"{reference} is here already")
        return _answer(session, found, str(found.folder), None)
    params = found.fetch.params
    key = step_key("fetch", params, {})
    label = f"fetch/{reference.rsplit('/', 1)[-1].lower()}"
    step = Step("fetch", label, key, params, (), None, False, found.fetch.locate)
    text = f"{label} {params['revision'] or params['file_sha256']}\n"
    about = "Models brought here by hand."
    answer = client.submit(home, Submission(EXPERIMENT, about, reference, text, (step,)))
    run_id = answer["runs"][label]
    followed = follow(home, str(answer["experiment"]), session.output)
    for run in followed.ended_badly:
        session.output.say(f"{run['label']} ({run['id']}) {run['state']}: {run['message']}")
        session.output.say(
            f"  {run['hint'] or f'synthlab models fetch {reference} goes on with it'}"
        )
    folder = None if followed.ended_badly else str(home.run(run_id) / "out" / "model")
    _answer(session, found, folder, run_id)
    return ExitCode.FAILED if followed.ended_badly else ExitCode.DONE


def _answer(
    session: Session, found: ResolvedModel, folder: str | None, run_id: str | None
) -> ExitCode:
    if session.arguments.json:
        identity = found.identity.to_json()
        session.output.json("model", {**identity, "folder": folder, "run_id": run_id})
    elif folder is not None:
        session.output.data(folder)
    return ExitCode.DONE


def _resolve(session: Session, home: LabHome, reference: str) -> ResolvedModel:
    environment = session.environment
    hub = hub_from_environment(environment, Path(environment.get("HOME") or Path.home()))
    hashes = FileHashes(home.cache)
    try:
        found = ModelResolver(Path(), hub, hashes, FetchedModels(home)).resolve(
            reference, session.arguments.revision
        )
    except NotAtHandError as error:
        raise NotAtHandError(error.message, _ways(reference, hub.cache, error.hint)) from error
    hashes.save()
    return found


def _ways(reference: str, cache: Path, hint: str) -> str:
    return (
        f"where there is a network: synthlab models fetch {reference}, then synthlab export-run"
        f" RUN --out FILE.tar, and here: synthlab import-run FILE.tar\n"
        f"  or copy the folder models--{reference.replace('/', '--')} of that hub cache into {cache}\n"
        f"  {hint}"
    )
