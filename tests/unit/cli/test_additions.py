"""`synthlab sources | mixtures | prompts add`: the same file as by hand, and refusals that change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.home import LabHome
from synthlab.experiment.load import load_spec
from tests.commands import Command


def test_an_experiment_is_made_by_verbs_alone(home: LabHome, tmp_path: Path) -> None:
    lab, path = Command(home), str(tmp_path / "made.toml")
    data = ["--dataset", "people.csv", "--purpose", "train", "--rows", "90", "--set", "seed=7"]
    columns = ["--column", "prompt={title}: {body}", "--column", "response=answer"]
    made = lab.json("prompts", "add", path, "train", "--base", "own/er", *data, *columns)
    assert made["schema"] == "synthlab.addition/1"
    assert (made["is_new"], made["table"], made["faults"]) == (True, "prompts.train", [])
    lab.json("sources", "add", path, "people", "--kind", "human")
    local = ["--model", "builtin:tiny-prose", "--adapter", "human", "--system", "", "--top-p", "1"]
    lab.json("sources", "add", path, "ours", *local, "--temperature", "0", "--samples", "2")
    served = [
        "--engine",
        "openai",
        "--base-url",
        "http://h:1/v1",
        "--model",
        "m",
        "--revision",
        "r",
    ]
    more = ["--api-key-env", "MY_API_KEY", "--concurrency", "3", "--set", "logprobs=true"]
    said = lab.run("sources", "add", path, "served", *served, *more)
    assert said.returncode == 0
    assert said.stdout.startswith("[sources.served]\n")
    lab.json("mixtures", "add", path, "human", "--share", "people=1")
    shares = ["--share", "people=1", "--share", "ours=0.5", "--share", "served=2"]
    filters = ["--set", "filters={ min_chars = 3 }", "--rows", "30", "--assign", "folds"]
    lab.json("mixtures", "add", path, "multi", *shares, *filters)

    spec = load_spec(Path(path))
    train, ours, served_source = spec.prompts["train"], spec.sources["ours"], spec.sources["served"]
    assert (train.dataset, train.rows, train.seed) == ("people.csv", 90, 7)
    assert (train.columns.prompt, train.columns.response) == ("{title}: {body}", "answer")
    assert (ours.adapter, ours.system) == ("human", "")
    assert (ours.sampling.temperature, ours.sampling.top_p, ours.sampling.samples) == (0.0, 1.0, 2)
    assert served_source.base_url == "http://h:1/v1"
    assert (served_source.api_key_env, served_source.concurrency) == ("MY_API_KEY", 3)
    assert served_source.logprobs
    multi = spec.mixtures["multi"]
    assert [(s.source, s.weight) for s in multi.shares] == [
        ("people", 1.0),
        ("ours", 0.5),
        ("served", 2.0),
    ]
    assert (multi.rows, multi.assign, multi.filters.min_chars) == (30, "folds", 3)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["sources", "add"], 2, "needs a file and a name"),
        (["sources", "add", "f.toml", "a", "--kind", "human", "--set", "x"], 2, "NAME=VALUE"),
        (["sources", "add", "f.toml", "a", "--set", "model=a\nb=1"], 2, "no TOML value"),
        (["sources", "list", "f.toml"], 2, "a list takes no file"),
        (["mixtures", "add", "f.toml", "m"], 2, "needs a --share"),
        (["mixtures", "add", "f.toml", "m", "--share", "a=lots"], 2, "is no share"),
        (["mixtures", "add", "f.toml", "m", "--share", "a=1", "--share", "a=2"], 2, "twice"),
        (["mixtures", "add", "f.toml", "m", "--share", "a=1"], 3, "--base MODEL makes one"),
        (["prompts", "list", "f.toml"], 2, "takes no file"),
    ],
)
def test_refusals(home: LabHome, words: list[str], code: int, message: str) -> None:
    lab = Command(home)
    ended = lab.run(*words)
    assert (ended.returncode, message in ended.stderr) == (code, True), ended.stderr
    assert not (home.root.parent / "f.toml").exists()


def test_hostile_words_reach_the_file_quoted_and_the_terminal_harmless(
    home: LabHome, tmp_path: Path
) -> None:
    lab, path = Command(home), tmp_path / "made.toml"
    lab.json(
        "prompts", "add", str(path), "train", "--base", "b", "--dataset", "builtin:tiny-grammar"
    )
    before = path.read_bytes()
    hostile = 'x"\n[evaluate]\n\x1b]0;owned\x07\u202e'
    ended = lab.run("sources", "add", str(path), "a", "--model", "m", "--system", hostile)
    assert ended.returncode == 0, ended.stderr
    assert load_spec(path).sources["a"].system == hostile
    for text in (ended.stdout, ended.stderr, path.read_text(encoding="utf-8")):
        assert "\x1b" not in text
    after = path.read_bytes()
    refused = lab.run("sources", "add", str(path), "b]\n[evaluate", "--kind", "human")
    assert refused.returncode == 2
    assert path.read_bytes() == after
    assert after.startswith(before)


def test_lists_are_what_they_were(home: LabHome) -> None:
    lab = Command(home)
    for verb in ("sources", "mixtures"):
        assert lab.json(verb) == lab.json(verb, "list")
        assert lab.json(verb, "--filter", "rows>=1")["schema"] == f"synthlab.{verb}/1"
