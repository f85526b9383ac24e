"""Generation by a vLLM server that belongs to the run: started for it, asked, and stopped with it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthlab.engines.chat import TEMPLATE_OPTIONS
from synthlab.engines.protocol import Generator
from synthlab.errors import JobError
from synthlab.jobs.context import JobContext
from synthlab.jobs.generate_served import read_way
from synthlab.jobs.model_inputs import find_model

PYTHON = "SYNTHLAB_VLLM_PYTHON"
"""The setting `vllm_python`, as the supervisor hands it on."""
ARGUMENTS = "SYNTHLAB_VLLM_ARGUMENTS"
LOG = "vllm.log"


@contextmanager
def open_vllm(context: JobContext) -> Iterator[Generator]:
    """The model of the step behind a server that lives as long as the block.

    Raises JobError if the site names no environment with vLLM, or the server does not come up.
    """
    from synthlab.engines.openai_engine import OpenAIEngine, Server
    from synthlab.engines.vllm_server import VllmModel, running_server

    python = os.environ.get(PYTHON, "")
    if not python:
        raise JobError(
            "no_vllm",
            "the lab does not know where vLLM is",
            'set vllm_python = "/path/to/env/bin/python" in settings.toml of the lab home',
        )
    source, way = find_model(context), read_way(context)
    served = VllmModel(
        Path(python),
        tuple(shlex.split(os.environ.get(ARGUMENTS, ""))),
        source.folder,
        str(context.params.get("dtype", "auto")),
        source.adapter,
    )
    context.note(f"starting vLLM for {source.id}")
    with running_server(
        served,
        context.work / LOG,
        os.environ,
        check=context.raise_if_stopping,
        note=context.note,
    ) as server:
        yield OpenAIEngine(
            Server(
                base_url=server.base_url,
                model=server.model,
                api_key=server.api_key,
                concurrency=int(way["concurrency"]),
                timeout_s=float(way["timeout_s"]),
                patience_s=float(way["patience_s"]),
                logprobs=bool(context.params.get("logprobs")),
                more_fields={"chat_template_kwargs": TEMPLATE_OPTIONS},
            ),
            name="vllm",
            problem=server.problem,
        )
