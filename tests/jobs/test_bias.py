"""A bias step: what it shows, what it stores, and that nothing but the texts decides its numbers."""

from __future__ import annotations

import json
import math
import signal
from dataclasses import replace
from typing import Any

import pytest

from storage import durable
from storage.durable import read_records
from storage.rundir import RunDir
from synthlab.analysis.bias import bias_cells
from synthlab.analysis.bias_items import judge_items
from synthlab.analysis.bias_runs import JudgeRun, cells_by_seed, read_judge
from synthlab.errors import JobError, NotFoundError
from synthlab.jobs import bias, bias_scores
from synthlab.jobs.context import JobContext, JobStopped
from synthlab.metrics import catalog
from tests.jobs.bias_lab import HUMAN, JUDGE, OTHER, VOICE, queued, responses, standard
from tests.jobs.conftest import Lab
from tests.jobs.processes import start, wait_until


def items(directory: RunDir) -> list[dict[str, Any]]:
    assert directory.read_manifest() is not None
    return read_records(directory.out / "items.jsonl")


def results(lab: Lab, run_id: str) -> dict[str, dict[str, Any]]:
    return {event["name"]: event for event in lab.events(run_id, "result")}


def odds(row: dict[str, Any]) -> float:
    (a, b), (c, d) = row["log_p"]
    return float(a - b + d - c) / 2


def test_every_pair_is_shown_in_both_orders_and_stored_without_texts(
    lab: Lab, run_job: Any
) -> None:
    directory = queued(lab, "bias0001", standard(lab))
    run_job(bias, directory)
    rows = items(directory)
    kinds = [row["kind"] for row in rows]
    assert (kinds.count("pair"), kinds.count("identical"), kinds.count("anchor")) == (18, 6, 12)
    assert {(row["x"]["candidate"], row["y"]["candidate"]) for row in rows[:18]} == {
        (0, 1), (0, 2), (1, 2)
    }  # fmt: skip
    assert all(len(row["log_p"]) == (1 if row["kind"] == "identical" else 2) for row in rows)
    assert all(-20 < p < 0 for row in rows for order in row["log_p"] for p in order)
    assert len({row["id"] for row in rows}) == len(rows)
    text = (directory.out / "items.jsonl").read_text() + (
        directory.out / "ratings.jsonl"
    ).read_text()
    assert "river" not in text and "shepherd" not in text
    ratings = read_records(directory.out / "ratings.jsonl")
    assert len(ratings) == 18
    assert all(1 < row["rating"] < 5 for row in ratings)
    manifest = directory.read_manifest()
    assert manifest is not None
    assert (manifest.info["judge"], manifest.info["pairs"]) == (JUDGE, 18)
    assert manifest.info["judgements"] == 18 * 2 + 6 + 12 * 2 + 18


def test_results_name_their_conditions_and_the_card_comes_first(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, "bias0001", standard(lab))
    run_job(bias, directory)
    found = results(lab, "bias0001")
    assert list(found)[:2] == ["judge-anchor-accuracy", "judge-order-flips"]
    assert {f"preference-source: {HUMAN}", f"preference-source: {OTHER}", "preference-own"} <= set(
        found
    )
    for event in found.values():
        key = event["key"]
        assert catalog.metric(key["metric"]).axis == "bias"
        assert (key["prompt_set"], key["n"]) == ("test", 6)
        assert {"label_set", "order_handling", "rubric", "judge", "prompt_set_hash"} <= key.keys()
        assert JUDGE in key["judge"]
        assert event["value"] is not None or event["reason"]
    own = found["preference-own"]
    by_hand = []
    for row in items(directory)[:18]:
        (a, b), (c, d) = row["log_p"]
        x = (1 / (1 + math.exp(b - a)) + 1 / (1 + math.exp(c - d))) / 2
        if row["y"]["generator"] == JUDGE + VOICE:
            by_hand.append(1 - x)
    assert own["value"] == pytest.approx(sum(by_hand) / 12, abs=1e-6)
    assert own["low"] < own["value"] < own["high"]
    assert found["paper-self-preference"]["value"] is not None
    assert (own["n"], own["n_total"]) == (12, 12)
    assert found["paper-pro-synthetic"]["value"] is not None
    stored = json.loads((directory.out / "results.json").read_text())
    assert [one["name"] for one in stored] == list(found)


def test_swapping_candidates_turns_the_scores_around_and_twice_restores_them(
    lab: Lab, run_job: Any
) -> None:
    texts = standard(lab)
    swapped = dict(reversed(texts.items()))
    first, second, third = (
        queued(lab, "bias0001", texts),
        queued(lab, "bias0002", swapped),
        queued(lab, "bias0003", texts),
    )
    for directory in (first, second, third):
        run_job(bias, directory)
    assert lab.digest("bias0001") == lab.digest("bias0003")

    def by_texts(directory: RunDir) -> dict[tuple[str, str], float]:
        return {
            (row["x"]["response_id"], row["y"]["response_id"]): odds(row)
            for row in items(directory)
            if row["kind"] == "pair"
        }

    one, other = by_texts(first), by_texts(second)
    assert len(one) == 18
    for (x, y), value in one.items():
        assert other[y, x] == pytest.approx(-value, abs=1e-4)
    for name in ("preference-own", "judge-order-flips", "judge-first-share", "rating-own"):
        assert results(lab, "bias0002")[name]["value"] == pytest.approx(
            results(lab, "bias0001")[name]["value"], abs=1e-4
        )


def test_the_size_of_the_batch_does_not_count(
    lab: Lab, run_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = standard(lab)
    usual = queued(lab, "bias0001", texts)
    run_job(bias, usual)
    from synthlab.engines import label_scoring

    monkeypatch.setattr(label_scoring, "CPU_BATCH", 3)
    small = queued(lab, "bias0002", texts)
    run_job(bias, small)
    for one, other in zip(items(usual), items(small), strict=True):
        assert one["id"] == other["id"]
        for a, b in zip(one["log_p"], other["log_p"], strict=True):
            assert a == pytest.approx(b, abs=1e-4)


def test_a_hidden_task_is_not_read_and_fewer_rows_are_a_part_of_more(
    lab: Lab, run_job: Any
) -> None:
    texts = standard(lab)
    shown = queued(lab, "bias0001", texts)
    hidden = queued(lab, "bias0002", texts, show_prompt=False, rows=4)
    run_job(bias, shown)
    run_job(bias, hidden)
    more = {row["id"]: row for row in items(shown)}
    fewer = {row["id"]: row for row in items(hidden) if row["kind"] == "pair"}
    assert len(fewer) == 12
    assert all(abs(odds(more[key]) - odds(row)) > 1e-6 for key, row in fewer.items())
    anchors = [row for row in items(hidden) if row["kind"] == "anchor"]
    assert {row["y"]["derived"] for row in anchors} == {"ruined"}
    assert {row["y"]["derived"] for row in more.values() if row["kind"] == "anchor"} == {
        "ruined", "other-task"
    }  # fmt: skip
    key = results(lab, "bias0002")["preference-own"]["key"]
    assert (key["n"], key["task_is_shown"]) == (4, False)


def test_killed_and_started_again_it_gives_what_an_unbroken_run_gives(
    lab: Lab, run_job: Any
) -> None:
    texts = {
        responses(lab, "human001", HUMAN, 0, 30): "source",
        responses(lab, "other001", OTHER, 1, 30): "source",
        responses(lab, "owntext1", JUDGE, 2, 30): "answers",
    }
    unbroken = queued(lab, "bias0001", texts, prompts=30)
    killed = queued(lab, "bias0002", texts)
    process = start(killed)
    log = killed.work / bias_scores.LOG
    wait_until(lambda: log.exists() and len(read_records(log)) >= 10, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = read_records(log)
    assert 10 <= len(kept) < 30 * (3 * 2 + 1 + 2 * 2 + 3)
    with log.open("ab") as file:
        file.write(b'{"key": "torn')
    run_job(bias, killed)
    run_job(bias, unbroken)
    for one, other in zip(items(killed), items(unbroken), strict=True):
        assert one["id"] == other["id"]
        for a, b in zip(one["log_p"], other["log_p"], strict=True):
            assert a == pytest.approx(b, abs=1e-4)
    logged = [row["key"] for row in read_records(log)]
    assert len(logged) == len(set(logged))
    assert logged[: len(kept)] == [row["key"] for row in kept]


def test_a_stop_keeps_what_was_judged(lab: Lab) -> None:
    directory = queued(lab, "bias0001", standard(lab))
    with JobContext(directory) as context:
        context.request_stop()
        with pytest.raises(JobStopped):
            bias.run(context)
    assert len(read_records(directory.work / bias_scores.LOG)) > 0
    assert directory.read_manifest() is None


def test_texts_that_cannot_be_judged_are_counted(lab: Lab, run_job: Any) -> None:
    texts = standard(lab)
    path = lab.root / "other001" / "out" / "responses.jsonl"
    rows = read_records(path)
    rows[0]["text"] = "  "
    rows[1] |= {"text": "", "finish_reason": "error:prompt_too_long"}
    rows[2]["text"] = "river " * 2000
    durable.write_jsonl(path, rows)
    directory = queued(lab, "bias0001", texts)
    run_job(bias, directory)
    notes = " ".join(event["text"] for event in lab.events("bias0001", "note"))
    assert "2 of 6 texts of some/model@0123456789ab left out: empty or failed" in notes
    assert bias_scores.TOO_LONG in notes
    unscored = [row for row in items(directory) if row["reason"]]
    assert unscored and all(row["log_p"] is None for row in unscored)
    found = results(lab, "bias0001")[f"preference-source: {OTHER}"]
    assert (found["n"], found["n_total"]) == (6, 8)


def test_little_mass_on_the_labels_is_not_scored_but_shown(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, "bias0001", standard(lab), least_mass=0.99)
    run_job(bias, directory)
    found = results(lab, "bias0001")
    assert found["preference-own"]["value"] is None
    assert "none of 12 rows is scored" in found["preference-own"]["reason"]
    assert found["judge-label-mass"]["value"] is not None
    notes = " ".join(event["text"] for event in lab.events("bias0001", "note"))
    assert "not believed as a judge" in notes


def test_without_candidates_or_responses_the_reason_is_named(lab: Lab, run_job: Any) -> None:
    one = {responses(lab, "human001", HUMAN, 0): "source"}
    with pytest.raises(JobError, match="fewer than two candidates"):
        run_job(bias, queued(lab, "bias0001", one))
    changed = queued(lab, "bias0002", standard(lab), candidates=[
        {"role": "candidate:0", "kind": "source", "set": "absent"}
    ])  # fmt: skip
    with pytest.raises(JobError, match=r"no responses in absent\.responses\.jsonl"):
        run_job(bias, changed)


def test_the_items_of_two_judges_give_cells_that_a_judge_without_skill_cannot_fill(
    lab: Lab, run_job: Any
) -> None:
    directory = queued(lab, "bias0001", standard(lab))
    run_job(bias, directory)
    rows = items(directory)
    ratings = read_records(directory.out / "ratings.jsonl")
    judge = judge_items(JUDGE, JUDGE, rows, ratings, [0, 1])
    twin = judge_items(OTHER, OTHER, rows, ratings, [0, 1])
    cells = bias_cells([judge, twin])
    assert [cell.judge for cell in cells] == [JUDGE, OTHER]
    assert cells[0].plain.value == pytest.approx(0.0, abs=1e-12)
    for figure in cells[0].figures:
        assert math.isnan(figure.estimate.value)
        assert figure.estimate.reason == cells[0].card.reason != ""
    with pytest.raises(ValueError, match="each judge once"):
        bias_cells([judge, judge])


def test_finished_runs_of_a_seed_are_each_others_panel(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, "bias0001", standard(lab))
    with pytest.raises(NotFoundError, match="published nothing"):
        read_judge(directory)
    run_job(bias, directory)
    first = read_judge(directory)
    assert (first.judge, len(first.pair_ids), sorted(first.sources)) == (JUDGE, 18, [0, 1])
    second = replace(first, judge=OTHER)
    runs = [JudgeRun("vanilla", 0, first), JudgeRun("single", 0, second)]
    cells = cells_by_seed([*runs, JudgeRun("vanilla", 1, first)])
    assert list(cells) == [("vanilla", 0), ("single", 0), ("vanilla", 1)]
    assert cells["vanilla", 0].net.panel == 1
    assert "no other judge" in cells["vanilla", 1].net.bias.reason
