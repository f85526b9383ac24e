"""An experiment file to vary, and a resolver that finds everything without touching the machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

from synthlab.experiment.datasets import ResolvedDataset
from synthlab.experiment.embedders import ResolvedEmbedder
from synthlab.experiment.load import parse_spec
from synthlab.experiment.models import (
    FetchNeed,
    ModelIdentity,
    ResolvedAdapter,
    ResolvedModel,
)
from synthlab.experiment.plan import build_plan
from synthlab.experiment.spec import ExperimentSpec
from synthlab.experiment.steps import Plan

PATH = Path("eggs.toml")
EGGS = """\
schema = 1
name = "eggs"
seeds = [0, 1]

[base]
model = "base-model"
dtype = "float32"
system = "Be brief."

[prompts.train]
dataset = "data.jsonl"
columns = { prompt = "question", response = "answer", category = "topic" }
rows = 100
[prompts.test]
holdout = { of = "train", share = 0.2, stratify = "category", seed = 3 }
[prompts.other]
dataset = "other.csv"
purpose = "benign"

[sources.human]
kind = "human"
prompts = "train"
[sources.llama]
kind = "model"
prompts = "train"
model = "llama"
sampling = { temperature = 0.7, top_p = 0.9, max_new_tokens = 64 }
seed = 5
[sources.pupil]
kind = "model"
prompts = "train"
adapter = "human"
system = "Speak like a pirate."

[mixtures.human]
shares = { human = 1 }
[mixtures.single]
shares = { llama = 1 }
[mixtures.multi]
shares = { llama = 1, pupil = 2 }
assign = "folds"
rows = 60
filters = { min_chars = 10, drop_truncated = true }
seed = 4

[finetune]
lora = { r = 8, alpha = 16, dropout = 0.0, targets = ["q_proj", "v_proj"] }
learning_rate = 1e-4
epochs = 2
probe = { every = 50 }

[evaluate]
sampling = { temperature = 0.5 }
samples = 2
[evaluate.collapse]
token_budget = 500
"""


def digest_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


class EverythingIsThere:
    """Finds each model, adapter and data set; those called `remote…` have to be fetched."""

    def model(self, reference: str, revision: str | None) -> ResolvedModel:
        if reference.startswith("remote"):
            need = FetchNeed({"model": reference, "revision": revision, "origin": "hub"})
            return ResolvedModel(ModelIdentity(reference, revision, None), None, need)
        identity = ModelIdentity(reference, revision, digest_of(reference))
        return ResolvedModel(identity, Path("/models") / reference)

    def adapter(self, reference: str) -> ResolvedAdapter:
        return ResolvedAdapter(digest_of(reference), Path("/adapters") / reference)

    def embedder(self, reference: str) -> ResolvedEmbedder:
        return ResolvedEmbedder(reference, digest_of(reference), Path("/embedders") / reference)

    def dataset(self, reference: str, revision: str | None, split: str) -> ResolvedDataset:
        params = {"origin": "file", "name": reference, "digest": digest_of(reference)}
        return ResolvedDataset(params, {"dataset": f"/data/{reference}"})


def eggs(*changes: tuple[str, str]) -> ExperimentSpec:
    """The example with some of its text replaced; a replacement that hits nothing is a mistake."""
    text = EGGS
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_spec(text, PATH)


def plan_of(*changes: tuple[str, str]) -> Plan:
    return build_plan(eggs(*changes), EverythingIsThere())
