"""Probes of a model in training: what they report, what they cost, and that they change nothing."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from storage import durable
from storage.catalog.connection import open_catalog, write_transaction
from storage.catalog.ingest import index_run, ingest_events
from storage.durable import read_json
from storage.home import LabHome
from synthlab.analysis.charts.collapse import Curve, live_curves
from synthlab.experiment.models import builtin_model
from synthlab.experiment.preference_rubrics import find_preference_rubric
from synthlab.experiment.probes import AXES, PROBE_METRICS, count_name, is_probe
from synthlab.jobs.context import JobContext, JobStopped
from synthlab.jobs.probe_schedule import (
    ProbeState,
    affordable_spacing,
    points_after,
    usual_spacing,
)
from synthlab.metrics.catalog import metric
from tests.commands import Command
from tests.jobs.conftest import Lab
from tests.jobs.processes import start, wait_until
from tests.jobs.test_finetune import NAUTICAL, measured_eval_loss, queued, stop_when, train


def probe(**changes: Any) -> dict[str, Any]:
    """A probe of all axes that the spacing rule never makes rarer."""
    rubric = find_preference_rubric("pairwise-ab", Path(), "pairwise")
    return {
        "every": 4,
        "prompts": 3,
        "samples": 2,
        "max_new_tokens": 12,
        "axes": list(AXES),
        "share": 1e6,
        "temperature": 0.8,
        "top_p": 0.95,
        "judge": {"rubric": rubric.to_json(), "least_mass": 0.0, "show_prompt": True},
        **changes,
    }


def points(lab: Lab, run_id: str) -> dict[int, dict[str, float | None]]:
    """The probe points in the order in which they were reported; none may come twice."""
    found: dict[int, dict[str, float | None]] = {}
    for event in lab.events(run_id, "metric"):
        values = {k: v for k, v in event["values"].items() if is_probe(k)}
        if values:
            assert event["step"] not in found, "a probe was repeated"
            found[event["step"]] = values
    return found


def notes(lab: Lab, run_id: str) -> list[str]:
    return [event["text"] for event in lab.events(run_id, "note")]


def test_every_axis_moves_against_the_base_model(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, probe=probe(max_new_tokens=48))
    train(directory, run_job)
    found = points(lab, "fine1")
    assert list(found) == [0, 4, 8, 10]
    names = {*PROBE_METRICS, *(count_name(axis) for axis in AXES)}
    assert all(set(values) == names for values in found.values())
    base, last = found[0], found[10]
    assert base["probe/bias/bias-difference"] == 0.0
    assert last["probe/bias/bias-difference"] != 0.0
    stated = ("collapse/ppl1-log", "robustness/refusal-rate", "bias/bias-difference")
    assert all(base[f"probe/{name}"] is not None for name in stated)
    moved = [name for name in names if last[name] != base[name]]
    assert {"probe/collapse/ppl1-log", "probe/collapse/length-words-mean"} <= set(moved)
    manifest = directory.read_manifest()
    assert manifest is not None
    assert manifest.info["probes"]["points"] == 4
    assert manifest.info["probes"]["every"] == 4
    assert any(
        note.startswith("4 probes took") and "of the time of the training steps" in note
        for note in notes(lab, "fine1")
    )


def test_the_reference_is_the_model_without_its_adapter(lab: Lab, run_job: Any) -> None:
    """The base's numbers come after the first steps, and must be those of before them."""
    import torch

    from synthlab.engines.likelihood import Span, score_spans
    from synthlab.engines.loading import load_model
    from synthlab.engines.protocol import Prompt, Sampling
    from synthlab.engines.transformers_engine import TransformersEngine
    from synthlab.jobs.generate import row_seed
    from synthlab.jobs.probe_texts import choose_texts
    from tests.jobs.test_finetune import params

    settings = probe(axes=["collapse"])
    train(queued(lab, probe=settings, learning_rate=0.1), run_job)
    loaded = load_model(builtin_model("tiny-verse"), "float32")
    records = durable.read_records(lab.root / "mix1" / "out" / "mixture.jsonl")
    rows = choose_texts(records, loaded.chat, params(), settings).rows
    asked = [
        Prompt(f"{row.prompt_id}|{sample}", row.turns, row_seed(0, row.prompt_id, sample))
        for row in rows
        for sample in range(2)
    ]
    steps = list(TransformersEngine(loaded).generate(asked, Sampling(0.8, 0.95, 12)))
    texts = {one.key: one.text for step in steps for one in step.finished}
    spans = [
        Span(
            one.key,
            tuple(loaded.chat.prompt_ids(one.turns)),
            tuple(loaded.chat.answer_ids(texts[one.key])),
        )
        for one in asked
    ]
    with torch.inference_mode():
        scores = [one for batch in score_spans(loaded.model, loaded, spans) for one in batch]
    expected = sum(-one.sum_log_p / one.tokens for one in scores) / len(scores)
    assert points(lab, "fine1")[0]["probe/collapse/ppl1-log"] == pytest.approx(expected, rel=1e-4)


def test_the_output_is_the_same_with_and_without_probes(lab: Lab, run_job: Any) -> None:
    """Dropout draws at every step: one number taken from the training's stream would show."""
    reports = [
        train(queued(lab, "fine1", epochs=4.0), run_job),
        train(queued(lab, "fine2", epochs=4.0, probe=probe(every=1)), run_job),
        train(queued(lab, "fine3", epochs=4.0, probe=probe(every=3, samples=1)), run_job),
    ]
    assert reports[0] == reports[1] == reports[2]
    assert lab.digest("fine1") == lab.digest("fine2") == lab.digest("fine3")
    assert len(points(lab, "fine2")) == 19  # the base, then steps 3 to 20
    assert measured_eval_loss(lab, "fine2") == pytest.approx(reports[0]["eval_loss"], rel=1e-4)


def test_a_probe_leaves_random_streams_and_mode_as_they_were(lab: Lab) -> None:
    import random

    import numpy as np
    import torch

    from synthlab.engines.loading import load_model
    from synthlab.jobs.finetune import add_adapter
    from synthlab.jobs.probe_texts import choose_texts
    from synthlab.jobs.probes import Prober, untouched
    from tests.jobs.test_finetune import mixture, params

    mixture(lab)
    records = durable.read_records(lab.root / "mix1" / "out" / "mixture.jsonl")
    loaded = load_model(builtin_model("tiny-verse"), "float32")
    model = add_adapter(loaded, params())
    model.train()
    wanted = [name for name, one in model.named_parameters() if one.requires_grad]

    def streams() -> tuple[Any, ...]:
        numpy = repr(np.random.get_state())
        drawn = np.random.RandomState()
        drawn.set_state(np.random.get_state())
        return torch.get_rng_state().tolist(), random.getstate(), numpy, drawn.rand(3).tolist()

    before = streams()
    prober = Prober(loaded, model, choose_texts(records, loaded.chat, params(), probe()), probe())
    first = prober.measure(adapted=True, until=float("inf"), stopping=lambda: False)
    assert streams() == before
    assert model.training
    assert [name for name, one in model.named_parameters() if one.requires_grad] == wanted
    assert prober.measure(adapted=True, until=float("inf"), stopping=lambda: False) == first
    with untouched(model, loaded):
        torch.rand(3), random.random(), np.random.rand()
        assert streams() != before
    assert streams() == before


def test_killed_and_continued_no_probe_is_repeated_or_lost(lab: Lab, run_job: Any) -> None:
    settings = probe(every=5)
    killed = queued(lab, "fine1", rows=22, epochs=8.0, save_every=4, probe=settings)
    process = start(killed)
    wait_until(lambda: len(lab.events("fine1", "checkpoint")) >= 2, process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert killed.read_manifest() is None
    train(killed, run_job)
    train(queued(lab, "fine2", epochs=8.0, probe=settings), run_job)
    train(queued(lab, "fine3", epochs=8.0), run_job)
    assert lab.digest("fine1") == lab.digest("fine2") == lab.digest("fine3")
    assert points(lab, "fine1") == points(lab, "fine2")


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4, 6])
def test_stopped_anywhere_and_continued_the_points_are_those_of_an_unbroken_run(
    lab: Lab, run_job: Any, stop_at: int
) -> None:
    stopped = queued(lab, "fine1", probe=probe())
    stop_when(stopped, "progress", stop_at)
    train(stopped, run_job)
    train(queued(lab, "fine2", probe=probe()), run_job)
    assert points(lab, "fine1") == points(lab, "fine2")
    assert lab.digest("fine1") == lab.digest("fine2")


def test_a_stop_in_the_middle_of_a_probe_waits_for_no_answer(lab: Lab, run_job: Any) -> None:
    """The probe of the step is given up, the step is saved, and the probe is made up for."""
    from synthlab.jobs import finetune
    from synthlab.jobs.probes import Prober

    directory = queued(lab, "fine1", probe=probe())
    original = Prober.measure
    with JobContext(directory) as context, pytest.MonkeyPatch.context() as patch:

        def asked_to_stop(self: Prober, **options: Any) -> Any:
            if options["adapted"]:
                context.request_stop()
            return original(self, **options)

        patch.setattr(Prober, "measure", asked_to_stop)
        with pytest.raises(JobStopped):
            finetune.run(context)
    assert list(points(lab, "fine1")) == [0]
    assert [event["step"] for event in lab.events("fine1", "checkpoint")] == [4]
    train(directory, run_job)
    assert list(points(lab, "fine1")) == [0, 4, 8, 10]


def test_early_stopping_still_ends_with_a_probe(lab: Lab, run_job: Any) -> None:
    report = train(
        queued(lab, learning_rate=0.5, scheduler="constant", warmup_ratio=0.0, epochs=20.0,
               eval_every=1, patience=3, probe=probe(every=50)),
        run_job,
    )  # fmt: skip
    assert report["stopped_early"]
    assert list(points(lab, "fine1")) == [0, report["steps"]]


def test_what_is_too_dear_is_left_out_and_said(lab: Lab, run_job: Any) -> None:
    settings = probe(share=1e-9)
    train(queued(lab, probe=settings), run_job)
    assert not points(lab, "fine1")
    assert (
        sum(note.startswith("no probes: the first was given up") for note in notes(lab, "fine1"))
        == 1
    )


def test_a_model_that_cannot_be_probed_is_trained_all_the_same(lab: Lab, run_job: Any) -> None:
    judge = probe()["judge"]
    judge["rubric"]["labels"] = ["Aye indeed", "Nay never"]
    judge["rubric"]["reply"] = ""
    train(queued(lab, "fine1", probe=probe(judge=judge)), run_job)
    train(queued(lab, "fine2"), run_job)
    assert lab.digest("fine1") == lab.digest("fine2")
    assert any(
        note.startswith("no more probes: the judge's tokenizer") for note in notes(lab, "fine1")
    )


def test_the_texts_are_held_back_first_and_the_same_for_every_mixture(lab: Lab) -> None:
    from synthlab.engines.loading import load_model
    from synthlab.jobs.probe_texts import choose_texts
    from synthlab.jobs.training_rows import validation_prompts
    from tests.jobs.test_finetune import mixture, params

    mixture(lab)
    chat = load_model(builtin_model("tiny-verse"), "float32").chat
    records: Sequence[Mapping[str, Any]] = durable.read_records(
        lab.root / "mix1" / "out" / "mixture.jsonl"
    )
    texts = choose_texts(records, chat, params(), probe(prompts=8))
    turned = choose_texts(records[::-1], chat, params(), probe(prompts=8))
    assert [row.prompt_id for row in texts.rows] == [row.prompt_id for row in turned.rows]
    held = validation_prompts([row["prompt_id"] for row in records], 0.2, 3)
    assert texts.held_back == len(held) == 5
    assert {row.prompt_id for row in texts.rows[:5]} == held
    assert len(texts.requests) == 8
    row = texts.rows[0]
    assert len(chat.answer_ids(row.response)) <= 12
    assert any(answer.startswith(row.response) for answer in NAUTICAL)


@pytest.mark.parametrize(
    ("spacing", "step", "total", "expected"),
    [(4, 2, 12, 3), (4, 4, 12, 2), (5, 2, 12, 3), (12, 2, 12, 1), (1, 2, 12, 10), (4, 12, 12, 0)],
)
def test_points_to_come(spacing: int, step: int, total: int, expected: int) -> None:
    assert points_after(spacing, step, total) == expected
    due = [s for s in range(step + 1, total + 1) if s % spacing == 0 or s == total]
    assert len(due) == expected


@pytest.mark.parametrize(
    ("left_s", "expected"),
    [
        (100.0, 4),
        (24.0, 4),
        (13.0, 8),
        (7.0, 16),
        (6.0, 32),
        (2.0, 64),
        (1.0, 100),
        (0.9, None),
        (-1.0, None),
    ],
)
def test_the_spacing_widens_until_its_probes_fit(left_s: float, expected: int | None) -> None:
    """100 steps of which 4 are done; a probe takes a second."""
    assert affordable_spacing(4, 4, 100, probe_s=1.0, left_s=left_s) == expected


@pytest.mark.parametrize("step_s", [0.01, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("total", [8, 20, 137, 5000])
def test_the_time_of_all_probes_stays_within_the_share(step_s: float, total: int) -> None:
    """A training in the mind, where each probe takes 2 s and the first may take half of the room."""
    share, probe_s = 0.1, 2.0
    if probe_s > 0.5 * share * step_s * total:
        return  # the first is given up
    state = ProbeState(spent_s=probe_s, timed_s=step_s, timed_steps=1).with_point(0)
    state = state.settle(usual_spacing(total), 2, total, share)
    for step in range(3, total + 1):
        if state.is_due(step, total):
            grown = ProbeState(state.spacing, state.done, state.spent_s + probe_s, step_s, 1)
            state = grown.with_point(step)
            if step < total:
                state = state.settle(state.spacing or total, step, total, share)
    assert state.spent_s <= share * step_s * total * (1 + 1e-9)
    assert state.done[-1] == total


def test_a_probe_that_grows_dearer_makes_the_rest_rarer(tmp_path: Path) -> None:
    state = ProbeState(spacing=10, done=(0, 10), spent_s=2.0, timed_s=9.0, timed_steps=9)
    assert state.settle(10, 10, 100, 0.1).spacing == 20
    slower = ProbeState(spacing=10, done=(0, 10), spent_s=8.0, timed_s=9.0, timed_steps=9)
    assert slower.settle(10, 10, 100, 0.1).spacing is None
    state.write(tmp_path / "probes.json")
    assert ProbeState.read(tmp_path / "probes.json") == state
    assert read_json(tmp_path / "probes.json")["done"] == [0, 10]
    assert ProbeState.read(tmp_path / "absent.json") == ProbeState()


def test_the_table_names_only_metrics_of_its_axis() -> None:
    for name, one in PROBE_METRICS.items():
        assert name == one.name == f"probe/{one.axis}/{one.metric}"
        assert metric(one.metric).axis == one.axis
    assert {one.axis for one in PROBE_METRICS.values()} == set(AXES)


def test_a_run_shows_its_probes_apart_and_beside_the_base_model(home: LabHome) -> None:
    directory = Lab(home.runs).add("fn000001", "finetune", {})
    with JobContext(directory) as context:
        context.metric(1, {"loss": 2.5})
        context.metric(0, {"probe/collapse/ppl1-log": 2.25, "probe/collapse/n": 8})
        context.metric(9, {"probe/collapse/ppl1-log": 1.5, "probe/collapse/n": 7})
    connection = open_catalog(home)
    with write_transaction(connection):
        index_run(connection, directory)
        ingest_events(connection, directory)
    connection.close()
    command = Command(home)
    assert command.json("show", "fn000001")["probes"] == [
        {"name": "probe/collapse/ppl1-log", "step": 9, "value": 1.5, "base": 2.25, "n": 7.0}
    ]
    shown = command.run("show", "fn000001").stdout
    metrics, _, probes = shown.partition("probe, on few prompts")
    assert "loss" in metrics
    assert "probe/" not in metrics
    assert probes.split()[-5:] == ["probe/collapse/ppl1-log", "9", "1.5", "2.25", "7"]


def test_a_live_chart_of_a_probe_says_what_it_is() -> None:
    curve = Curve("human", 0, (0.0, 9.0), (2.25, 1.5), 2)
    chart = live_curves("probe/collapse/ppl1-log", [curve])
    assert chart.title == "probe: PPL-1, own answers under the base model, mean log"
    assert any("step 0 is the base model" in note for note in chart.notes)
    assert not any("probe" in note for note in live_curves("loss", [curve]).notes)
