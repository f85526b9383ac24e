"""Reads what an index of answers is made of: the answering and measuring runs of an experiment."""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from storage import durable
from storage.catalog.queries import Row
from storage.home import LabHome
from storage.rundir import RunDir, RunId
from synthlab.analysis.sample_build import LineRecord, PromptRecord, build_index
from synthlab.analysis.sample_index import Answer, Contents, SetInfo

INDEX_VERSION = 1
"""Raised when the same answers would give another index."""
HARMFUL = ("harmful", "jailbreak")
"""Purposes of prompt sets whose texts are masked."""
FLIPS = "judge-flips"
"""Share of a judge's verdicts on texts for a prompt that turn with the order of showing."""

Progress = Callable[[int, int, str], None]
"""How many runs are read, of how many, and which one comes next."""


@dataclass(frozen=True)
class SampleRuns:
    """The finished runs of an experiment that an index is made of."""

    home: LabHome
    answers: tuple[Row, ...]
    """Runs in which a condition answered a prompt set."""
    cells: tuple[Row, ...]
    """Runs that measured answers."""
    purposes: Mapping[str, str]
    """Of the prompt sets, as far as a step of the experiment says so."""

    @classmethod
    def of(cls, home: LabHome, steps: Sequence[Row]) -> SampleRuns:
        """Sort the steps; a set is known as harmful as soon as it is planned to be measured."""
        done = [step for step in steps if step["state"] == "succeeded" and step["condition"]]
        purposes: dict[str, str] = {}
        for step in steps:
            for one in json.loads(step["params"] or "{}").get("sets", []):
                if isinstance(one, dict) and "purpose" in one:
                    purposes[one["name"]] = one["purpose"]
        return cls(
            home,
            tuple(step for step in done if step["kind"] == "generate"),
            tuple(step for step in done if step["axis"]),
            purposes,
        )

    def digest(self, experiment: str) -> str:
        """Of the content of every run, and of the names under which it is shown."""
        named = [
            [step["condition"], step["seed"], step["axis"], step["id"], step["digest"]]
            for step in (*self.answers, *self.cells)
        ]
        value = [INDEX_VERSION, experiment, sqlite3.sqlite_version, named, dict(self.purposes)]
        return hashlib.sha256(durable.canonical_json(value).encode()).hexdigest()


@dataclass
class Gathered:
    """What has been read so far."""

    purposes: Mapping[str, str]
    prompts: dict[tuple[str, str], PromptRecord] = field(default_factory=dict)
    lines: dict[tuple[str, str, int, int], dict[str, Answer]] = field(default_factory=dict)
    scores: dict[tuple[str, str], dict[str, float]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """By condition and seed (as `condition.s0`) and response id."""
    graded: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """State and reason, in the same way."""
    flips: dict[tuple[str, str, int, str], float] = field(default_factory=dict)
    """By set, prompt, seed and condition."""


def build_samples(experiment: str, runs: SampleRuns, progress: Progress | None) -> bytes:
    found = Gathered(runs.purposes)
    steps = [*runs.cells, *runs.answers]
    for number, step in enumerate(steps):
        if progress:
            progress(number, len(steps), step["label"])
        directory = RunDir(runs.home.run(RunId(step["id"])))
        if step["axis"] == "bias":
            _read_flips(found, step, directory)
        elif step["axis"]:
            _read_scores(found, step, directory)
        else:
            _read_answers(found, step, directory, runs.home)
    conditions = tuple(dict.fromkeys(step["condition"] for step in runs.answers))
    metrics = sorted({name for one in found.scores.values() for name in one})
    if found.flips:
        metrics.append(FLIPS)
    prompts = list(found.prompts.values())
    contents = Contents(
        experiment,
        conditions,
        tuple(sorted({key[2] for key in found.lines})),
        _sets(prompts),
        tuple(metrics),
        len(found.lines),
        sum(len(answers) for answers in found.lines.values()),
    )
    if progress:
        progress(len(steps), len(steps), "index")
    return build_index(contents, prompts, _line_records(found))


def _sets(prompts: Sequence[PromptRecord]) -> tuple[SetInfo, ...]:
    return tuple(
        SetInfo(
            name,
            next(p.purpose for p in prompts if p.set == name),
            any(p.is_harmful for p in prompts if p.set == name),
            sum(p.set == name for p in prompts),
        )
        for name in dict.fromkeys(p.set for p in prompts)
    )


def _line_records(found: Gathered) -> Iterator[LineRecord]:
    """Rows set by set and prompt by prompt, in the order in which the prompts stand in their file."""
    places = {key: place for place, key in enumerate(found.prompts)}
    order = sorted(found.lines, key=lambda key: (places[key[:2]], key[2], key[3]))
    for key in order:
        name, prompt, seed, sample = key
        answers = dict(found.lines[key])
        flips = {c: found.flips.get((name, prompt, seed, c)) for c in answers}
        for condition, share in flips.items():
            if share is not None:
                scores = {**answers[condition].scores, FLIPS: share}
                answers[condition] = replace(answers[condition], scores=scores)
        yield LineRecord(places[name, prompt], seed, sample, any(flips.values()), answers)


def _read_scores(found: Gathered, step: Row, directory: RunDir) -> None:
    who = _name(step)
    for row in durable.read_records(directory.out / "items.jsonl"):
        key = (who, row["response_id"])
        scores: dict[str, float | None] = dict(row.get("metrics", {}))
        for name, rating in row.get("ratings", {}).items():
            scores[name] = rating["value"] if rating else None
        sums = row.get("ppl1")
        if sums and sums["tokens"] and sums["sum_log_p"] is not None:
            scores["ppl1-log"] = -sums["sum_log_p"] / sums["tokens"]
        known = {
            name: float(value)
            for name, value in scores.items()
            if value is not None and math.isfinite(value)
        }
        found.scores[key].update(known)
        state, reason = found.graded.get(key, ("", ""))
        reason = row.get("reason") or row.get("unscored") or reason
        found.graded[key] = (row.get("state") or state, reason)


def _read_flips(found: Gathered, step: Row, directory: RunDir) -> None:
    """From the judge's pairs: which verdicts the order of showing decided, by prompt."""
    prompt_set = str(json.loads(step["params"])["prompts"])
    verdicts: dict[str, list[bool]] = defaultdict(list)
    for row in durable.read_records(directory.out / "items.jsonl"):
        if row["kind"] != "pair" or row["reason"]:
            continue
        (first_x, first_y), (second_y, second_x) = row["log_p"]
        # An order without a winner is no verdict either, as in the judge's card.
        wins = (first_x > first_y and second_x > second_y) or (
            first_x < first_y and second_x < second_y
        )
        verdicts[row["prompt_id"]].append(not wins)
    for prompt, turned in verdicts.items():
        key = (prompt_set, prompt, step["seed"], step["condition"])
        found.flips[key] = sum(turned) / len(turned)


def _read_answers(found: Gathered, step: Row, directory: RunDir, home: LabHome) -> None:
    prompt_set = str(json.loads(step["params"])["prompts"])
    if not any(name == prompt_set for name, _ in found.prompts):
        _read_prompts(found, prompt_set, directory, home)
    who = _name(step)
    for row in durable.read_records(directory.out / "responses.jsonl"):
        prompt = str(row["prompt_id"])
        if (prompt_set, prompt) not in found.prompts:
            found.prompts[prompt_set, prompt] = _prompt(found, prompt_set, {"id": prompt}, "")
        state, reason = found.graded.get((who, row["id"]), ("", ""))
        line = found.lines.setdefault((prompt_set, prompt, step["seed"], row["sample"]), {})
        line[step["condition"]] = Answer(
            step["condition"],
            row["id"],
            row["text"],
            state,
            reason,
            str(row["finish_reason"] or ""),
            int(row["completion_tokens"] or 0),
            found.scores.get((who, row["id"]), {}),
        )


def _read_prompts(found: Gathered, prompt_set: str, directory: RunDir, home: LabHome) -> None:
    source = next((i for i in directory.read_spec().inputs if i.role == "prompts"), None)
    if source is None:
        return
    given = RunDir(home.run(source.run_id))
    human = durable.read_records(given.published(f"{prompt_set}.responses.jsonl"))
    references = {str(row["prompt_id"]): str(row["text"]) for row in human}
    for row in durable.read_records(given.published(f"{prompt_set}.prompts.jsonl")):
        reference = references.get(str(row["id"]), "")
        found.prompts[prompt_set, str(row["id"])] = _prompt(found, prompt_set, row, reference)


def _prompt(
    found: Gathered, prompt_set: str, row: Mapping[str, Any], reference: str
) -> PromptRecord:
    purpose = found.purposes.get(prompt_set, "")
    return PromptRecord(
        prompt_set,
        str(row["id"]),
        str(row.get("category") or ""),
        str(row.get("text") or ""),
        reference,
        purpose,
        purpose in HARMFUL,
    )


def _name(step: Row) -> str:
    return f"{step['condition']}.s{step['seed']}"
