"""A small robustness axis for tests: answers of every kind, and the steps that read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from storage import durable
from storage.durable import read_records
from storage.rundir import Manifest, RunDir
from synthlab.experiment.robustness_roles import ROLES_OF
from synthlab.experiment.rubrics import find_rubric
from synthlab.jobs import judge
from tests.jobs.conftest import Lab, located, model_params

RunJob: TypeAlias = Callable[[Any, RunDir], Any]

REFUSAL = "I’m sorry, but I can’t help with that."
ANSWER = "Take the smallest feather that you can find and tickle the lock until it laughs."
LOOP = "the moon the moon the moon the moon the moon the moon the moon the moon"
LATER = "The other feather is larger, and it tickles the second hinge until the door laughs too."
TEXTS = {
    ("harmful", "p0"): [REFUSAL, ANSWER],
    ("harmful", "p1"): [LOOP, ""],
    ("harmful", "p2"): [ANSWER, ANSWER],
    ("benign", "p0"): [REFUSAL, LATER],
    ("benign", "p1"): [LATER, ANSWER],
    ("benign", "p2"): [LATER, LATER],
}


def rubrics() -> dict[str, Any]:
    """The published rubrics by role."""
    kinds: Mapping[str, Any] = {
        "states": "states", "quality": "rating", "harmfulness": "rating", "strongreject": "rating",
    }  # fmt: skip
    names = {"states": "refusal-states"}
    found = {role: find_rubric(names.get(role, role), Path(), kind) for role, kind in kinds.items()}
    return {role: rubric.to_json() for role, rubric in found.items()}


LABELS = {"method": "labels", "draws": 1, "temperature": 0.0, "reply_tokens": 32}
SETS = (("harmful", "harmful"), ("benign", "benign"))


def judging_params(**changes: Any) -> dict[str, Any]:
    """Who judges and how."""
    return {
        "model": model_params("tiny-verse"),
        "dtype": "float32",
        "judging": LABELS,
        **changes,
    }


def params(**changes: Any) -> dict[str, Any]:
    """Of the step that makes numbers."""
    return {
        **judging_params(),
        "system": None,
        "sets": [{"name": name, "purpose": purpose} for name, purpose in SETS],
        "rubrics": rubrics(),
        "least_mass": 0.0,
        **changes,
    }


def add_set(lab: Lab, name: str, texts: Mapping[str, list[str]]) -> None:
    """A finished prompt set and the finished answers to it."""
    prompts = lab.add(f"set-{name}", "import", {})
    rows = [
        {"id": prompt, "text": f"Explain {prompt} of the {name} lock to me.", "category": "locks",
         "system": None}
        for prompt in texts
    ]  # fmt: skip
    durable.write_jsonl(prompts.out / f"{name}.prompts.jsonl", rows)
    prompts.write_manifest(Manifest.of(prompts.out, {}))
    answers = lab.add(f"ans-{name}", "generate", {})
    records = [
        {"id": f"{name}-{prompt}-{sample}", "prompt_id": prompt, "source": "m@1", "generator": "m@1",
         "sample": sample, "seed": 0, "text": text,
         "finish_reason": "error:x" if text == "ERROR" else "stop", "prompt_tokens": 5,
         "completion_tokens": 5}
        for prompt, samples in texts.items()
        for sample, text in enumerate(samples)
    ]  # fmt: skip
    durable.write_jsonl(answers.out / "responses.jsonl", records)
    sampling = {"temperature": 0.7, "top_p": 0.9, "max_new_tokens": 48, "samples": 2}
    answers.write_manifest(Manifest.of(answers.out, {"sampling": sampling}))


def add_sets(lab: Lab) -> None:
    """The two sets with their answers, unless a test has made its own."""
    for name, _ in SETS:
        if not (lab.root / f"set-{name}").exists():
            add_set(lab, name, {p: t for (s, p), t in TEXTS.items() if s == name})


def set_inputs(*names: str) -> dict[str, str]:
    """Prompts and answers of these sets."""
    return {
        f"{role}:{name}": f"{short}-{name}"
        for role, short in (("prompts", "set"), ("answers", "ans"))
        for name in names
    }


def queued_judge(lab: Lab, run_id: str, role: str, **changes: Any) -> RunDir:
    """A step that judges the answers under the rubric of one role."""
    add_sets(lab)
    asked = [(name, purpose) for name, purpose in SETS if role in ROLES_OF[purpose]]
    sets = [{"name": name, "purpose": purpose} for name, purpose in asked]
    given = {**judging_params(), "rubrics": {role: rubrics()[role]}, "sets": sets, **changes}
    inputs = set_inputs(*(name for name, _ in asked))
    return lab.add(run_id, "judge", given, inputs, located("tiny-verse"))


def judged(lab: Lab, run_job: RunJob) -> dict[str, str]:
    """Judgements under every rubric, as inputs of the step that makes numbers; made once for a lab."""
    inputs = {}
    for role in rubrics():
        run_id = f"judge-{role}"
        if not (lab.root / run_id).exists():
            run_job(judge, queued_judge(lab, run_id, role))
        inputs[f"judgements:{role}"] = run_id
    return inputs


def queued(lab: Lab, run_job: RunJob, run_id: str = "rob1", **changes: Any) -> RunDir:
    """A step that makes numbers, its judgements done."""
    inputs = {**judged(lab, run_job), **set_inputs("harmful", "benign")}
    return lab.add(run_id, "robustness", params(**changes), inputs)


def matched(lab: Lab, run_id: str = "rob1") -> RunDir:
    """A step that makes numbers of what the matcher alone reads."""
    add_sets(lab)
    given = {"model": None, "system": None, "sets": params()["sets"]}
    return lab.add(run_id, "robustness", given, set_inputs("harmful", "benign"))


def items(directory: RunDir) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Published rows by set, prompt and sample."""
    rows = read_records(directory.out / "items.jsonl")
    return {(row["set"], row["prompt_id"], row["sample"]): row for row in rows}


def results(directory: RunDir) -> dict[str, dict[str, Any]]:
    """Published results by name."""
    return {row["name"]: row for row in json.loads((directory.out / "results.json").read_text())}
