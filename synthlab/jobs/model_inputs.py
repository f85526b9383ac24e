"""Where a job finds its model and adapter, and the name under which their output is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synthlab.errors import JobError
from synthlab.jobs.context import JobContext

DIGEST_LETTERS = 12


@dataclass(frozen=True)
class ModelInputs:
    """The model that a job works with."""

    id: str
    """Hub id or other name; what an adapter says it belongs to."""
    folder: Path
    adapter: Path | None
    generator: str
    """`<model id>@<revision or digest>[+<adapter digest>][~<voice digest>]`, never null in a record."""


def find_model(context: JobContext) -> ModelInputs:
    """The model of the step, and its adapter if it has one.

    Raises JobError if the plan named a folder that is not there.
    """
    model = context.params["model"]
    name = str(model["id"])
    pinned = str(model.get("revision") or model.get("digest") or "")[:DIGEST_LETTERS]
    if not pinned:
        raise JobError("no_identity", f"model {name} has neither a revision nor a digest")
    generator = f"{name}@{pinned}"
    adapter = _adapter(context)
    if adapter is not None:
        generator += f"+{_adapter_digest(context)[:DIGEST_LETTERS]}"
    return ModelInputs(name, _folder(context, name), adapter, generator)


def _folder(context: JobContext, name: str) -> Path:
    if context.has_input("model"):
        return context.input("model") / "model"
    located = context.locate("model")
    if located is None or not Path(located).is_dir():
        where = located or "nowhere"
        raise JobError(
            "no_model", f"model {name} is not there ({where})", "run `synthlab plan` again"
        )
    return Path(located)


def _adapter(context: JobContext) -> Path | None:
    if context.has_input("adapter"):
        return context.input("adapter") / "adapter"
    located = context.locate("adapter")
    if located is None:
        return None
    if not Path(located).is_dir():
        raise JobError(
            "no_adapter", f"the adapter {located} is not there", "run `synthlab plan` again"
        )
    return Path(located)


def _adapter_digest(context: JobContext) -> str:
    if context.has_input("adapter"):
        return context.input_digest("adapter")
    return str(context.params["adapter"]["digest"])
