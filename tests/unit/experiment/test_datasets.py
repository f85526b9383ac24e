"""Finding data sets: each is pinned by its content or its commit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from synthlab.errors import NotFoundError, SpecError
from synthlab.experiment.datasets import BUILTIN_CORPORA, DatasetResolver
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import Hub, RepoKind
from synthlab.jobs.corpora.catalog import CORPORA, PROMPT_SETS


class Site:
    def __call__(self, kind: RepoKind, repo: str, revision: str) -> str:
        assert kind == "datasets"
        return "d" * 40


def resolver(base: Path, *, offline: bool = True) -> DatasetResolver:
    return DatasetResolver(base, Hub(base / "hub", offline, Site()), FileHashes(None))


def test_a_file_is_pinned_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_bytes(b"{}\n")
    found = resolver(tmp_path).resolve("d.jsonl", None, "train")
    assert found.params == {
        "origin": "file",
        "name": "d.jsonl",
        "format": "jsonl",
        "digest": hashlib.sha256(b"{}\n").hexdigest(),
    }
    assert found.locate == {"dataset": str(tmp_path / "d.jsonl")}


def test_a_hub_data_set_is_pinned_by_its_commit(tmp_path: Path) -> None:
    online = resolver(tmp_path, offline=False).resolve("a/b", "main", "test")
    assert online.params == {
        "origin": "hub",
        "name": "a/b",
        "revision": "d" * 40,
        "split": "test",
    }
    root = tmp_path / "hub" / "datasets--a--b"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text("e" * 40)
    (root / "snapshots" / ("e" * 40)).mkdir(parents=True)
    cached = resolver(tmp_path).resolve("a/b", None, "test")
    assert cached.params["revision"] == "e" * 40


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("gone.csv", NotFoundError, "no data file"),
        ("./notes.txt", SpecError, "no known format"),
        ("a b", SpecError, "no hub id"),
        ("a/b", NotFoundError, "offline"),
        ("builtin:nope", NotFoundError, "no built-in data set"),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path, reference: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        resolver(tmp_path).resolve(reference, None, "train")


def test_every_built_in_corpus_can_be_planned_and_made(tmp_path: Path) -> None:
    assert BUILTIN_CORPORA.keys() == CORPORA.keys() | PROMPT_SETS.keys()
    digests = {
        resolver(tmp_path).resolve(f"builtin:{name}", None, "train").params["digest"]
        for name in BUILTIN_CORPORA
    }
    assert len(digests) == len(BUILTIN_CORPORA)
