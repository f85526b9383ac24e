"""`[sources.NAME]`: people who answered a data set, or a generator model, here or behind an address."""

from __future__ import annotations

import re
from typing import get_args
from urllib.parse import urlsplit

from synthlab.experiment import spec
from synthlab.experiment.sections import SEED_LIMIT, read_sampling
from synthlab.experiment.table_reader import TableReader

KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*_API_KEY")
"""Only variables of such names reach a job, and only the job that names them."""
NOT_OF_PEOPLE = (
    "model", "revision", "engine", "base_url", "adapter", "system", "sampling", "seed",
)  # fmt: skip
OF_SERVERS = ("concurrency", "timeout_s", "patience_s", "logprobs")
OF_OPENAI = ("base_url", "api_key_env", "price")
MOST_AT_ONCE = 1024


def read_source(name: str, table: TableReader) -> spec.Source:
    """One source; every fault goes to the table's problems."""
    given = list(table.table)
    kind = table.choice("kind", get_args(spec.SourceKind), "model")
    if not table.has("kind"):
        table.fault("kind", 'is missing; it is "human" or "model"')
    default = spec.Source(name, kind, "")
    source = spec.Source(
        name=name,
        kind=kind,
        prompts=table.text("prompts") or "",
        model=table.text("model"),
        revision=table.text("revision"),
        engine=table.choice("engine", get_args(spec.EngineName), "transformers"),
        base_url=table.text("base_url"),
        api_key_env=table.text("api_key_env"),
        adapter=table.text("adapter"),
        system=table.free_text("system"),
        sampling=read_sampling(table.subtable("sampling")),
        seed=table.integer("seed", 0, maximum=SEED_LIMIT),
        logprobs=table.flag("logprobs", False),
        concurrency=table.optional_integer("concurrency", minimum=1, maximum=MOST_AT_ONCE),
        timeout_s=table.number("timeout_s", default.timeout_s, above=True),
        patience_s=table.number("patience_s", default.patience_s, above=True),
        price=_read_price(table.subtable("price")) if table.has("price") else None,
    )
    table.close()
    if kind == "human":
        for key in given:
            if key in (*NOT_OF_PEOPLE, *OF_SERVERS, *OF_OPENAI):
                table.fault(key, "is a key of model sources; people have none")
        return source
    _check_server(source, table, given)
    if source.revision is not None and source.model is None:
        table.fault("revision", "needs a model beside it")
    return source


def _read_price(table: TableReader) -> spec.Price:
    price = spec.Price(
        prompt_per_million=table.number("prompt_per_million", 0.0),
        completion_per_million=table.number("completion_per_million", 0.0),
    )
    table.close()
    return price


def _check_server(source: spec.Source, table: TableReader, given: list[str]) -> None:
    for key in given:
        if key in OF_SERVERS and source.engine == "transformers":
            table.fault(key, 'goes together with engine = "openai" or "vllm"')
        if key in OF_OPENAI and source.engine != "openai":
            table.fault(key, 'goes together with engine = "openai"')
    if source.engine != "openai":
        return
    if source.base_url is None:
        table.fault("base_url", 'goes together with engine = "openai"')
    elif problem := _address_problem(source.base_url):
        table.fault("base_url", problem)
    if source.model is None:
        table.fault("model", "is missing: the name under which the server knows the model")
    if source.adapter is not None:
        table.fault(
            "adapter", "is not for a server: give the name it serves the adapter by as model"
        )
    if source.api_key_env is not None and not KEY_VARIABLE.fullmatch(source.api_key_env):
        table.fault(
            "api_key_env", "must be the name of an environment variable that ends in _API_KEY"
        )


def _address_problem(address: str) -> str:
    """What is wrong with the address of a server; empty if nothing is."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        return f"is no address: {error}"
    if not usable:
        return "must be an address such as http://127.0.0.1:8000/v1"
    if parts.username is not None or parts.password is not None or parts.query:
        return "must hold no password, key or query; name a variable in api_key_env"
    return ""
