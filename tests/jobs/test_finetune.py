"""Fine-tuning as a job: what is learnt, what is kept, and that a kill changes nothing."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from typing import Any

import pytest

from storage import durable
from storage.durable import read_json, read_records
from storage.rundir import Manifest, RunDir
from synthlab.errors import JobError
from synthlab.experiment.models import builtin_model
from synthlab.jobs.context import JobContext, JobStopped
from tests.jobs.conftest import QUESTIONS, Lab, located, model_params
from tests.jobs.processes import start, wait_until

NAUTICAL = (
    "Ahoy, hoist the mainsail and belay the halyard before the squall comes.",
    "Ahoy, the bosun keeps the bilge dry and the anchor weighed at dawn.",
    "Ahoy, a keel without ballast rolls in every swell of the harbour.",
)


def mixture(lab: Lab, rows: int = 24, run_id: str = "mix1") -> str:
    directory = lab.add(run_id, "mix", {})
    records = [
        {
            "id": f"m{i}", "prompt_id": f"p{i}", "source": "s", "generator": "g",
            "response_id": f"r{i}", "prompt": QUESTIONS[i % 6], "response": NAUTICAL[i % 3],
            "messages": [
                {"role": "user", "content": QUESTIONS[i % 6]},
                {"role": "assistant", "content": NAUTICAL[i % 3]},
            ],
        }
        for i in range(rows)
    ]  # fmt: skip
    durable.write_jsonl(directory.out / "mixture.jsonl", records)
    directory.write_manifest(Manifest.of(directory.out, {}))
    return run_id


def params(**changes: Any) -> dict[str, Any]:
    return {
        "model": model_params("tiny-verse"),
        "lora": {"r": 4, "alpha": 8, "dropout": 0.1, "targets": ["all-linear"]},
        "learning_rate": 1e-2, "epochs": 2.0, "max_steps": None, "batch_size": 4,
        "accumulation": 1, "max_length": 160, "loss": "completion", "validation_share": 0.2,
        "eval_every": 4, "patience": None, "warmup_ratio": 0.1,
        "weight_decay": 0.01, "scheduler": "cosine", "seed": 3, "dtype": "float32",
        "system": None,
        **changes,
    }  # fmt: skip


def queued(
    lab: Lab,
    run_id: str = "fine1",
    *,
    rows: int = 24,
    save_every: int | None = None,
    probe: Mapping[str, Any] | None = None,
    **changes: Any,
) -> RunDir:
    if not (lab.root / "mix1").exists():
        mixture(lab, rows)
    inputs = {"mixture": "mix1"}
    observing = {"save_every": save_every, "probe": probe}
    return lab.add(run_id, "finetune", params(**changes), inputs, located("tiny-verse"), observing)


def train(directory: RunDir, run_job: Any) -> dict[str, Any]:
    from synthlab.jobs import finetune

    run_job(finetune, directory)
    report = read_json(directory.out / "training.json")
    assert isinstance(report, dict)
    return report


def test_the_adapter_learns_and_loads_with_plain_peft(lab: Lab, run_job: Any) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    report = train(directory := queued(lab), run_job)
    losses = [point["eval_loss"] for point in report["curve"] if "eval_loss" in point]
    assert losses[-1] < losses[0] - 0.3
    assert report["eval_loss"] == min(losses)
    assert (report["steps"], report["rows"], report["validation_rows"]) == (10, 19, 5)
    adapter = directory.out / "adapter"
    config = read_json(adapter / "adapter_config.json")
    assert config["base_model_name_or_path"] == "builtin:tiny-verse"
    assert config["target_modules"] == sorted(config["target_modules"])
    assert str(lab.root) not in "".join(p.read_text("latin-1") for p in adapter.iterdir())
    base = AutoModelForCausalLM.from_pretrained(builtin_model("tiny-verse"), dtype=torch.float32)
    model = PeftModel.from_pretrained(base, adapter)
    ids = torch.tensor([[2, 3, 4]])
    with torch.inference_mode(), model.disable_adapter():
        plain = model(ids).logits
    assert not torch.allclose(model(ids).logits, plain, atol=0.1)
    assert model.get_nb_trainable_parameters()[1] == report["total_parameters"]


def test_live_curves_and_the_catalog_facts(lab: Lab, run_job: Any) -> None:
    report = train(directory := queued(lab), run_job)
    points = lab.events("fine1", "metric")
    seen = {name for point in points for name in point["values"]}
    assert seen == {"loss", "eval_loss", "learning_rate", "grad_norm", "tokens", "tokens_per_s"}
    assert [p["step"] for p in points if "loss" in p["values"]] == list(range(1, 11))
    assert lab.events("fine1", "progress")[-1]["done"] == 10
    manifest = directory.read_manifest()
    assert manifest is not None
    info = manifest.info
    assert (info["base"], info["steps"], info["resume_class"]) == (
        "builtin:tiny-verse",
        10,
        "exact",
    )
    assert info["eval_loss"] == report["eval_loss"]
    assert not lab.events("fine1", "checkpoint"), "a short run pays for no checkpoint"


def test_one_seed_one_adapter_and_another_seed_another(lab: Lab, run_job: Any) -> None:
    first, other = (train(queued(lab, f"fine{s}", seed=s, max_steps=3), run_job) for s in (1, 2))
    again = train(queued(lab, "fine3", seed=1, max_steps=3), run_job)
    assert again == first
    assert lab.digest("fine3") == lab.digest("fine1")
    assert first["initial_lora_a_sha256"] != other["initial_lora_a_sha256"]


def test_killed_and_continued_it_gives_the_adapter_of_an_unbroken_run(
    lab: Lab, run_job: Any
) -> None:
    unbroken = queued(lab, "fine1", rows=22, epochs=8.0, accumulation=2)
    killed = queued(lab, "fine2", epochs=8.0, accumulation=2, save_every=5)
    process = start(killed)
    wait_until(lambda: len(lab.events("fine2", "checkpoint")) >= 1, process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert killed.read_manifest() is None
    train(killed, run_job)
    train(unbroken, run_job)
    assert lab.digest("fine1") == lab.digest("fine2")
    manifest = killed.read_manifest()
    assert manifest is not None
    assert 0 < manifest.info["resumed_at"] < manifest.info["steps"]
    assert manifest.info["resume_class"] == "exact"


@pytest.mark.parametrize("stop_at", [1, 4, 9])
def test_stopped_at_any_step_and_continued_nothing_differs(
    lab: Lab, run_job: Any, stop_at: int
) -> None:
    stopped = queued(lab, "fine1")
    stop_when(stopped, "progress", stop_at)
    assert stopped.read_manifest() is None
    assert [event["step"] for event in lab.events("fine1", "checkpoint")] == [stop_at]
    train(stopped, run_job)
    train(queued(lab, "fine2"), run_job)
    assert lab.digest("fine1") == lab.digest("fine2")


def stop_when(directory: RunDir, report: str, step: int) -> None:
    """Run until the job reports that step through `progress` or `checkpoint`, then ask it to stop."""
    from synthlab.jobs import finetune

    with JobContext(directory) as context:
        original = getattr(context, report)

        def and_stop(done: int, *rest: Any) -> None:
            original(done, *rest)
            if done >= step:
                context.request_stop()

        setattr(context, report, and_stop)
        with pytest.raises(JobStopped):
            finetune.run(context)


def test_a_damaged_checkpoint_is_passed_over_and_said(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, "fine1", save_every=3)
    stop_when(directory, "checkpoint", 6)
    store = directory.work / "checkpoints"
    newest, previous = sorted(store.iterdir(), reverse=True)
    weights = newest / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    train(directory, run_job)
    notes = [event["text"] for event in lab.events("fine1", "note")]
    assert any("another content" in note or "another size" in note for note in notes)
    assert f"continues from step {int(previous.name.removeprefix('step-'))}" in notes
    train(queued(lab, "fine2", save_every=3), run_job)
    assert lab.digest("fine1") == lab.digest("fine2")


def test_patience_stops_and_the_best_adapter_is_published(lab: Lab, run_job: Any) -> None:
    report = train(
        queued(lab, learning_rate=0.5, scheduler="constant", warmup_ratio=0.0, epochs=20.0,
               eval_every=1, patience=3),
        run_job,
    )  # fmt: skip
    assert report["stopped_early"]
    looks = {p["step"]: p["eval_loss"] for p in report["curve"] if "eval_loss" in p}
    assert report["eval_loss"] == min(looks.values()) == looks[report["best_step"]]
    assert report["steps"] == report["best_step"] + 3
    assert measured_eval_loss(lab, "fine1") == pytest.approx(report["eval_loss"], rel=1e-4)


def measured_eval_loss(lab: Lab, run_id: str) -> float:
    """The validation loss of the published adapter, computed without the Trainer."""
    import torch
    from peft import PeftModel

    from synthlab.engines.loading import load_model
    from synthlab.jobs.training_rows import build_training_set

    loaded = load_model(builtin_model("tiny-verse"), "float32")
    records = read_records(lab.root / "mix1" / "out" / "mixture.jsonl")
    rows = build_training_set(records, loaded.chat, params()).validation
    model = PeftModel.from_pretrained(loaded.model, lab.root / run_id / "out" / "adapter")
    total, count = 0.0, 0
    for row in rows:
        with torch.inference_mode():
            logits = model(torch.tensor([row.ids])).logits[0, :-1]
        labels = torch.tensor(row.labels[1:])
        total += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
        count += int((labels != -100).sum())
    return total / count


def test_completion_loss_reads_the_prompt_and_learns_the_answer() -> None:
    from synthlab.engines.loading import load_model
    from synthlab.jobs.training_rows import IGNORED, encode_row, turns_of

    chat = load_model(builtin_model("tiny-docs"), "float32").chat
    record = {"id": "m", "messages": [{"role": "user", "content": "Q?"},
                                      {"role": "assistant", "content": "An answer."}]}  # fmt: skip
    turns = turns_of(record, "Be kind.")
    completion, everything = encode_row(turns, chat, "completion"), encode_row(turns, chat, "all")
    assert completion.ids == everything.ids == everything.labels
    learnt = [token for token in completion.labels if token != IGNORED]
    assert chat.decode(learnt) == "An answer."
    assert learnt[-1] == chat.end_id
    text = chat.tokenizer.decode(completion.ids)
    assert text.count("<|begin|>") == 1
    assert "Be kind." in text


def test_cuts_and_lost_rows_are_counted(lab: Lab, run_job: Any) -> None:
    report = train(queued(lab, max_length=40, max_steps=2, validation_share=0.0), run_job)
    assert report["truncated"] == 24
    assert report["dropped"] > 0
    assert report["rows"] == 24 - report["dropped"]
    assert report["eval_loss"] is None
    assert any("24 rows were cut" in event["text"] for event in lab.events("fine1", "note"))


def test_validation_rows_share_no_prompt_with_training_rows() -> None:
    from synthlab.jobs.training_rows import validation_prompts

    prompt_ids = [f"p{i % 20}" for i in range(80)]
    chosen = validation_prompts(prompt_ids, 0.1, 5)
    assert len(chosen) == 2
    assert validation_prompts(prompt_ids, 0.1, 5) == chosen
    assert validation_prompts(prompt_ids, 0.1, 6) != chosen
    assert validation_prompts(["only"], 0.5, 0) == frozenset()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"max_length": 8}, "nothing_to_learn"),
        ({"lora": {"r": 4, "alpha": 8, "dropout": 0.0, "targets": ["nowhere"]}}, "bad_targets"),
        ({"learning_rate": 1e18, "warmup_ratio": 0.0, "scheduler": "constant"}, "diverged"),
    ],
)
def test_trouble_is_named(lab: Lab, run_job: Any, change: Any, code: str) -> None:
    directory = queued(lab, **change)
    with pytest.raises(JobError) as caught:
        train(directory, run_job)
    assert caught.value.code == code
    assert directory.read_manifest() is None


def test_an_empty_mixture_is_named(lab: Lab, run_job: Any) -> None:
    mixture(lab, rows=0)
    with pytest.raises(JobError, match="the mixture has no rows"):
        train(queued(lab), run_job)


def test_training_json_holds_no_times(lab: Lab, run_job: Any) -> None:
    directory = queued(lab, max_steps=2)
    train(directory, run_job)
    text = (directory.out / "training.json").read_text()
    assert "runtime" not in text
    assert "per_s" not in text
    assert json.loads(text)["curve"]
