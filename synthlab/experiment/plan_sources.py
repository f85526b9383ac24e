"""The generation steps of sources that a server answers: what is in the key, and what is only the way."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any, Protocol

from synthlab.experiment.spec import ExperimentSpec, Source

SERVED_AT_ONCE = 8
"""Questions under way at a server of somebody else, where the file does not say."""
VLLM_AT_ONCE = 64


class ServedBuilder(Protocol):
    """What the planner offers."""

    spec: ExperimentSpec

    def located(self, *keys: str) -> AbstractContextManager[None]:
        """Names file, line and key in errors."""

    def import_set(self, name: str) -> str:
        """The step that imports a prompt set."""

    def add(
        self,
        kind: Any,
        label: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        *,
        locate: Mapping[str, str] | None = None,
        observing: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a step."""


def served_step(planner: ServedBuilder, source: Source, prompts: str, label: str) -> str:
    """A source's answers by a server that is there already.

    The key holds what the user says of the model, and how it is asked; where it is asked may change.
    """
    system = planner.spec.base.system if source.system is None else source.system
    params = {
        "model": {"id": source.model, "revision": source.revision, "digest": None},
        "engine": source.engine,
        "prompts": prompts,
        "sampling": asdict(source.sampling),
        "system": system or None,
        "seed": source.seed,
        **asked_for(source),
    }
    warning = (
        f"source {source.name}: nobody can check which model answers at {source.base_url} as"
        f" {source.model}; cached answers are reused by that name"
        + ("" if source.revision else ' (revision = "…" tells its versions apart)')
    )
    return planner.add(
        "generate",
        label,
        params,
        {"prompts": planner.import_set(prompts)},
        locate={"server": source.base_url or ""},
        observing={"warning": warning, **way_to(source)},
    )


def asked_for(source: Source) -> dict[str, Any]:
    """What a served source publishes beside its answers; nothing, in the usual case, so that keys stay."""
    return {"logprobs": True} if source.logprobs else {}


def way_to(source: Source) -> dict[str, Any]:
    """How the server of a source is asked, which decides no answer; empty for an engine without one."""
    if source.engine == "transformers":
        return {}
    usual = SERVED_AT_ONCE if source.engine == "openai" else VLLM_AT_ONCE
    way = {
        "api_key_env": source.api_key_env,
        "concurrency": source.concurrency or usual,
        "timeout_s": source.timeout_s,
        "patience_s": source.patience_s,
        "price": asdict(source.price) if source.price else None,
    }
    return {"server": way}
