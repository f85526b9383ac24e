"""Which models are at hand on this machine, what they take, and which of the known ones are elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias

from synthlab.errors import SynthlabError
from synthlab.experiment.hub import COMMIT, Hub
from synthlab.experiment.models import BUILTIN, PACKAGED_MODELS, check_model_folder
from synthlab.experiment.shapes import ModelShape, folder_shape, known_models

Place: TypeAlias = Literal["built in", "hub cache", "lab", "package", "elsewhere"]

BUILTIN_LICENCE = "Apache-2.0"
CARD_LICENCE = re.compile(r"^license(?:_name)?:[ \t]*[\"']?([\w.+-]+)", re.MULTILINE)
CARD_HEAD = 4096
ANSWER_RESERVE = 1 << 30
"""Caches, activations and the libraries themselves beside the weights, for a few answers at once."""
TRAINING_ROW_TOKENS = 1024
TRAINING_RANK = 16


@dataclass(frozen=True)
class StockedModel:
    """One model under one revision in one place."""

    id: str
    """As an experiment file names it."""
    revision: str | None
    place: Place
    folder: Path | None
    """None where it is still packed, or elsewhere."""
    run_id: str | None
    """The run that fetched it."""
    size_bytes: int | None
    """On disk; of what is elsewhere, what fetching it takes."""
    shape: ModelShape | None
    licence: str
    """Empty where nobody has said."""
    gated: bool = False
    """Whether the hub asks for the acceptance of terms."""
    problem: str = ""
    """Why it cannot be used as it lies there."""


@dataclass(frozen=True)
class MemoryNeed:
    """What a model needs in the memory of one device, in bytes."""

    answers: int
    training: int
    """A LoRA adapter of rank 16 on rows of 1,024 tokens, one at a time."""


def memory_need(shape: ModelShape, dtype: str) -> MemoryNeed:
    """Weights and what stands beside them; dtype: the number format in memory.

    Training keeps, for each token and layer, about 8 hidden and 4 inner vectors in 16 bits, the
    logits in 16 and twice in 32 bits, and 16 bytes for each weight of the adapter (AdamW in float32).
    """
    answers = shape.weight_bytes(dtype) + ANSWER_RESERVE
    kept = 2 * (8 * shape.hidden + 4 * shape.intermediate) * shape.layers
    rows = TRAINING_ROW_TOKENS * (kept + 10 * shape.vocabulary)
    adapter = 16 * shape.adapter_parameters(TRAINING_RANK, ("all-linear",))
    return MemoryNeed(answers, answers + rows + adapter)


def stocked_model(
    identity: str,
    revision: str | None,
    place: Place,
    folder: Path,
    *,
    run_id: str | None = None,
    licence: str | None = None,
) -> StockedModel:
    """A model folder as it is, its faults included."""
    try:
        check_model_folder(folder)
        problem = ""
    except SynthlabError as error:
        problem = error.message
    known = known_models().get(identity)
    shape = (folder_shape(folder) if not problem else None) or known
    stated = licence or _card_licence(folder) or (known.licence if known else "")
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return StockedModel(
        identity, revision, place, folder, run_id, size, shape, stated, False, problem
    )


def builtin_models() -> Iterator[StockedModel]:
    """The micro models that come with the lab."""
    root = Path(str(files("assets"))) / "models"
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        yield stocked_model(
            BUILTIN + folder.name, None, "built in", folder, licence=BUILTIN_LICENCE
        )


def cached_models(hub: Hub) -> Iterator[StockedModel]:
    """Every snapshot of a model in the hub's cache; a config that was only looked at is none."""
    for repository in sorted(hub.cache.glob("models--*")):
        name = repository.name.removeprefix("models--").replace("--", "/")
        for folder in sorted((repository / "snapshots").glob("*")):
            if COMMIT.fullmatch(folder.name) and _has_weights(folder):
                yield stocked_model(name, folder.name, "hub cache", folder)


def packaged_models() -> Iterator[StockedModel]:
    """Models that an installed Python package carries, still packed."""
    for name, packaged in PACKAGED_MODELS.items():
        try:
            installed = metadata.distribution(packaged.package)
        except metadata.PackageNotFoundError:
            continue
        listed = [file for file in installed.files or () if file.suffix == ".gguf"]
        size = sum(Path(str(file.locate())).stat().st_size for file in listed)
        shape = known_models().get(name)
        licence = shape.licence if shape else ""
        yield StockedModel(name, None, "package", None, None, size, shape, licence)


def models_elsewhere(at_hand: Iterable[StockedModel]) -> Iterator[StockedModel]:
    """Models whose size the lab knows and that are not among those at hand."""
    here = {model.id for model in at_hand if not model.problem}
    for name, shape in known_models().items():
        if name not in here:
            yield StockedModel(
                name, None, "elsewhere", None, None, shape.download_bytes, shape, shape.licence,
                shape.gated,
            )  # fmt: skip


def _has_weights(folder: Path) -> bool:
    return any(folder.glob("*.safetensors")) or (folder / "model.safetensors.index.json").exists()


def _card_licence(folder: Path) -> str:
    """The licence that the head of a model's README names; empty where it names none."""
    try:
        with (folder / "README.md").open(encoding="utf-8", errors="replace") as file:
            head = file.read(CARD_HEAD)
    except OSError:
        return ""
    if not head.startswith("---"):
        return ""
    named = CARD_LICENCE.findall(head.split("\n---", 1)[0])
    return next((one for one in reversed(named) if one != "other"), "other" if named else "")
