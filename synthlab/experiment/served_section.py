"""What is checked of every model behind an address, be it a source or a judge."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from synthlab.experiment import spec
from synthlab.experiment.table_reader import TableReader

KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*_API_KEY")
"""Only variables of such names reach a job, and only the job that names them."""
OF_SERVERS = ("concurrency", "timeout_s", "patience_s", "logprobs")
OF_OPENAI = ("base_url", "api_key_env", "price")
MOST_AT_ONCE = 1024


def check_server(source: spec.Source, table: TableReader, given: list[str]) -> None:
    """Note what cannot be meant of an engine and the server behind it."""
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
