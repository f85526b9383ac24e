"""The robustness step: every answer accounted for, no number made up, no text where none belongs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from storage import durable
from storage.durable import read_records
from storage.rundir import Manifest, RunDir
from synthlab.errors import JobError
from synthlab.jobs import calibrate, judging, robustness
from synthlab.jobs.robustness_scores import NOT_JUDGED
from tests.jobs.conftest import Lab, located
from tests.jobs.robustness_lab import (
    ANSWER,
    LATER,
    LOOP,
    REFUSAL,
    add_set,
    items,
    judged,
    judging_params,
    matched,
    params,
    queued,
    results,
    rubrics,
    set_inputs,
)  # fmt: skip


def test_every_answer_gets_its_states_and_every_number_its_company(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, run_job)
    run_job(robustness, directory)
    rows = items(directory)
    assert len(rows) == 12
    assert rows["harmful", "p0", 0]["matcher"] == "refusal"
    assert rows["harmful", "p0", 0]["state"] in ("refusal", "partial")
    assert rows["harmful", "p1", 0]["state"] == "off-topic"
    assert rows["harmful", "p1", 0]["gate"] == "a passage repeated"
    assert rows["harmful", "p1", 1]["state"] == "empty"
    assert rows["harmful", "p1", 1]["ratings"] == {}
    assert set(rows["harmful", "p2", 0]["ratings"]) == {
        "quality", "harmfulness", "convincing", "specific",
    }  # fmt: skip
    assert set(rows["benign", "p1", 0]["ratings"]) == {"quality"}
    found = results(directory)
    rate = found["refusal-rate/matcher/harmful"]
    assert rate["value"] == pytest.approx(1 / 6)
    assert (rate["n"], rate["n_total"]) == (6, 6)
    assert 0 <= rate["interval"][0] < 1 / 6 < rate["interval"][1] <= 1
    assert found["over-refusal-rate/matcher/benign"]["value"] == pytest.approx(1 / 6)
    assert found["hit-at-k/harmful"]["n_total"] == 3
    assert "harmfulness/benign" not in found
    assert all(result["key"]["response_states"] for result in found.values())
    judged = found["refusal-rate/harmful"]["key"]
    assert judged["judge"].startswith("builtin:tiny-verse@")
    assert "refusal-states.1@" in judged["label_set"]
    assert (judged["sampling"], judged["max_tokens"]) == (
        "samples 2, temperature 0.7, top_p 0.9", 48,
    )  # fmt: skip
    assert "judge" not in rate["key"]
    assert [event["name"] for event in lab.events("rob1", "result")] == list(found)
    assert sum(map(sum, found["danger-zone/harmful"]["detail"]["grid"])) == 4


def test_no_text_of_a_prompt_or_an_answer_leaves_the_runs_that_hold_it(
    lab: Lab, run_job: Any
) -> None:
    directory = queued(lab, run_job)
    run_job(robustness, directory)
    runs = [directory, *(RunDir(lab.root / f"judge-{role}") for role in rubrics())]
    paths = [path for one in runs for path in (*one.out.iterdir(), *one.work.iterdir(), one.events)]
    assert len(paths) == 3 * len(runs)
    written = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    for text in (REFUSAL, ANSWER, LOOP, LATER, "of the harmful lock"):
        assert text not in written


def test_a_warning_of_the_plan_is_said_in_the_run_and_stands_with_the_numbers(
    lab: Lab, run_job: Any
) -> None:
    warning = "judges favour their own family"
    inputs = {**judged(lab, run_job), **set_inputs("harmful", "benign")}
    warned = lab.add("rob1", "robustness", params(), inputs, observing={"warning": warning})
    run_job(robustness, warned)
    assert warning in [event["text"] for event in lab.events("rob1", "note")]
    found = results(warned)
    assert found["quality/harmful"]["detail"]["judge_warning"] == warning
    assert "judge_warning" not in found["refusal-rate/matcher/harmful"]["detail"]
    run_job(robustness, queued(lab, run_job, "rob2"))
    assert warning not in [event["text"] for event in lab.events("rob2", "note")]
    assert not any(
        "judge_warning" in one["detail"] for one in results(RunDir(lab.root / "rob2")).values()
    )


def test_without_a_judge_the_matcher_settles_and_no_grade_is_made_up(
    lab: Lab, run_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_model(*_: Any) -> Any:
        raise AssertionError("a model was loaded though nobody judges")

    monkeypatch.setattr("synthlab.engines.loading.load_model", no_model)
    directory = matched(lab)
    run_job(robustness, directory)
    rows = items(directory)
    assert all(row["state"] == row["matcher"] for row in rows.values())
    assert {row["judge"] for row in rows.values()} == {"unscored"}
    assert {row["unscored"] for row in rows.values()} == {NOT_JUDGED}
    assert all(row["ratings"] == {} for row in rows.values())
    found = results(directory)
    withheld = {name for name, one in found.items() if one["value"] is None}
    assert withheld == {
        *(f"{name}/harmful" for name in ("harmfulness", "strongreject", "danger-zone")),
        *(
            f"{name}/{given}"
            for name in ("quality", "quality-given-answer", "detector-kappa")
            for given in ("harmful", "benign")
        ),
        "refusal-rate/judge/harmful",
        "over-refusal-rate/judge/benign",
    }
    for name in withheld:
        assert (found[name]["reason"], found[name]["n"]) == (NOT_JUDGED, 0)
        assert "grid" not in found[name]["detail"]
    assert found["refusal-rate/harmful"]["value"] == pytest.approx(1 / 6)
    key = found["refusal-rate/harmful"]["key"]
    assert (key["judge"], key["settled_by"]) == ("none", "matcher alone")
    notes = [event["text"] for event in lab.events("rob1", "note")]
    assert any("no judge was asked" in note for note in notes)


def test_judgements_that_are_not_there_are_missed(lab: Lab, run_job: Any) -> None:
    inputs = {**judged(lab, run_job), **set_inputs("harmful", "benign")}
    del inputs["judgements:quality"]
    # Three distinct coherent answers to harmful requests, five to benign ones.
    with pytest.raises(JobError, match="8 judgements"):
        run_job(robustness, lab.add("rob1", "robustness", params(), inputs))


def test_a_judge_that_does_not_answer_leaves_unscored_and_no_number(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, run_job, least_mass=1.0)
    run_job(robustness, directory)
    row = items(directory)["harmful", "p2", 0]
    assert (row["matcher"], row["judge"], row["state"]) == ("compliance", "unscored", "unscored")
    assert row["unscored"] == "too little probability on the labels"
    assert row["ratings"]["quality"]["value"] is None
    assert row["ratings"]["quality"]["mass"] > 0
    # The matcher's find stands even where the judge says nothing.
    assert items(directory)["harmful", "p0", 0]["state"] == "refusal"
    quality = results(directory)["quality/harmful"]
    assert quality["value"] is None
    assert quality["reason"] == "no response was rated"
    assert any(
        "less than 1 of its probability" in event["text"] for event in lab.events("rob1", "note")
    )


def test_what_does_not_fit_and_what_failed_is_unscored(lab: Lab, run_job: Any) -> None:
    long = " ".join(f"feather{i} tickles hinge{i}" for i in range(900))
    texts = {"p0": [long, "ERROR"], "p1": [ANSWER, ANSWER]}
    add_set(lab, "harmful", texts)
    add_set(lab, "benign", {"p0": [ANSWER, LATER]})
    path = lab.root / "ans-harmful" / "out" / "responses.jsonl"
    rows = [
        {**row, "text": "" if row["text"] == "ERROR" else row["text"]} for row in read_records(path)
    ]
    durable.write_jsonl(path, rows)
    directory = queued(lab, run_job)
    run_job(robustness, directory)
    found = items(directory)
    assert found["harmful", "p0", 0]["unscored"] == judging.TOO_LONG
    assert found["harmful", "p0", 0]["state"] == "unscored"
    assert found["harmful", "p0", 1]["unscored"] == "error:x"
    assert results(directory)["refusal-rate/harmful"]["n"] == 2
    assert results(directory)["refusal-rate/matcher/harmful"]["n"] == 3


def test_answers_to_unknown_prompts_and_empty_sets_are_named(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, run_job)
    path = lab.root / "ans-benign" / "out" / "responses.jsonl"
    records = read_records(path)
    durable.write_jsonl(path, [{**records[0], "prompt_id": "elsewhere"}])
    with pytest.raises(JobError, match="not in the set 'benign'"):
        run_job(robustness, directory)
    durable.write_jsonl(path, [])
    with pytest.raises(JobError, match="no answers to the prompt set 'benign'"):
        run_job(robustness, directory)


# --- the judge's card ---


def carded(lab: Lab, run_job: Any, run_id: str, card: Mapping[str, int]) -> RunDir:
    """A robustness run whose judge has this card."""
    inputs = {**judged(lab, run_job), **set_inputs("harmful", "benign")}
    step = lab.add(f"{run_id}-card", "calibrate", {})
    durable.write_json(step.out / calibrate.CARD, card)
    step.write_manifest(Manifest.of(step.out, {}))
    return lab.add(run_id, "robustness", params(), {**inputs, "judge_card": f"{run_id}-card"})


def test_a_judge_is_counted_against_every_coherent_gold_response(lab: Lab, run_job: Any) -> None:
    given = {**judging_params(), "least_mass": 0.0, "rubrics": {"states": rubrics()["states"]}}
    directory = lab.add("cal1", "calibrate", given, {}, located("tiny-verse"))
    run_job(calibrate, directory)
    card = json.loads((directory.out / calibrate.CARD).read_text())
    # A few of the longest do not fit into the context of a micro model.
    unscored = {state: row.get("unscored", 0) for state, row in card["states"].items()}
    assert card["total"] == 189
    assert 0 < sum(unscored.values()) < 10
    assert card["scored"] == 189 - sum(unscored.values())
    assert card["refusals"] == 95 - unscored["refusal"]
    assert card["others"] == card["scored"] - card["refusals"]
    assert sum(sum(row.values()) for row in card["states"].values()) == 189
    assert card["states"]["refusal"].get("refusal", 0) == card["found"]
    silent = lab.add("cal2", "calibrate", {**given, "least_mass": 1.0}, {}, located("tiny-verse"))
    durable.write_jsonl(silent.work / judging.LOG, read_records(directory.work / judging.LOG))
    run_job(calibrate, silent)
    card = json.loads((silent.out / calibrate.CARD).read_text())
    assert (card["scored"], card["refusals"], card["others"]) == (0, 0, 0)


def test_only_a_judge_that_can_tell_refusals_decides(lab: Lab, run_job: Any) -> None:
    good = carded(lab, run_job, "good", {"found": 90, "refusals": 95, "passed": 90, "others": 94})
    bad = carded(lab, run_job, "bad", {"found": 95, "refusals": 95, "passed": 2, "others": 94})
    for directory in (good, bad):
        run_job(robustness, directory)
    rows = items(bad).values()
    assert all(row["state"] == row["matcher"] for row in rows)
    assert {row["judge"] for row in rows} == {row["judge"] for row in items(good).values()}
    notes = [event["text"] for event in lab.events("bad", "note")]
    assert any("cannot tell refusals" in note for note in notes)
    keys = [results(one)["refusal-rate/harmful"]["key"]["settled_by"] for one in (good, bad)]
    assert keys == ["matcher and judge", "matcher alone"]
