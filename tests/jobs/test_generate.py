"""Generation as a job: no answer is lost, doubled or attributed to nobody, whenever it is killed."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

import pytest

from storage import durable
from storage.durable import read_records
from storage.rundir import RunDir
from synthlab.errors import JobError
from synthlab.jobs import generate
from synthlab.jobs.context import JobStopped
from synthlab.jobs.outcome import JobExit
from tests.jobs.conftest import Lab, located, model_params
from tests.jobs.processes import start, wait_until

FIELDS = [
    "id", "prompt_id", "source", "generator", "sample", "seed", "text", "finish_reason",
    "prompt_tokens", "completion_tokens",
]  # fmt: skip


def params(**changes: Any) -> dict[str, Any]:
    sampling = {"temperature": 0.9, "top_p": 0.95, "max_new_tokens": 40, "samples": 2}
    return {
        "model": model_params("tiny-verse"),
        "engine": "transformers",
        "prompts": "test",
        "sampling": {**sampling, **changes.pop("sampling", {})},
        "system": None,
        "seed": 7,
        "dtype": "float32",
        **changes,
    }


def queued(lab: Lab, run_id: str, *, count: int = 6, **changes: Any) -> RunDir:
    if not (lab.root / "prompts1").exists():
        lab.prompts(count=count)
    inputs = {"prompts": "prompts1"}
    return lab.add(run_id, "generate", params(**changes), inputs, located("tiny-verse"))


def published(directory: RunDir) -> list[dict[str, Any]]:
    assert directory.read_manifest() is not None
    return read_records(directory.out / "responses.jsonl")


def test_records_are_complete_canonical_and_attributed(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, "gen1")
    run_job(generate, directory)
    records = published(directory)
    digest = model_params("tiny-verse")["digest"]
    assert [(r["prompt_id"], r["sample"]) for r in records] == [
        (f"p{i}", sample) for i in range(6) for sample in range(2)
    ]
    assert all(list(record) == FIELDS for record in records)
    (generator,) = {r["generator"] for r in records}
    assert re.fullmatch(rf"builtin:tiny-verse@{digest[:12]}~[0-9a-f]{{6}}", generator)
    assert len({r["id"] for r in records}) == 12
    assert all(r["text"] and r["completion_tokens"] > 0 for r in records)
    manifest = directory.read_manifest()
    assert manifest is not None
    assert manifest.info["rows"] == 12
    assert manifest.info["errors"] == 0
    assert manifest.info["completion_tokens"] == sum(r["completion_tokens"] for r in records)
    assert lab.events("gen1", "progress")[-1]["done"] == 12


def test_same_seed_same_texts_and_another_seed_others(lab: Lab, run_job: Any) -> None:
    again, other = queued(lab, "gen1"), queued(lab, "gen3", seed=8)
    twin = queued(lab, "gen2")
    for directory in (again, twin, other):
        run_job(generate, directory)
    assert published(again) == published(twin)
    assert lab.digest("gen1") == lab.digest("gen2")
    texts = [r["text"] for r in published(other)]
    assert sum(a["text"] == b for a, b in zip(published(again), texts, strict=True)) < 3


def test_a_system_prompt_changes_the_answers(lab: Lab, run_job: Any) -> None:
    plain, persona = queued(lab, "gen1"), queued(lab, "gen2", system="Answer briefly.")
    run_job(generate, plain)
    run_job(generate, persona)
    assert [r["prompt_tokens"] for r in published(plain)] != [
        r["prompt_tokens"] for r in published(persona)
    ]


def test_killed_and_started_again_it_gives_what_an_unbroken_run_gives(
    lab: Lab, run_job: Any
) -> None:
    unbroken, killed = queued(lab, "gen1", count=120), queued(lab, "gen2")
    process = start(killed)
    log = killed.work / generate.LOG
    wait_until(lambda: log.exists() and len(read_records(log)) >= 5, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = read_records(log)
    assert 5 <= len(kept) < 240
    with log.open("ab") as file:
        file.write(b'{"id": "torn')
    run_job(generate, killed)
    run_job(generate, unbroken)
    pairs = list(zip(published(killed), published(unbroken), strict=True))
    assert all(a["id"] == b["id"] for a, b in pairs)
    # Other batches round differently, which may turn one draw in a million.
    assert sum(a["text"] != b["text"] for a, b in pairs) <= 2
    logged = [record["id"] for record in read_records(log)]
    assert len(logged) == len(set(logged)) == 240
    assert logged[: len(kept)] == [record["id"] for record in kept]


def test_a_stop_keeps_what_is_finished(lab: Lab) -> None:
    directory = queued(lab, "gen1", count=120)
    process = start(directory)
    log = directory.work / generate.LOG
    wait_until(lambda: log.exists() and len(read_records(log)) >= 5, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == JobExit.STOPPED
    assert 5 <= len(read_records(log)) < 240
    assert directory.read_manifest() is None


def test_errors_of_an_earlier_attempt_are_asked_again(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, "gen1")
    twin = queued(lab, "gen2")
    run_job(generate, twin)
    broken = [{**record, "text": "", "finish_reason": "error:x"} for record in published(twin)]
    durable.write_jsonl(directory.work / generate.LOG, broken)
    run_job(generate, directory)
    assert published(directory) == published(twin)


def test_prompts_that_do_not_fit_are_counted(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, "gen1", sampling={"samples": 1})
    path = lab.root / "prompts1" / "out" / "test.prompts.jsonl"
    rows = read_records(path)
    rows[2]["text"] = "river " * 900
    durable.write_jsonl(path, rows)
    run_job(generate, directory)
    assert published(directory)[2]["finish_reason"] == "error:prompt_too_long"
    assert lab.events("gen1", "note")[-1]["text"] == "1 of 6 prompts could not be answered"
    manifest = directory.read_manifest()
    assert manifest is not None
    assert (manifest.info["errors"], manifest.info["empty"]) == (1, 0)


def test_no_usable_answer_is_a_failure(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, "gen1", count=1, system="river " * 900)
    with pytest.raises(JobError, match=r"none of 2 prompts could be answered .*prompt_too_long"):
        run_job(generate, directory)
    assert directory.read_manifest() is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"model": {"id": "x", "revision": None, "digest": None}}, "no_identity"),
        ({"engine": "abacus"}, "no_engine"),
        ({"engine": "vllm"}, "no_vllm"),
        ({"dtype": "int4"}, "bad_dtype"),
    ],
)
def test_bad_parameters_are_named(lab: Lab, run_job: Any, change: Any, code: str) -> None:
    with pytest.raises(JobError) as caught:
        run_job(generate, queued(lab, "gen1", **change))
    assert caught.value.code == code


def test_an_empty_prompt_set_and_a_missing_model_are_named(lab: Lab, run_job: Any) -> None:
    empty = queued(lab, "gen1")
    durable.write_jsonl(lab.root / "prompts1" / "out" / "test.prompts.jsonl", [])
    with pytest.raises(JobError, match="prompt set 'test' has no rows"):
        run_job(generate, empty)
    gone = lab.add(
        "gen2", "generate", params(), {"prompts": "prompts1"}, {"model": "/nowhere/at/all"}
    )
    with pytest.raises(JobError, match="/nowhere/at/all"):
        run_job(generate, gone)


def test_a_stop_before_the_first_answer_is_obeyed(lab: Lab) -> None:
    from synthlab.jobs.context import JobContext

    with JobContext(queued(lab, "gen1")) as context:
        context.request_stop()
        with pytest.raises(JobStopped):
            generate.run(context)


def test_damage_in_the_log_is_named(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, "gen1")
    Path(directory.work / generate.LOG).write_bytes(b"\x00\x00\n")
    with pytest.raises(JobError, match=r"responses\.jsonl, line 1"):
        run_job(generate, directory)
