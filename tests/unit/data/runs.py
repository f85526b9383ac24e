"""Running a data job in a run directory of its own, the way the lab does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from storage import durable
from storage.rundir import RunDir, RunId, RunSpec
from synthlab.jobs.context import JobContext


def run_job(
    root: Path,
    name: str,
    job: Callable[[JobContext], None],
    params: Mapping[str, Any],
    *,
    inputs: Mapping[str, str] | None = None,
    locate: Mapping[str, str] | None = None,
    stop: bool = False,
) -> RunDir:
    """Do one step; `inputs` maps a role to the name of an earlier run below `root`.

    stop: somebody asks for a stop before the job has begun.
    """
    directory = RunDir(root / name)
    directory.create(
        RunSpec(RunId(name), "test", "key", name, params, (), dict(locate or {}), False, 0.0)
    )
    given = {role: {"run_id": of, "digest": "d"} for role, of in (inputs or {}).items()}
    durable.write_json(directory.inputs, {"inputs": given})
    with JobContext(directory) as context:
        if stop:
            context.request_stop()
        job(context)
    return directory


def info_of(directory: RunDir) -> Mapping[str, Any]:
    """What the run tells the catalog; fails if nothing was published."""
    manifest = directory.read_manifest()
    assert manifest is not None
    return manifest.info


def digest_of(directory: RunDir) -> str:
    """Identity of the published content."""
    manifest = directory.read_manifest()
    assert manifest is not None
    return manifest.digest
