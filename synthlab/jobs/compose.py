"""Put requests into jailbreak templates: which with which is drawn by seed, balanced, and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from storage import durable
from synthlab.errors import JobError
from synthlab.jobs.apportion import rank
from synthlab.jobs.context import JobContext

SLOT = "{request}"
"""Where a template takes the request."""


class Pair(NamedTuple):
    """A template and the request that is put into it."""

    template: Mapping[str, Any]
    request: Mapping[str, Any]


def run(context: JobContext) -> None:
    """Draw the pairs and write them as a prompt set that remembers both sides."""
    params = context.params
    templates = read_set(context, "templates", params["templates"])
    requests = read_set(context, "requests", params["requests"])
    usable = [row for row in templates if row["text"].count(SLOT) == 1]
    if not usable:
        raise JobError(
            "no_templates",
            f"no template of {params['templates']!r} has exactly one slot {SLOT}",
            f"write {SLOT} where the request belongs",
        )
    if len(usable) < len(templates):
        context.note(
            f"{len(templates) - len(usable)} of {len(templates)} templates left out: they do not have "
            "exactly one slot"
        )
    pairs = draw_pairs(usable, requests, params["rows"], int(params["seed"]))
    rows = [composed(pair) for pair in pairs]
    durable.write_jsonl(context.out / f"{params['set']}.prompts.jsonl", rows)
    context.publish(
        {
            "sets": [{"name": params["set"], "rows": len(rows), "responses": 0}],
            "origin": f"{params['templates']} × {params['requests']}",
            "licence": None,
            "generator": None,
            "templates": len({pair.template["id"] for pair in pairs}),
            "requests": len({pair.request["id"] for pair in pairs}),
        }
    )


def read_set(context: JobContext, role: str, name: str) -> list[dict[str, Any]]:
    """The rows of an imported set; raises JobError for an empty one."""
    rows = context.read_records(context.input(role) / f"{name}.prompts.jsonl")
    if not rows:
        raise JobError("no_prompts", f"prompt set {name!r} has no rows")
    return rows


def draw_pairs(
    templates: Sequence[Mapping[str, Any]],
    requests: Sequence[Mapping[str, Any]],
    rows: int | None,
    seed: int,
) -> list[Pair]:
    """Different pairs, as many as asked for, with templates and requests used as evenly as can be.

    Both are shuffled by the seed; round after round each request meets the next template, so that
    the first rounds are the same however many rows are wanted. rows: None takes one round; more than
    there are pairs raises JobError.
    """
    shuffled = sorted(requests, key=lambda row: rank(seed, "request", row["id"]))
    wrappers = sorted(templates, key=lambda row: rank(seed, "template", row["id"]))
    wanted = len(shuffled) if rows is None else rows
    if wanted > len(shuffled) * len(wrappers):
        raise JobError(
            "too_few_pairs",
            f"{len(wrappers)} templates and {len(shuffled)} requests give "
            f"{len(wrappers) * len(shuffled)} pairs, and {wanted} are asked for",
            "lower compose.rows",
        )
    pairs = []
    for number in range(wanted):
        turn, place = divmod(number, len(shuffled))
        pairs.append(Pair(wrappers[(place + turn) % len(wrappers)], shuffled[place]))
    return pairs


def composed(pair: Pair) -> dict[str, Any]:
    """A prompt record with the request under the wrapper beside it, which judges are shown."""
    template, request = pair
    return {
        "id": f"{template['id']}+{request['id']}",
        "text": template["text"].replace(SLOT, request["text"]),
        "category": request["category"],
        "system": request["system"],
        "request_id": request["id"],
        "request": request["text"],
        "template_id": template["id"],
    }
