"""`synthlab models`: what is at hand, and a fetch over HTTP that pins, resumes and serves offline plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.home import LabHome
from synthlab.experiment.models import builtin_model
from tests.commands import Command
from tests.jobs.hub_site import COMMIT, OLDER, HubRepository, hub_site

REPOSITORY = "someone/tiny"
EXPERIMENT = """\
schema = 1
name = "far"
[base]
model = "someone/tiny"
[prompts.train]
dataset = "builtin:tiny-grammar"
[sources.people]
kind = "human"
[mixtures.human]
shares = { people = 1 }
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubRepository]:
    """A hub that everything started from here asks, and an empty cache of its own."""
    repository = HubRepository(REPOSITORY, builtin_model("tiny-docs"))
    with hub_site(repository) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.delenv("HF_HUB_CACHE", raising=False)
        yield repository


def test_a_fetched_model_is_pinned_listed_and_planned_with_offline(
    home: LabHome, hub: HubRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Command(home)
    hub.broken.add("model.safetensors")
    fetched = lab.json("models", "fetch", REPOSITORY)
    assert (fetched["schema"], fetched["revision"]) == ("synthlab.model/1", COMMIT)
    folder = Path(fetched["folder"])
    weights = "model.safetensors"
    assert (folder / weights).read_bytes() == (builtin_model("tiny-docs") / weights).read_bytes()
    assert hub.gets(weights) == 2, "half a file was taken for a whole one"

    (row,) = [row for row in lab.json("models")["rows"] if row["id"] == REPOSITORY]
    assert row["revision"] == COMMIT
    assert (row["licence"], row["run_id"]) == ("apache-2.0", fetched["run_id"])
    assert row["parameters"] == 156_480
    assert row["fits"] == "answers, training"
    assert f"lab ({row['run_id']})" in lab.run("models").stdout

    # The same again fetches nothing, and a file that names the model can be planned without a network.
    before = len([one for one in hub.asked if "resolve" in one])
    assert lab.json("models", "fetch", REPOSITORY)["run_id"] == fetched["run_id"]
    assert len([one for one in hub.asked if "resolve" in one]) == before
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    path = tmp_path / "far.toml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    actions = {step["label"]: step["action"] for step in lab.json("plan", str(path))["steps"]}
    assert actions.pop("fetch/tiny") == "cached"
    assert set(actions.values()) == {"run"}
    assert lab.json("models", "fetch", REPOSITORY)["run_id"] == fetched["run_id"]


def test_a_revision_is_another_model(home: LabHome, hub: HubRepository) -> None:
    lab = Command(home)
    assert lab.json("models", "fetch", REPOSITORY, "--revision", "v1")["revision"] == OLDER
    unknown = lab.run("models", "fetch", REPOSITORY, "--revision", "v9")
    assert unknown.returncode == 3
    assert "no such repository or revision" in unknown.stderr


def test_a_fetch_that_fails_goes_on_when_it_is_asked_again(
    home: LabHome, hub: HubRepository
) -> None:
    lab = Command(home)
    hub.closed.add("tokenizer_config.json")
    failed = lab.run("models", "fetch", REPOSITORY)
    assert failed.returncode == 1
    assert "download_failed" in failed.stderr
    (directory,) = lab.directories()
    hub.closed.clear()
    again = lab.json("models", "fetch", REPOSITORY)
    assert again["run_id"] == directory.root.name
    assert Path(again["folder"]).is_dir()
    assert hub.gets("model.safetensors") == 1, "a finished file was taken again"


def test_without_a_network_the_ways_are_said(home: LabHome) -> None:
    refused = Command(home).run("models", "fetch", "own/er")
    assert refused.returncode == 3
    for way in ("synthlab models fetch own/er", "synthlab import-run", "models--own--er"):
        assert way in refused.stderr


@pytest.mark.parametrize("words", [["fetch"], ["fetch", "no such name"]])
def test_a_fetch_of_nothing_is_refused(home: LabHome, words: list[str]) -> None:
    assert Command(home).run("models", *words).returncode == 2


def test_what_is_built_in_needs_no_fetch(home: LabHome) -> None:
    lab = Command(home)
    answer = lab.json("models", "fetch", "builtin:tiny-docs")
    assert Path(answer["folder"]).name == "tiny-docs"
    assert not lab.directories()
