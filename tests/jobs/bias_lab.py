"""Finished runs of sources and answers, and bias steps that judge them, with the tiny models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from storage import durable
from storage.rundir import Manifest, RunDir
from synthlab.experiment.preference_rubrics import (
    PreferenceRubric,
    preference_rubric_folder,
    read_preference_rubric,
)
from synthlab.jobs.responses import Response, response_id
from tests.jobs.conftest import Lab, located, model_params

JUDGE = f"builtin:tiny-verse@{model_params('tiny-verse')['digest'][:12]}"
VOICE = "~a79dfb"
"""The judge answers in a voice and judges without one."""
OTHER = "some/model@0123456789ab"
HUMAN = "human:test@0123456789ab"
TEXTS = (
    "The river runs down to the sea. It is wide, and it is cold in the morning.",
    "A lamp of oil was lit at night. The shepherd kept it upon the hill.",
    "This call joins two paths into one. It returns a string.",
    "Mercy is a gift. It falls like rain from heaven upon the place beneath.",
)


def rubric(name: str) -> PreferenceRubric:
    """A rubric that comes with the lab."""
    return read_preference_rubric(preference_rubric_folder() / f"{name}.toml")


def responses(lab: Lab, run_id: str, generator: str, offset: int, count: int = 6) -> str:
    """A finished run of one generator's answers to the lab's prompts."""
    directory = lab.add(run_id, "generate", {})
    rows = []
    for i in range(count):
        words = f"{TEXTS[(i + offset) % 4]} {'So it goes. ' * (i % 3 + offset)}".strip()
        identity = response_id(f"p{i}", generator, 0, offset)
        finish = "human" if generator == HUMAN else "stop"
        rows.append(
            Response(
                identity, f"p{i}", generator, generator, 0, offset, words, finish, 5, 20
            ).to_json()
        )
    durable.write_jsonl(directory.out / "responses.jsonl", rows)
    directory.write_manifest(Manifest.of(directory.out, {"generator": generator}))
    return run_id


def candidates(kinds: Sequence[str]) -> list[dict[str, Any]]:
    """The candidates of a step whose inputs are named in order."""
    return [{"role": f"candidate:{i}", "kind": k, "set": None} for i, k in enumerate(kinds)]


def params(kinds: Sequence[str], **changes: Any) -> dict[str, Any]:
    """Parameters of a bias step."""
    return {
        "model": model_params("tiny-verse"),
        "prompts": "test",
        "candidates": candidates(kinds),
        "rows": None,
        "show_prompt": True,
        "pairwise": rubric("pairwise-ab").to_json(),
        "rating": rubric("rating-5").to_json(),
        "least_mass": 0.0,
        "anchors": 2,
        "seed": 0,
        "dtype": "float32",
        **changes,
    }


def queued(
    lab: Lab, run_id: str, texts: Mapping[str, str], *, prompts: int = 6, **changes: Any
) -> RunDir:
    """A bias step over finished runs: run id -> kind of candidate."""
    if not (lab.root / "prompts1").exists():
        lab.prompts(count=prompts)
    inputs = {"prompts": "prompts1"}
    inputs |= {f"candidate:{i}": of for i, of in enumerate(texts)}
    given = params(list(texts.values()), **changes)
    return lab.add(run_id, "bias", given, inputs, located("tiny-verse"))


def standard(lab: Lab) -> dict[str, str]:
    """Human, another model and the judge's own answers."""
    return {
        responses(lab, "human001", HUMAN, 0): "source",
        responses(lab, "other001", OTHER, 1): "source",
        responses(lab, "owntext1", JUDGE + VOICE, 2): "answers",
    }
