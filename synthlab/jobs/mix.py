"""The job `mix`: from the responses of several sources to the exact rows that a model is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from storage import durable
from synthlab.errors import JobError
from synthlab.jobs.assignment import Assigned, Assignment, assign, assign_all, within_budget
from synthlab.jobs.candidates import Candidates, MixPrompt, ResponseFilters, usable_responses
from synthlab.jobs.context import JobContext
from synthlab.jobs.responses import Response


def run(context: JobContext) -> None:
    """Filter, assign, count and write; short enough to begin anew when it was stopped."""
    params = context.params
    filters = ResponseFilters.from_json(params["filters"])
    prompts = read_prompts(context, params["prompts"])
    parts = []
    for number, part in enumerate(params["parts"]):
        parts.append(usable_responses(prompts, read_responses(context, part), filters))
        context.progress(number + 1, len(params["parts"]), "sources")
        context.raise_if_stopping()
    assignment = assign_rows(params, prompts, parts, filters)
    if not assignment.rows:
        reasons = [f"{n} × {why}" for part in parts for why, n in part.dropped.items()]
        raise JobError(
            "empty_mixture",
            f"no response is left for the mixture ({', '.join(reasons) or 'there were none'})",
            "loosen the mixture's filters, or look at the responses of its sources",
        )
    rows = mixture_rows(prompts, parts, assignment)
    durable.write_jsonl(context.out / "mixture.jsonl", rows)
    report = describe(params, parts, assignment, len(prompts))
    durable.write_json(context.out / "mixture.json", report)
    for text in remarks(report):
        context.note(text)
    context.publish(report)


def read_prompts(context: JobContext, name: str) -> list[MixPrompt]:
    """The prompt set of that name; raises JobError if the import did not write it."""
    path = context.input("prompts") / f"{name}.prompts.jsonl"
    if not path.is_file():
        raise JobError("no_prompts", f"the import has no prompt set {name!r}", "plan again")
    return [MixPrompt.from_json(record) for record in context.read_records(path)]


def read_responses(context: JobContext, part: Mapping[str, Any]) -> list[Response]:
    """The responses of one source; raises JobError if people gave none for the set."""
    name = f"{part['set']}.responses.jsonl" if part["set"] else "responses.jsonl"
    path = context.input(part["role"]) / name
    if not path.is_file():
        raise JobError(
            "no_responses",
            f"the data set behind {part['set'] or part['role']!r} came without responses",
            "say which column holds them (columns = { response = ... }), or use a model source",
        )
    return [Response.from_json(record) for record in context.read_records(path)]


def assign_rows(
    params: Mapping[str, Any],
    prompts: Sequence[MixPrompt],
    parts: Sequence[Candidates],
    filters: ResponseFilters,
) -> Assignment:
    """The rows that shares, assignment, number of rows and token budget ask for."""
    weights = [part["share"] for part in params["parts"]]
    rows, seed = params["rows"], params["seed"]
    if params["assign"] == "all":
        assignment = assign_all(prompts, parts, rows, seed, dedupe=filters.dedupe)
    else:
        assignment = assign(prompts, parts, weights, params["assign"], rows, seed)
    if params["tokens"] is None:
        return assignment

    def count(row: Assigned) -> int:
        return token_count(parts[row.part].by_prompt[row.prompt_id].text)

    return within_budget(assignment, params["tokens"], weights, count)


def token_count(text: str) -> int:
    """Length in words and punctuation marks: one measure for sources with different tokenisers."""
    from synthlab.metrics.tokenize import words

    return len(words(text))


def mixture_rows(
    prompts: Sequence[MixPrompt], parts: Sequence[Candidates], assignment: Assignment
) -> list[dict[str, Any]]:
    """The records of `mixture.jsonl`."""
    by_id = {prompt.id: prompt for prompt in prompts}
    rows = []
    for prompt_id, number in assignment.rows:
        prompt = by_id[prompt_id]
        response = parts[number].by_prompt[prompt_id]
        messages = [
            {"role": "user", "content": prompt.text},
            {"role": "assistant", "content": response.text},
        ]
        if prompt.system is not None:
            messages.insert(0, {"role": "system", "content": prompt.system})
        rows.append(
            {
                "id": row_id(prompt.id, response),
                "prompt_id": prompt.id,
                "source": response.generator,
                "generator": response.generator,
                "response_id": response.id,
                "messages": messages,
                "prompt": prompt.text,
                "response": response.text,
            }
        )
    return rows


def row_id(prompt_id: str, response: Response) -> str:
    """Id of a mixture row; the text is in it, for one generator can be asked in two ways."""
    content = f"{prompt_id}|{response.id}|{response.text}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def describe(
    params: Mapping[str, Any],
    parts: Sequence[Candidates],
    assignment: Assignment,
    prompts: int,
) -> dict[str, Any]:
    """The content of `mixture.json`: what came from where, and what stayed out for which reason."""
    described = []
    for number, (part, candidates) in enumerate(zip(params["parts"], parts, strict=True)):
        chosen = [
            candidates.by_prompt[row.prompt_id] for row in assignment.rows if row.part == number
        ]
        described.append(
            {
                "generator": candidates.generator,
                "share": part["share"],
                "rows": len(chosen),
                "tokens": sum(token_count(response.text) for response in chosen),
                "characters": quartiles([len(response.text) for response in chosen]),
                "responses": candidates.seen,
                "dropped": dict(candidates.dropped),
            }
        )
    return {
        "rows": len(assignment.rows),
        "tokens": sum(part["tokens"] for part in described),
        "prompts": prompts,
        "assign": params["assign"],
        "seed": params["seed"],
        "no_response": assignment.no_response,
        "swapped": assignment.swapped,
        "reassigned": assignment.reassigned,
        "duplicates": assignment.duplicates,
        "over_budget": assignment.over_budget,
        "parts": by_generator(described),
        "sources": described,
    }


def by_generator(sources: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows and share (of 1) of each generator; two sources may ask one generator in two ways."""
    whole = sum(source["share"] for source in sources)
    found: dict[str, dict[str, Any]] = {}
    for source in sources:
        generator = source["generator"]
        part = found.setdefault(generator, {"generator": generator, "rows": 0, "share": 0.0})
        part["rows"] += source["rows"]
        part["share"] += source["share"] / whole
    return list(found.values())


def quartiles(lengths: Sequence[int]) -> list[int]:
    """Minimum, quartiles and maximum (nearest rank); empty if there is nothing to describe."""
    ordered = sorted(lengths)
    return [ordered[round(q * (len(ordered) - 1) / 4)] for q in range(5)] if ordered else []


def remarks(report: Mapping[str, Any]) -> list[str]:
    """What a reader of the run should be told about the rows."""
    texts = {
        "no_response": "without a usable response",
        "swapped": "exchanged between sources because the first had no usable response",
        "reassigned": "given to another source, so that the shares are not exactly as asked",
        "duplicates": "left out: the same answer from another source",
        "over_budget": "left out by the token budget",
    }
    return [f"{report[name]} rows {text}" for name, text in texts.items() if report[name]]
