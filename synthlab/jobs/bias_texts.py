"""The candidate texts of a bias step, read from the runs that they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthlab.errors import JobError
from synthlab.jobs.context import JobContext
from synthlab.jobs.judge_pairs import Candidate, JudgedText, choose_prompts
from synthlab.jobs.prompt_hash import hash_prompts
from synthlab.jobs.responses import Response


@dataclass(frozen=True)
class BiasTexts:
    """What a bias step reads."""

    prompts: tuple[str, ...]
    """Ids of the prompts that are judged, in the order of the set."""
    tasks: Mapping[str, str]
    """Text of each of them."""
    candidates: tuple[Candidate, ...]
    prompt_set_hash: str
    """Of the judged prompts."""


def read_texts(context: JobContext) -> BiasTexts:
    """Read the prompts and every candidate's first answer to each of them.

    Answers that failed or are empty are left out with a note. Raises JobError if there are no
    prompts, or no two candidates with a text.
    """
    params = context.params
    name = str(params["prompts"])
    rows = context.read_records(context.input("prompts") / f"{name}.prompts.jsonl")
    if not rows:
        raise JobError("no_prompts", f"prompt set {name!r} has no rows")
    chosen = choose_prompts([str(row["id"]) for row in rows], params["rows"], int(params["seed"]))
    judged = [row for row in rows if row["id"] in set(chosen)]
    candidates = tuple(
        _candidate(context, number, given, chosen)
        for number, given in enumerate(params["candidates"])
    )
    if sum(bool(one.texts) for one in candidates) < 2:
        raise JobError(
            "no_candidates",
            "fewer than two candidates have a text for the judged prompts",
            "check that the sources answered this prompt set",
        )
    tasks = {str(row["id"]): str(row["text"]) for row in judged}
    return BiasTexts(tuple(chosen), tasks, candidates, hash_prompts(judged))


def _candidate(
    context: JobContext, number: int, given: Mapping[str, Any], prompts: Sequence[str]
) -> Candidate:
    folder = context.input(str(given["role"]))
    file = f"{given['set']}.responses.jsonl" if given["set"] else "responses.jsonl"
    if not (folder / file).is_file():
        raise JobError(
            "no_responses",
            f"candidate {number} has no responses in {file}",
            "the data set may have no column of responses",
        )
    wanted, texts, unusable = set(prompts), {}, 0
    for record in context.read_records(folder / file):
        response = Response.from_json(record)
        if response.prompt_id not in wanted or response.sample != 0:
            continue
        if response.failed or not response.text.strip():
            unusable += 1
            continue
        texts[response.prompt_id] = JudgedText(
            number, response.generator, response.id, response.text
        )
    if unusable:
        generators = {text.generator for text in texts.values()}
        who = ", ".join(sorted(generators)) or f"candidate {number}"
        context.note(f"{unusable} of {len(prompts)} texts of {who} left out: empty or failed")
    return Candidate(number, given["kind"] == "source", texts)
