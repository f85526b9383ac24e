"""The collapse axis as a job: which model reads which text, what is counted, and what a kill costs."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from storage import durable
from storage.durable import read_json, read_records
from storage.rundir import Manifest, RunDir
from synthlab.errors import JobError
from synthlab.jobs import collapse, finetune, generate
from synthlab.jobs.collapse_measures import ALL_METRICS
from synthlab.jobs.context import JobContext, JobStopped
from tests.jobs import test_finetune, test_generate
from tests.jobs.conftest import Lab, located, model_params


def params(**changes: Any) -> dict[str, Any]:
    return {
        "model": model_params("tiny-verse"), "prompts": "test", "metrics": list(ALL_METRICS),
        "token_budget": 60, "seed": 0, "dtype": "float32", "system": None, **changes,
    }  # fmt: skip


def queued(lab: Lab, run_id: str = "coll1", **changes: Any) -> RunDir:
    """A collapse step of the vanilla model over answers that are there already."""
    if not (lab.root / "prompts1").exists():
        lab.prompts()
        write_answers(lab, ANSWERS)
    roles = {"answers": "gen1", "human": "prompts1"}
    return lab.add(run_id, "collapse", params(**changes), roles, located("tiny-verse"))


ANSWERS = (
    "And the LORD said unto Moses, Go up into the mount, and speak unto the people.",
    "And the LORD said unto Aaron, Go down from the mount, and speak unto the people.",
    "Thus saith the king, Let the men of the city bring forth oil, and wine, and bread.",
    "And he dwelt in the land of his fathers, and begat sons and daughters there.",
    "Blessed is the man that feareth the LORD, and walketh in his ways all his days.",
    "And it came to pass in those days, that the river rose upon the house of David.",
)


def write_answers(lab: Lab, texts: tuple[str, ...], finish: str = "stop") -> None:
    directory = lab.add("gen1", "generate", {})
    records = [
        {"id": f"r{i}", "prompt_id": f"p{i}", "source": "g", "generator": "g", "sample": 0,
         "seed": 1, "text": text, "finish_reason": finish if text else "error:x",
         "prompt_tokens": 9, "completion_tokens": 9}
        for i, text in enumerate(texts)
    ]  # fmt: skip
    durable.write_jsonl(directory.out / "responses.jsonl", records)
    sampling = {"temperature": 0.9, "top_p": 0.95, "max_new_tokens": 40, "samples": 1}
    directory.write_manifest(Manifest.of(directory.out, {"sampling": sampling}))


def results_of(directory: RunDir) -> dict[str, dict[str, Any]]:
    return {result["name"]: result for result in read_json(directory.out / "results.json")}


@cache
def direct_log_p(text: str, asked: str, model: str) -> tuple[float, int]:
    """Sum of log p of an answer, by one unbatched pass."""
    import torch

    from synthlab.engines.chat import question
    from synthlab.engines.loading import load_model
    from synthlab.experiment.models import builtin_model

    loaded = load_model(builtin_model(model), "float32")
    prompt = loaded.chat.prompt_ids(question(asked, None))
    answer = loaded.chat.answer_ids(text)
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([prompt + answer])).logits[0]
    log_p = logits.log_softmax(-1)[len(prompt) - 1 : -1]
    return float(log_p[range(len(answer)), answer].sum()), len(answer)


def test_every_number_has_n_a_unit_and_a_key(lab: Lab, run_job: Any) -> None:
    run_job(collapse, directory := queued(lab))
    events = lab.events("coll1", "result")
    assert len(events) == len({event["name"] for event in events}) > 25
    assert [event["name"] for event in events] == list(results_of(directory))
    for event in events:
        key = event["key"]
        assert key["metric"] == event["name"]
        assert {"metric_version", "n", "prompt_set", "prompt_set_hash"} <= set(key)
        assert all(isinstance(one, str | int | float | bool) for one in key.values()), key
        assert event["n"] <= event["n_total"] == 6
        assert (event["value"] is None) == bool(event["reason"])
    by_name = {event["name"]: event for event in events}
    assert by_name["distinct-2"]["key"]["token_budget"] == 60
    assert by_name["distinct-2"]["key"]["sampling"] == "samples 1, temperature 0.9, top_p 0.95"
    assert "sampling" not in by_name["ppl2-token"]["key"]
    assert by_name["self-bleu-4"]["value"] == pytest.approx(
        np.mean([row["metrics"]["self-bleu-4"] for row in items(directory)])
    )


def items(directory: RunDir) -> list[dict[str, Any]]:
    return read_records(directory.out / "items.jsonl")


def test_perplexities_are_those_of_the_definition(lab: Lab, run_job: Any) -> None:
    run_job(collapse, directory := queued(lab))
    prompts = read_records(lab.root / "prompts1" / "out" / "test.prompts.jsonl")
    human = read_records(lab.root / "prompts1" / "out" / "test.responses.jsonl")
    found = results_of(directory)
    for view, texts in (("ppl1", ANSWERS), ("ppl2", [record["text"] for record in human])):
        sums = [
            direct_log_p(text, prompt["text"], "tiny-verse")
            for text, prompt in zip(texts, prompts, strict=True)
        ]
        total, tokens = sum(s for s, _ in sums), sum(n for _, n in sums)
        size = sum(len(text.encode()) for text in texts)
        assert found[f"{view}-token"]["value"] == pytest.approx(math.exp(-total / tokens), rel=1e-4)
        assert found[f"{view}-bits-per-byte"]["value"] == pytest.approx(
            -total / size / math.log(2), rel=1e-4
        )
    stored = [row["ppl1"] for row in items(directory)]
    assert math.exp(
        -sum(row["sum_log_p"] for row in stored) / sum(row["tokens"] for row in stored)
    ) == pytest.approx(found["ppl1-token"]["value"])
    assert [row["human"]["ppl2"]["bytes"] for row in items(directory)] == [
        len(record["text"].encode()) for record in human
    ]


def test_the_base_reads_the_answers_and_the_checkpoint_the_human_text(
    lab: Lab, run_job: Any
) -> None:
    trained = test_finetune.queued(lab, "fine1", max_steps=8, learning_rate=2e-2)
    run_job(finetune, trained)
    run_job(collapse, vanilla := queued(lab, "coll1"))
    roles = {"answers": "gen1", "human": "prompts1", "adapter": "fine1"}
    adapted = lab.add("coll2", "collapse", params(), roles, located("tiny-verse"))
    run_job(collapse, adapted)
    before, after = results_of(vanilla), results_of(adapted)
    assert after["ppl1-token"]["value"] == pytest.approx(before["ppl1-token"]["value"], rel=1e-5)
    assert abs(after["ppl2-token"]["value"] / before["ppl2-token"]["value"] - 1) > 0.01
    assert after["token-entropy"]["value"] != pytest.approx(before["token-entropy"]["value"])
    assert after["self-bleu-4"]["value"] == before["self-bleu-4"]["value"]
    assert after["ppl2-token"]["key"] == before["ppl2-token"]["key"]


def test_an_adapter_answers_differently_and_under_its_own_name(lab: Lab, run_job: Any) -> None:
    run_job(finetune, test_finetune.queued(lab, "fine1", max_steps=8, learning_rate=2e-2))
    run_job(generate, plain := test_generate.queued(lab, "gen5"))
    roles = {"prompts": "prompts1", "adapter": "fine1"}
    adapted = lab.add("gen6", "generate", test_generate.params(), roles, located("tiny-verse"))
    run_job(generate, adapted)
    first, second = test_generate.published(plain), test_generate.published(adapted)
    base, _, voice = first[0]["generator"].partition("~")
    assert second[0]["generator"] == f"{base}+{lab.digest('fine1')[:12]}~{voice}"
    assert [r["text"] for r in first] != [r["text"] for r in second]


def test_an_adapter_that_changes_nothing_is_refused(lab: Lab, run_job: Any) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    run_job(finetune, trained := test_finetune.queued(lab, "fine1", max_steps=1))
    path = trained.out / "adapter" / "adapter_model.safetensors"
    save_file({k: torch.zeros_like(v) for k, v in load_file(path).items()}, path)
    lab.prompts()
    roles = {"prompts": "prompts1", "adapter": "fine1"}
    adapted = lab.add("gen6", "generate", test_generate.params(), roles, located("tiny-verse"))
    with pytest.raises(JobError, match="changes nothing"):
        run_job(generate, adapted)


def test_unusable_answers_are_counted_and_named(lab: Lab, run_job: Any) -> None:
    lab.prompts()
    write_answers(lab, (*ANSWERS[:3], "", "  \n", ANSWERS[5]))
    run_job(collapse, directory := queued(lab))
    found = results_of(directory)
    for name in ("ppl1-token", "self-bleu-4", "token-entropy", "length-words-median"):
        assert (found[name]["n"], found[name]["n_total"]) == (4, 6), name
    assert found["ppl2-token"]["n"] == 6
    notes = [event["text"] for event in lab.events("coll1", "note")]
    assert "1 of 6 answers left out: empty" in notes
    assert "1 of 6 answers left out: error:x" in notes
    assert [row["reason"] for row in items(directory)] == ["", "", "", "error:x", "empty", ""]


def test_what_cannot_be_computed_has_a_reason(lab: Lab, run_job: Any) -> None:
    lab.prompts()
    (lab.root / "prompts1" / "out" / "test.responses.jsonl").unlink()
    write_answers(lab, ("A.", "B."))
    run_job(collapse, directory := queued(lab))
    found = results_of(directory)
    assert found["ppl2-token"]["reason"] == "the prompt set has no human answers"
    assert "budget" in found["distinct-1"]["reason"]
    assert found["heaps-beta"]["value"] is None
    assert found["ppl1-token"]["value"] > 1


def test_only_what_is_asked_for_is_computed(lab: Lab, run_job: Any) -> None:
    run_job(collapse, directory := queued(lab, metrics=["length", "distinct"]))
    names = set(results_of(directory))
    assert {name.split("-")[0] for name in names} == {"length", "distinct", "ngram"}
    assert not (directory.work / "scores.jsonl").exists(), "no model was needed"


def test_an_unknown_metric_is_named(lab: Lab, run_job: Any) -> None:
    with pytest.raises(JobError, match="no metric is called 'bleurt'"):
        run_job(collapse, queued(lab, metrics=["bleurt"]))


def test_a_stopped_step_continues_and_scores_nothing_twice(
    lab: Lab, run_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthlab.engines import likelihood

    monkeypatch.setattr(likelihood, "token_budget", lambda _: 100)
    run_job(collapse, unbroken := queued(lab, "coll1"))
    stopped = queued(lab, "coll2")
    with JobContext(stopped) as context:
        report = context.progress

        def and_stop(done: float, total: float, unit: str) -> None:
            report(done, total, unit)
            if done >= 4:
                context.request_stop()

        monkeypatch.setattr(context, "progress", and_stop)
        with pytest.raises(JobStopped):
            collapse.run(context)
    log = stopped.work / "scores.jsonl"
    kept = read_records(log)
    assert 4 <= len(kept) < 12
    run_job(collapse, stopped)
    assert [r["key"] for r in read_records(log)[: len(kept)]] == [r["key"] for r in kept]
    assert len(read_records(log)) == 12
    first, second = results_of(unbroken), results_of(stopped)
    assert first.keys() == second.keys()
    for name, result in first.items():
        assert second[name]["reason"] == result["reason"]
        if not result["reason"]:
            assert second[name]["value"] == pytest.approx(result["value"], rel=1e-5), name
