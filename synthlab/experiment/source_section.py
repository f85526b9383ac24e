"""`[sources.NAME]`: people who answered a data set, or a generator model, here or behind an address."""

from __future__ import annotations

from typing import get_args

from synthlab.experiment import spec
from synthlab.experiment.sections import SEED_LIMIT, read_sampling
from synthlab.experiment.served_section import (
    MOST_AT_ONCE,
    OF_OPENAI,
    OF_SERVERS,
    check_server,
)
from synthlab.experiment.table_reader import TableReader

NOT_OF_PEOPLE = (
    "model", "revision", "engine", "base_url", "adapter", "system", "sampling", "seed",
)  # fmt: skip


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
    check_server(source, table, given)
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
