"""What is at hand of models: caches with holes, licences on cards, and whether a model fits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from synthlab.experiment.hub import hub_from_environment
from synthlab.experiment.model_stock import (
    builtin_models,
    cached_models,
    memory_need,
    models_elsewhere,
)
from synthlab.experiment.models import builtin_model
from synthlab.experiment.shapes import known_models

COMMIT = "a" * 40


def snapshot(cache: Path, name: str, card: str = "") -> Path:
    folder = cache / f"models--{name.replace('/', '--')}" / "snapshots" / COMMIT
    shutil.copytree(builtin_model("tiny-verse"), folder)
    if card:
        (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def test_the_cache_is_listed_with_what_is_wrong_in_it(tmp_path: Path) -> None:
    hub = hub_from_environment({"HF_HUB_CACHE": str(tmp_path)}, tmp_path)
    snapshot(tmp_path, "a/whole", "---\nlicense: mit\nlanguage: en\n---\nlicense: no\n")
    (snapshot(tmp_path, "b/half") / "tokenizer.json").unlink()
    (snapshot(tmp_path, "c/config-only") / "model.safetensors").unlink()
    (tmp_path / "models--d--empty").mkdir()
    found = {model.id: model for model in cached_models(hub)}
    assert found.keys() == {"a/whole", "b/half"}
    whole, half = found["a/whole"], found["b/half"]
    assert (whole.revision, whole.licence, whole.problem) == (COMMIT, "mit", "")
    assert whole.shape is not None
    assert whole.shape.parameters == 156_480
    assert half.problem.endswith("vocab.txt)")
    assert half.shape is None


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: other\nlicense_name: qwen-research\n---\n", "qwen-research"),
        ('---\nlicense: "apache-2.0"\n---\n', "apache-2.0"),
        ("---\nlicense: other\n---\n", "other"),
        ("# A model\nlicense: mit\n", ""),
    ],
)
def test_a_licence_is_read_from_the_head_of_the_card(
    tmp_path: Path, card: str, licence: str
) -> None:
    snapshot(tmp_path, "a/b", card)
    hub = hub_from_environment({"HF_HUB_CACHE": str(tmp_path)}, tmp_path)
    assert [model.licence for model in cached_models(hub)] == [licence]


def test_what_is_elsewhere_is_what_is_not_here() -> None:
    elsewhere = {model.id: model for model in models_elsewhere(builtin_models())}
    assert elsewhere.keys() == known_models().keys()
    assert all(model.size_bytes and model.shape for model in elsewhere.values())


def test_training_needs_more_than_answering_and_float32_more_than_bfloat16() -> None:
    for shape in known_models().values():
        half, full = memory_need(shape, "bfloat16"), memory_need(shape, "float32")
        assert shape.weight_bytes("bfloat16") < half.answers < half.training
        assert full.answers >= half.answers
