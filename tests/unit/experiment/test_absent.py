"""Planning what is not on this machine, and the refusal to run it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from storage.catalog.connection import open_catalog
from storage.home import LabHome
from synthlab.errors import NotAtHandError, NotFoundError
from synthlab.execution.resolve import Action, resolve
from synthlab.execution.submission import Submission, accept
from synthlab.experiment.absent import AbsentAllowed
from synthlab.experiment.datasets import ResolvedDataset
from synthlab.experiment.embedders import ResolvedEmbedder
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.models import ResolvedModel
from synthlab.experiment.plan import build_plan
from synthlab.experiment.resolver import LocalResolver
from synthlab.experiment.steps import Plan
from tests.unit.experiment.examples import EverythingIsThere, eggs


class OnlyTheBaseIsThere(EverythingIsThere):
    """A machine without network that has one model and no data."""

    def model(self, reference: str, revision: str | None) -> ResolvedModel:
        if reference != "base-model":
            raise NotAtHandError(f"{reference} is not here", "hf download it")
        return super().model(reference, revision)

    def dataset(self, reference: str, revision: str | None, split: str) -> ResolvedDataset:
        if reference == "data.jsonl":
            raise NotAtHandError(f"{reference} is not here", "bring it")
        return super().dataset(reference, revision, split)

    def embedder(self, reference: str) -> ResolvedEmbedder:
        raise NotAtHandError(f"{reference} is not here", "pip install it")


def plan_here() -> Plan:
    spec = eggs(("token_budget = 500", 'token_budget = 500\nembedder = "some/minilm"'))
    return build_plan(spec, AbsentAllowed(OnlyTheBaseIsThere()))


def reader(home: LabHome) -> sqlite3.Connection:
    return open_catalog(home)


def test_what_is_elsewhere_is_planned_with_its_reason() -> None:
    blocked = {step.label: step.blocked for step in plan_here().steps if step.blocked}
    assert blocked.pop("fetch/llama") == "the model llama is not here: synthlab models fetch llama"
    assert blocked.pop("import/train") == "the data set data.jsonl is not here: bring it"
    assert {label.split("/")[0] for label in blocked} == {"collapse"}
    assert set(blocked.values()) == {"the embedder some/minilm is not here: pip install it"}


def test_the_plan_has_the_steps_of_a_machine_that_has_everything() -> None:
    everywhere = {step.label for step in build_plan(eggs(), EverythingIsThere()).steps}
    assert {step.label for step in plan_here().steps} == everywhere | {"fetch/llama"}


def test_blocked_steps_block_their_readers_and_nothing_else(home: LabHome) -> None:
    statuses = resolve(reader(home), home, plan_here().steps)
    free = {label for label, status in statuses.items() if status.action is not Action.BLOCKED}
    assert free == {"import/other"}
    assert statuses["mix/human"].reason == "needs import/train"


def test_running_is_refused_with_all_that_is_missing(home: LabHome) -> None:
    plan = plan_here()
    submission = Submission("eggs", "", "eggs.toml", "", plan.steps)
    with pytest.raises(NotAtHandError) as caught:
        accept(reader(home), home, submission, 1.0)
    for missing in ("models fetch llama", "data.jsonl", "some/minilm"):
        assert missing in caught.value.message
    assert not list(home.runs.iterdir())


def test_a_name_that_means_nothing_is_still_refused(tmp_path: Path) -> None:
    class Strict(EverythingIsThere):
        def model(self, reference: str, revision: str | None) -> ResolvedModel:
            raise NotFoundError("the hub has no such repository")

    with pytest.raises(NotFoundError, match="no such repository"):
        build_plan(eggs(), AbsentAllowed(Strict()))


def test_a_pinned_model_keeps_its_key_offline(tmp_path: Path) -> None:
    commit = "a" * 40
    environ = {"HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    offline = AbsentAllowed(LocalResolver(tmp_path, FileHashes(None), environ))
    online = LocalResolver(tmp_path, FileHashes(None), {"HF_HUB_CACHE": str(tmp_path)})
    here, there = offline.model("own/er", commit), online.model("own/er", commit)
    assert here.fetch is not None and there.fetch is not None
    assert here.fetch.params == there.fetch.params and here.identity == there.identity
