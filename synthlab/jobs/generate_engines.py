"""The engine that a generation step names, ready to answer, and the name under which it answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from synthlab.engines.protocol import Generator
from synthlab.errors import JobError
from synthlab.jobs.context import JobContext
from synthlab.jobs.generate_served import find_server, served_name
from synthlab.jobs.generate_vllm import open_vllm
from synthlab.jobs.model_inputs import ModelInputs, find_model


def generator_name(context: JobContext) -> str:
    """Who answers, by model and content; a model that somebody else serves is marked as such."""
    if engine_of(context) == "openai":
        return served_name(context.params["model"])
    return find_model(context).generator


def engine_of(context: JobContext) -> str:
    """The name of the step's engine."""
    return str(context.params.get("engine", "transformers"))


@contextmanager
def open_engine(context: JobContext) -> Iterator[Generator]:
    """The engine of the step for as long as the block lasts; raises JobError if it cannot be had."""
    name = engine_of(context)
    if name == "transformers":
        yield load_transformers(find_model(context), context.params.get("dtype", "auto"))
    elif name == "openai":
        from synthlab.engines.openai_engine import OpenAIEngine

        yield OpenAIEngine(find_server(context))
    elif name == "vllm":
        with open_vllm(context) as engine:
            yield engine
    else:
        known = '"transformers", "vllm" or "openai"'
        raise JobError("no_engine", f"engine {name!r} is not available", f"use {known}")


def load_transformers(source: ModelInputs, dtype: str) -> Generator:
    """The model in memory, with its adapter proven to be at work."""
    from synthlab.engines.loading import attach_adapter, load_model
    from synthlab.engines.transformers_engine import TransformersEngine

    loaded = load_model(source.folder, dtype)
    if source.adapter is None:
        return TransformersEngine(loaded)
    adapted = attach_adapter(loaded, source.adapter)
    # In 16 bits a merge would round the adapter's small changes away.
    return TransformersEngine(
        loaded, adapted.merge_and_unload() if loaded.dtype == "float32" else adapted
    )
