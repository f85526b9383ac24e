"""The jobs `import` and `mix` in run directories of their own: what they publish, and when they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage import durable
from storage.rundir import RunDir
from synthlab.errors import JobError
from synthlab.jobs import import_, mix
from synthlab.jobs.context import JobContext, JobStopped
from synthlab.jobs.responses import Response, response_id
from tests.unit.data.runs import digest_of, info_of, run_job

COLUMNS = {"id": None, "prompt": None, "response": None, "category": None, "system": None}


def import_params(dataset: dict[str, Any], **other: Any) -> dict[str, Any]:
    params: dict[str, Any] = {
        "dataset": dataset,
        "columns": COLUMNS,
        "rows": None,
        "order_seed": 0,
        "holdouts": [],
        "set": "train",
    }
    return {**params, **other}


GRAMMAR = {"origin": "builtin", "name": "tiny-grammar", "digest": "0123456789abcdef"}
HOLDOUT = {"set": "test", "share": None, "rows": 16, "stratify": "category", "seed": 0}


def imported(root: Path, name: str = "import", **other: Any) -> RunDir:
    params = import_params(GRAMMAR, rows=64, holdouts=[HOLDOUT], **other)
    return run_job(root, name, import_.run, params)


def records(directory: RunDir, name: str) -> list[Any]:
    return durable.read_records(directory.out / name)


def test_import_publishes_prompts_and_the_responses_that_came_with_them(tmp_path: Path) -> None:
    done = imported(tmp_path)
    prompts, held_out = records(done, "train.prompts.jsonl"), records(done, "test.prompts.jsonl")
    assert (len(prompts), len(held_out)) == (48, 16)
    assert list(prompts[0]) == ["id", "text", "category", "system"]
    assert not {p["id"] for p in prompts} & {p["id"] for p in held_out}
    assert sorted({p["category"] for p in held_out}) == ["count", "what", "where", "who"]
    responses = records(done, "train.responses.jsonl")
    assert [r["prompt_id"] for r in responses] == [p["id"] for p in prompts]
    generator = "human:tiny-grammar@0123456789ab"
    first = responses[0]
    assert list(first) == [
        "id",
        "prompt_id",
        "source",
        "generator",
        "sample",
        "seed",
        "text",
        "finish_reason",
        "prompt_tokens",
        "completion_tokens",
    ]
    assert (first["generator"], first["finish_reason"]) == (generator, "human")
    assert first["id"] == response_id(first["prompt_id"], generator, 0, 0)
    info = info_of(done)
    assert info["sets"] == [
        {"name": "train", "rows": 48, "responses": 48},
        {"name": "test", "rows": 16, "responses": 16},
    ]
    assert (info["rows"], info["kept"], info["not_drawn"]) == (160, 64, 96)
    assert json.loads((done.out / "import.json").read_bytes())["licence"] == info["licence"]


def test_import_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    assert digest_of(imported(tmp_path, "one")) == digest_of(imported(tmp_path, "two"))
    assert digest_of(imported(tmp_path, "three", order_seed=1)) != digest_of(
        imported(tmp_path, "four")
    )


def local(path: Path) -> dict[str, Any]:
    form = path.suffix.removeprefix(".")
    digest = durable.sha256_file(path)
    return {"origin": "file", "name": path.name, "format": form, "digest": digest}


def test_the_order_of_a_file_s_rows_does_not_matter(tmp_path: Path) -> None:
    rows = [{"id": str(i), "prompt": f"p{i}", "response": f"r{i}"} for i in range(30)]
    outs = []
    for name, order in (("one", rows), ("two", rows[::-1])):
        path = tmp_path / f"{name}.jsonl"
        durable.write_jsonl(path, order)
        holdout = {**HOLDOUT, "rows": 5, "stratify": None}
        params = import_params({**local(path), "name": "d.jsonl"}, holdouts=[holdout])
        done = run_job(tmp_path, name, import_.run, params, locate={"dataset": str(path)})
        outs.append(
            [(done.out / f"{part}.prompts.jsonl").read_bytes() for part in ("train", "test")]
        )
    assert outs[0] == outs[1]


def test_rows_without_a_response_are_prompts_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("prompt,response\na,x\nb,\n,z\n")
    params = import_params(local(path))
    done = run_job(tmp_path, "run", import_.run, params, locate={"dataset": str(path)})
    assert info_of(done)["sets"] == [{"name": "train", "rows": 2, "responses": 1}]
    assert info_of(done)["dropped"] == {"no prompt": 1}
    notes = [e for e in durable.read_records(done.events) if e["type"] == "note"]
    assert notes[0]["text"] == "1 of 3 rows left out: no prompt"


def test_a_file_that_changed_since_the_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("prompt\na\n")
    params = import_params(local(path))
    path.write_text("prompt\nb\n")
    with pytest.raises(JobError, match="has changed"):
        run_job(tmp_path, "run", import_.run, params, locate={"dataset": str(path)})
    assert RunDir(tmp_path / "run").read_manifest() is None
    path.unlink()
    with pytest.raises(JobError, match="is gone"):
        run_job(tmp_path, "again", import_.run, params, locate={"dataset": str(path)})


FILTERS = {"min_chars": 1, "max_chars": None, "dedupe": True, "drop_truncated": False}


def mix_params(parts: list[dict[str, Any]], **other: Any) -> dict[str, Any]:
    params: dict[str, Any] = {
        "parts": parts,
        "prompts": "train",
        "assign": "random",
        "rows": None,
        "tokens": None,
        "filters": FILTERS,
        "seed": 0,
    }
    return {**params, **other}


def answers(root: Path, name: str, generator: str, source: RunDir, **other: Any) -> None:
    """A generate run's output: an answer of `generator` to each prompt of `source`."""
    out = root / name / "out"
    out.mkdir(parents=True)
    rows = []
    for i, prompt in enumerate(records(source, "train.prompts.jsonl")):
        text = f"{generator} says {prompt['text']}"
        key = response_id(prompt["id"], generator, 0, i)
        given = Response(key, prompt["id"], generator, generator, 0, i, text, "stop", 5, 7)
        rows.append({**given.to_json(), **other})
    durable.write_jsonl(out / "responses.jsonl", rows)


HUMAN_PART = {"role": "responses:0", "share": 1, "set": "train"}


def test_mixing_people_and_two_models(tmp_path: Path) -> None:
    source = imported(tmp_path)
    answers(tmp_path, "a", "model-a@1", source)
    answers(tmp_path, "b", "model-b@1", source)
    parts = [
        HUMAN_PART,
        {"role": "responses:1", "share": 2, "set": None},
        {"role": "responses:2", "share": 1, "set": None},
    ]
    inputs = {
        "prompts": "import",
        "responses:0": "import",
        "responses:1": "a",
        "responses:2": "b",
    }
    done = run_job(tmp_path, "mix", mix.run, mix_params(parts), inputs=inputs)
    rows = records(done, "mixture.jsonl")
    assert len(rows) == len({row["id"] for row in rows}) == 48
    info = info_of(done)
    assert [(p["generator"], p["rows"], p["share"]) for p in info["parts"]] == [
        ("human:tiny-grammar@0123456789ab", 12, 0.25),
        ("model-a@1", 24, 0.5),
        ("model-b@1", 12, 0.25),
    ]
    report = json.loads((done.out / "mixture.json").read_bytes())
    assert report == {name: info[name] for name in report}
    for row in rows:
        assert list(row) == [
            "id",
            "prompt_id",
            "source",
            "generator",
            "response_id",
            "messages",
            "prompt",
            "response",
        ]
        assert [m["role"] for m in row["messages"]] == ["user", "assistant"]
        assert [m["content"] for m in row["messages"]] == [row["prompt"], row["response"]]
    again = run_job(tmp_path, "again", mix.run, mix_params(parts), inputs=inputs)
    assert digest_of(again) == digest_of(done)


def test_two_ways_of_asking_one_generator_are_one_part_of_the_catalog(tmp_path: Path) -> None:
    source = imported(tmp_path)
    answers(tmp_path, "a", "model@1", source)
    answers(tmp_path, "b", "model@1", source, text="in another voice")
    parts = [{"role": f"responses:{i}", "share": i + 1, "set": None} for i in range(2)]
    inputs = {"prompts": "import", "responses:0": "a", "responses:1": "b"}
    done = run_job(tmp_path, "mix", mix.run, mix_params(parts, assign="folds"), inputs=inputs)
    assert [p["rows"] for p in info_of(done)["parts"]] == [48]
    assert [s["rows"] for s in info_of(done)["sources"]] == [16, 32]
    everything = run_job(
        tmp_path,
        "all",
        mix.run,
        mix_params([{**p, "share": 1} for p in parts], assign="all"),
        inputs=inputs,
    )
    rows = records(everything, "mixture.jsonl")
    assert len(rows) == len({row["id"] for row in rows}) == 96


def test_a_token_budget_counts_words_and_marks(tmp_path: Path) -> None:
    imported(tmp_path)
    inputs = {"prompts": "import", "responses:0": "import"}
    done = run_job(tmp_path, "mix", mix.run, mix_params([HUMAN_PART], tokens=200), inputs=inputs)
    info = info_of(done)
    assert 180 < info["tokens"] <= 200
    assert info["rows"] + info["over_budget"] == 48


def test_a_system_prompt_of_a_row_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("prompt,response,system\na,x,Be kind.\nb,y,\n")
    params = import_params(local(path))
    run_job(tmp_path, "import", import_.run, params, locate={"dataset": str(path)})
    inputs = {"prompts": "import", "responses:0": "import"}
    done = run_job(tmp_path, "mix", mix.run, mix_params([HUMAN_PART]), inputs=inputs)
    by_prompt = {row["prompt"]: row["messages"] for row in records(done, "mixture.jsonl")}
    assert by_prompt["a"][0] == {"role": "system", "content": "Be kind."}
    assert len(by_prompt["b"]) == 2


def test_nothing_left_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    imported(tmp_path)
    inputs = {"prompts": "import", "responses:0": "import"}
    strict = {**FILTERS, "min_chars": 5000}
    with pytest.raises(JobError, match="48 × shorter than 5000 characters"):
        run_job(tmp_path, "mix", mix.run, mix_params([HUMAN_PART], filters=strict), inputs=inputs)
    assert RunDir(tmp_path / "mix").read_manifest() is None


def test_a_human_source_without_responses_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("prompt\na\n")
    params = import_params(local(path))
    run_job(tmp_path, "import", import_.run, params, locate={"dataset": str(path)})
    inputs = {"prompts": "import", "responses:0": "import"}
    with pytest.raises(JobError, match="'train' came without responses"):
        run_job(tmp_path, "mix", mix.run, mix_params([HUMAN_PART]), inputs=inputs)


def test_a_stop_publishes_nothing_and_the_run_can_go_on(tmp_path: Path) -> None:
    imported(tmp_path)
    inputs = {"prompts": "import", "responses:0": "import"}
    with pytest.raises(JobStopped):
        run_job(tmp_path, "mix", mix.run, mix_params([HUMAN_PART]), inputs=inputs, stop=True)
    directory = RunDir(tmp_path / "mix")
    assert directory.read_manifest() is None
    with JobContext(directory) as context:
        mix.run(context)
    assert info_of(directory)["rows"] == 48


def test_a_mixture_loads_with_plain_datasets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    path = tmp_path / "d.csv"
    path.write_text('prompt,response,system\n"a ""b""","x\ny",Be kind.\nb,y,\n')
    params = import_params(local(path))
    run_job(tmp_path, "import", import_.run, params, locate={"dataset": str(path)})
    inputs = {"prompts": "import", "responses:0": "import"}
    done = run_job(tmp_path, "mix", mix.run, mix_params([HUMAN_PART]), inputs=inputs)
    file = str(done.out / "mixture.jsonl")
    loaded = datasets.load_dataset(
        "json", data_files=file, split="train", cache_dir=str(tmp_path / "cache")
    )
    assert list(loaded) == records(done, "mixture.jsonl")
