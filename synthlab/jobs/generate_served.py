"""What generation by a server needs beside the questions: its address, its key, and what it cost."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from storage import durable
from synthlab.errors import JobError
from synthlab.jobs.context import JobContext
from synthlab.jobs.model_inputs import DIGEST_LETTERS

if TYPE_CHECKING:
    from synthlab.engines.openai_engine import Server

LOCATE = "server"
"""Under this name the plan puts where the server is, and beside it how it is asked."""
LOGPROBS = "logprobs.jsonl"
EXTRAS = ("counted", "logprobs")
"""Fields of a logged answer that are not part of a response record."""
MILLION = 1_000_000


def served_name(model: Mapping[str, Any]) -> str:
    """`<model>@served[-<revision>]`: what is behind a served name is the user's word, not a digest."""
    revision = str(model.get("revision") or "")[:DIGEST_LETTERS]
    return f"{model['id']}@served{'-' if revision else ''}{revision}"


def find_server(context: JobContext) -> Server:
    """The server of the step with its key; raises JobError if its key is not in the environment."""
    from synthlab.engines.openai_engine import Server

    address, way = context.locate(LOCATE), read_way(context)
    if address is None:
        raise JobError("no_server", "the step names no server", "run `synthlab plan` again")
    variable = str(way.get("api_key_env") or "")
    key = os.environ.get(variable, "") if variable else ""
    if variable and not key:
        raise JobError(
            "no_api_key",
            f"the environment variable {variable}, which holds the key of the server, is not set",
            f"export {variable}=…, then: synthlab retry RUN",
        )
    return Server(
        base_url=address,
        model=str(context.params["model"]["id"]),
        api_key=key,
        concurrency=int(way["concurrency"]),
        timeout_s=float(way["timeout_s"]),
        patience_s=float(way["patience_s"]),
        logprobs=bool(context.params.get("logprobs")),
    )


def read_way(context: JobContext) -> Mapping[str, Any]:
    """How the server is asked: key variable, concurrency, timeout, patience and price."""
    found: Mapping[str, Any] = context.observing.get(LOCATE, {})
    return found


def without_extras(record: Mapping[str, Any]) -> dict[str, Any]:
    """A logged answer as a response record."""
    return {name: value for name, value in record.items() if name not in EXTRAS}


def server_facts(context: JobContext, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Cost and log-probabilities of all answers; the latter go to a file of their own.

    The cost is that of the answers kept, as their `usage` counts them: failed tries, for which
    some hosts charge as well, are not in it.
    """
    facts: dict[str, Any] = {}
    if context.params.get("logprobs"):
        rows = [
            {
                "id": record["id"],
                "tokens": [token for token, _ in record["logprobs"]],
                "logprobs": [logprob for _, logprob in record["logprobs"]],
            }
            for record in records
            if "logprobs" in record
        ]
        durable.write_jsonl(context.out / LOGPROBS, rows)
        facts["with_logprobs"] = len(rows)
        if len(rows) < len(records):
            context.note(f"{len(records) - len(rows)} answers came without log-probabilities")
    if not (way := read_way(context)):
        return facts
    uncounted = sum(record.get("counted") is False for record in records)
    if uncounted:
        context.note(f"the server did not count the tokens of {uncounted} answers")
        facts["without_usage"] = uncounted
    price = way.get("price")
    if price is not None:
        paid = sum(
            record["prompt_tokens"] * price["prompt_per_million"]
            + record["completion_tokens"] * price["completion_per_million"]
            for record in records
        )
        facts["cost"] = round(paid / MILLION, 6)
        facts["price"] = price
    return facts
