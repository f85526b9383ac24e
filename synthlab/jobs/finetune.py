"""Train a LoRA adapter on a mixture; a killed run continues and ends with the same adapter."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from peft import LoraConfig, get_peft_model
from transformers import set_seed
from transformers.utils import logging

from storage import durable
from synthlab.engines.loading import LoadedModel, explained_memory, load_model
from synthlab.errors import JobError
from synthlab.jobs.context import JobContext, JobStopped
from synthlab.jobs.model_inputs import ModelInputs, find_model
from synthlab.jobs.probe_callback import ProbeCallback
from synthlab.jobs.probe_texts import ProbeTexts, choose_texts
from synthlab.jobs.probes import Prober
from synthlab.jobs.training import (
    LOGGED,
    Best,
    Collator,
    LabTrainer,
    Reporter,
    initial_weights_hash,
    load_best,
    restore_best,
    resume_class,
    resume_facts,
    training_arguments,
)
from synthlab.jobs.training_checkpoints import Checkpoint, CheckpointStore
from synthlab.jobs.training_rows import TrainingSet, build_training_set


def run(context: JobContext) -> None:
    """Read, encode, train from the newest checkpoint if there is one, publish the best adapter."""
    logging.set_verbosity_error()
    params = context.params
    source = find_model(context)
    records = context.read_records(context.input("mixture") / "mixture.jsonl")
    loaded = load_model(source.folder, params.get("dtype", "auto"))
    data = build_training_set(records, loaded.chat, params)
    tell_about(context, data)
    # The adapter's first weights are random: seeding any later leaves them to chance.
    set_seed(int(params["seed"]))
    model = add_adapter(loaded, params)
    facts = resume_facts(loaded, initial_weights_hash(model))
    store = CheckpointStore(context.work / "checkpoints")
    resumed = find_checkpoint(context, store)
    best = load_best(resumed.folder) if resumed else Best()
    reporter = Reporter(context, best, bool(data.validation))
    watchers = [
        ProbeCallback(context, Prober(loaded, model, texts, probe), probe, reporter.exclude)
        for probe, texts in probing(context, records, loaded)
    ]
    arguments = training_arguments(params, data, loaded, context.work / "unfinished")
    with explained_memory("train"):
        trainer = LabTrainer(
            store=store,
            best=best,
            facts=facts,
            model=model,
            args=arguments,
            train_dataset=list(data.train),
            eval_dataset=list(data.validation) or None,
            data_collator=Collator(loaded.chat.end_id),
            callbacks=[*watchers, reporter],
        )
        trainer.train(resume_from_checkpoint=str(resumed.folder) if resumed else None)
    if reporter.stopped:
        raise JobStopped
    restore_best(model, best)
    save_adapter(model, context.out / "adapter", source)
    report = describe(trainer.state, data, best, facts, model)
    report["resume_class"] = resume_class(resumed, facts)
    durable.write_json(context.out / "training.json", report)
    probes = [asdict(s) for w in watchers if (s := w.summary(trainer.state.global_step))]
    publish(context, source, report, loaded, resumed, probes)


def probing(
    context: JobContext, records: Sequence[Mapping[str, Any]], loaded: LoadedModel
) -> Iterator[tuple[Mapping[str, Any], ProbeTexts]]:
    """What is asked of the model on its way and how, if anything is."""
    probe = context.observing.get("probe")
    if probe is not None:
        texts = choose_texts(records, loaded.chat, context.params, probe)
        if texts.held_back < len(texts.rows):
            context.note(
                f"probes ask {len(texts.rows)} prompts of the mixture, of which {texts.held_back} are"
                " held back and the others are trained on"
            )
        yield probe, texts


def tell_about(context: JobContext, data: TrainingSet) -> None:
    """Say what was cut or left out, because nothing is dropped in silence."""
    if data.truncated:
        context.note(f"{data.truncated} rows were cut at {context.params['max_length']} tokens")
    if data.dropped:
        context.note(f"{data.dropped} rows were left out: the cut left nothing of their response")
    if context.params["validation_share"] > 0 and not data.validation:
        context.note("no row could be held back for validation; the last adapter is kept")


def add_adapter(loaded: LoadedModel, params: Mapping[str, Any]) -> Any:
    """The model with a fresh LoRA adapter that alone is trained."""
    given = params["lora"]
    targets = list(given["targets"])
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=given["r"],
        lora_alpha=given["alpha"],
        lora_dropout=given["dropout"],
        target_modules="all-linear" if targets == ["all-linear"] else targets,
        bias="none",
    )
    loaded.model.config.use_cache = False
    try:
        return get_peft_model(loaded.model, config)
    except ValueError as error:
        raise JobError(
            "bad_targets", f"no layer of the model matches the targets {targets}", str(error)
        ) from error


def find_checkpoint(context: JobContext, store: CheckpointStore) -> Checkpoint | None:
    """The state to continue from; says which, and why not a newer one."""
    found = store.newest()
    for reason in found.rejected:
        context.note(f"a checkpoint cannot be used: {reason}")
    if found.checkpoint is not None:
        context.note(f"continues from step {found.checkpoint.step}")
    elif found.rejected:
        context.note("starts again from the beginning: no checkpoint can be used")
    return found.checkpoint


def save_adapter(model: Any, folder: Path, source: ModelInputs) -> None:
    """Write a folder that plain peft loads, the same bytes for the same weights on every machine."""
    config = model.peft_config["default"]
    config.base_model_name_or_path = source.id
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    written = json.loads(path.read_bytes())
    # peft keeps the names of layers in a set, whose order changes from process to process.
    written = {k: sorted(v) if k == "target_modules" and isinstance(v, list) else v
               for k, v in sorted(written.items())}  # fmt: skip
    durable.write_json(path, written)
    durable.fsync_file(folder / "adapter_model.safetensors")
    (folder / "adapter_model.safetensors").chmod(durable.FILE_MODE)


def describe(
    state: Any, data: TrainingSet, best: Best, facts: Mapping[str, Any], model: Any
) -> dict[str, Any]:
    """training.json: the curves and what the numbers rest on, without times."""
    curve = [
        # The gradient of a step that float16 had to skip is infinite, which JSON cannot say.
        {
            "step": entry["step"],
            **{name: entry[name] for name in LOGGED if math.isfinite(entry.get(name, math.nan))},
        }
        for entry in state.log_history
        if any(name in entry for name in ("loss", "eval_loss"))
    ]
    losses = [entry["loss"] for entry in curve if "loss" in entry]
    trainable, total = model.get_nb_trainable_parameters()
    validated = best.weights is not None
    return {
        "steps": state.global_step,
        "planned_steps": state.max_steps,
        "stopped_early": state.global_step < state.max_steps,
        "train_loss": sum(losses) / len(losses),
        "last_train_loss": losses[-1],
        "eval_loss": best.loss if validated else None,
        "best_step": best.step if validated else state.global_step,
        "rows": len(data.train),
        "validation_rows": len(data.validation),
        "truncated": data.truncated,
        "dropped": data.dropped,
        "trainable_parameters": trainable,
        "total_parameters": total,
        "tokens_seen": state.num_input_tokens_seen,
        **{key: facts[key] for key in ("dtype", "device", "initial_lora_a_sha256")},
        "curve": curve,
    }


def publish(
    context: JobContext,
    source: ModelInputs,
    report: Mapping[str, Any],
    loaded: LoadedModel,
    resumed: Checkpoint | None,
    probes: Sequence[Mapping[str, Any]],
) -> None:
    """Make the adapter count; the facts about probes stay out of its content."""
    shown = {key: value for key, value in report.items() if key != "curve"}
    context.publish(
        {
            "base": source.id,
            "generator": source.generator,
            **shown,
            "template_sha256": loaded.chat.template_sha256,
            "resumed_at": resumed.step if resumed else None,
            "probes": probes[0] if probes else None,
        }
    )
