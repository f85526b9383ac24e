"""The training loop: transformers' Trainer, reporting, stopping and saving by the lab's rules."""

from __future__ import annotations

import hashlib
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import Trainer, TrainerCallback, TrainingArguments

from storage import durable
from synthlab.engines.loading import LoadedModel
from synthlab.errors import JobError
from synthlab.experiment.training_steps import optimiser_steps
from synthlab.jobs.context import JobContext
from synthlab.jobs.training_checkpoints import Checkpoint, CheckpointStore
from synthlab.jobs.training_rows import IGNORED, TrainingRow, TrainingSet

SAVE_INTERVAL_S = 300.0
BEST_WEIGHTS = "best_adapter.safetensors"
BEST_FACTS = "best.json"
MAX_LOG_POINTS = 2000
LOGGED = ("loss", "eval_loss", "learning_rate", "grad_norm")


@dataclass
class Best:
    """The adapter with the lowest validation loss so far."""

    loss: float = math.inf
    step: int = 0
    looks_since: int = 0
    """Evaluations that did not improve on it."""
    weights: dict[str, Any] | None = None


class LabTrainer(Trainer):  # type: ignore[misc]  # transformers ships no types
    """A Trainer whose checkpoints are complete, verified, and never half there."""

    def __init__(
        self, *, store: CheckpointStore, best: Best, facts: Mapping[str, Any], **options: Any
    ) -> None:
        super().__init__(**options)
        self._store = store
        self._best = best
        self._facts = facts
        self.control: Any

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the adapter only; asking whether the vocabulary grew would need the network."""
        self.model.save_pretrained(output_dir, save_embedding_layers=False)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Mean loss per learnt token over all validation rows, whatever the batches look like.

        The Trainer's own figure averages over batches, so that a short answer's tokens weigh more.
        """
        nll, tokens = 0.0, 0
        self.model.eval()
        with torch.no_grad():
            for start in range(0, len(self.eval_dataset), self.args.eval_batch_size):
                rows = self.eval_dataset[start : start + self.args.eval_batch_size]
                batch = {k: v.to(self.args.device) for k, v in self.data_collator(rows).items()}
                targets = batch.pop("labels")[:, 1:]
                learnt = targets != IGNORED
                logits = self.model(**batch).logits[:, :-1][learnt].float()
                loss = torch.nn.functional.cross_entropy(logits, targets[learnt], reduction="sum")
                nll, tokens = nll + float(loss), tokens + int(learnt.sum())
        metrics = {"eval_loss": nll / tokens}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        shutil.rmtree(self.args.output_dir, ignore_errors=True)
        super()._save_checkpoint(model, trial)
        step = self.state.global_step
        folder = Path(self.args.output_dir) / f"checkpoint-{step}"
        save_best(self._best, folder)
        self._store.publish(folder, step, self._facts)


def save_best(best: Best, folder: Path) -> None:
    """Put the best adapter into a checkpoint, so that a continued run can still restore it."""
    if best.weights is not None:
        save_file(best.weights, folder / BEST_WEIGHTS)
        state = {"loss": best.loss, "step": best.step, "looks_since": best.looks_since}
        durable.write_json(folder / BEST_FACTS, state)


def load_best(folder: Path) -> Best:
    """The best adapter of a checkpoint; an empty one if there was no evaluation before it."""
    if not (folder / BEST_FACTS).is_file():
        return Best()
    return Best(**durable.read_json(folder / BEST_FACTS), weights=load_file(folder / BEST_WEIGHTS))


class Reporter(TrainerCallback):  # type: ignore[misc]  # transformers ships no types
    """Turns the Trainer's events into the job's, and the job's wishes into the Trainer's."""

    def __init__(self, context: JobContext, best: Best, validates: bool) -> None:
        self._context = context
        self._best = best
        self._validates = validates
        self._patience: int | None = context.params.get("patience")
        self._save_every: int | None = context.observing.get("save_every")
        self._last_save = time.monotonic()
        self._tokens: tuple[float, int] | None = None
        self.stopped = False

    def exclude(self, seconds: float) -> None:
        """Leave out time that was not spent on training from the token rate."""
        if self._tokens is not None:
            self._tokens = (self._tokens[0] + seconds, self._tokens[1])

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock of the token rate; raises JobStopped if there is nothing to save."""
        self._context.raise_if_stopping()
        self._tokens = (time.monotonic(), state.num_input_tokens_seen)
        self._context.progress(state.global_step, state.max_steps, "steps")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Decide, after each optimiser step, whether to evaluate, save or stop."""
        last = state.global_step >= state.max_steps
        self._context.progress(state.global_step, state.max_steps, "steps")
        if last and self._validates:
            control.should_evaluate = True
        if self._context.stopping and not last:
            self.stopped = True
            control.should_save = control.should_training_stop = True
        elif not last and self._is_save_due(state.global_step):
            control.should_save = True

    def _is_save_due(self, step: int) -> bool:
        if self._save_every:
            return step % self._save_every == 0
        return time.monotonic() - self._last_save > SAVE_INTERVAL_S

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Tell that the state is on disk."""
        self._last_save = time.monotonic()
        self._context.checkpoint(state.global_step)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        """Report the live curves; a loss that is not a number ends the run."""
        given = logs or {}
        values = {name: float(given[name]) for name in LOGGED if name in given}
        if not all(math.isfinite(values.get(name, 0.0)) for name in ("loss", "eval_loss")):
            raise JobError(
                "diverged",
                f"the loss is not a number any more at step {state.global_step}",
                "lower learning_rate, or look at the mixture's longest rows",
            )
        if "loss" in values and self._tokens is not None:
            since, tokens = self._tokens
            now = time.monotonic()
            if now > since:
                values["tokens_per_s"] = (state.num_input_tokens_seen - tokens) / (now - since)
            self._tokens = (now, state.num_input_tokens_seen)
            values["tokens"] = float(state.num_input_tokens_seen)
        if values:
            self._context.metric(state.global_step, values)

    def on_evaluate(
        self,
        args: Any,
        state: Any,
        control: Any,
        metrics: Mapping[str, float] | None = None,
        model: Any = None,
        **_: Any,
    ) -> None:
        """Remember the best adapter; stop after `patience` looks without improvement."""
        loss = float((metrics or {})["eval_loss"])
        if loss < self._best.loss:
            weights = get_peft_model_state_dict(model, save_embedding_layers=False)
            self._best.weights = {k: v.detach().cpu().clone() for k, v in weights.items()}
            self._best.loss, self._best.step, self._best.looks_since = loss, state.global_step, 0
        else:
            self._best.looks_since += 1
        if self._patience is not None and self._best.looks_since >= self._patience:
            control.should_training_stop = True
        self._tokens = (time.monotonic(), state.num_input_tokens_seen)


@dataclass(frozen=True)
class Collator:
    """Rows of unequal length as a batch, padded on the right with tokens that are not learnt."""

    pad_id: int

    def __call__(self, rows: Sequence[TrainingRow]) -> dict[str, Any]:
        """`input_ids`, `attention_mask` and `labels`, each (rows, longest row)."""
        width = max(len(row.ids) for row in rows)
        fill = [width - len(row.ids) for row in rows]
        pairs = list(zip(rows, fill, strict=True))
        return {
            "input_ids": torch.tensor([[*row.ids, *[self.pad_id] * n] for row, n in pairs]),
            "attention_mask": torch.tensor([[1] * len(row.ids) + [0] * n for row, n in pairs]),
            "labels": torch.tensor([[*row.labels, *[IGNORED] * n] for row, n in pairs]),
        }


def training_arguments(
    params: Mapping[str, Any], data: TrainingSet, loaded: LoadedModel, unfinished: Path
) -> TrainingArguments:
    """The step's parameters in the Trainer's words; saving and choosing the best stay with us."""
    total = optimiser_steps(params, len(data.train))
    on_cpu = loaded.device.type == "cpu"
    return TrainingArguments(
        output_dir=str(unfinished),
        per_device_train_batch_size=params["batch_size"],
        per_device_eval_batch_size=params["batch_size"],
        gradient_accumulation_steps=params["accumulation"],
        learning_rate=params["learning_rate"],
        weight_decay=params["weight_decay"],
        lr_scheduler_type=params["scheduler"],
        warmup_steps=math.ceil(params["warmup_ratio"] * total),
        max_steps=total,
        optim="adamw_torch",
        max_grad_norm=1.0,
        # In float16 small gradients vanish unless the loss is scaled; the adapter is in float32.
        fp16=loaded.dtype == "float16" and not on_cpu,
        logging_strategy="steps",
        logging_steps=max(1, total // MAX_LOG_POINTS),
        logging_nan_inf_filter=False,
        eval_strategy="steps" if data.validation else "no",
        eval_steps=params["eval_every"],
        save_strategy="no",
        seed=params["seed"],
        data_seed=params["seed"],
        report_to=[],
        disable_tqdm=True,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        remove_unused_columns=False,
        label_names=["labels"],
        include_num_input_tokens_seen="non_padding",
    )


def initial_weights_hash(model: Any) -> str:
    """SHA-256 over the first lora_A tensors: two runs with one seed must begin alike."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.named_parameters()):
        if "lora_A" in name:
            digest.update(name.encode())
            digest.update(tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()


def resume_facts(loaded: LoadedModel, initial_hash: str) -> dict[str, Any]:
    """What must be equal for a continued run to give what an unbroken one gives, bit by bit."""
    return {
        "torch": torch.__version__,
        "device": loaded.device.type,
        "dtype": loaded.dtype,
        "threads": torch.get_num_threads(),
        "initial_lora_a_sha256": initial_hash,
    }


def resume_class(resumed: Checkpoint | None, facts: Mapping[str, Any]) -> str:
    """`exact` where tests prove it (a CPU, unchanged in every fact), else `equivalent`."""
    same = resumed is None or dict(resumed.facts) == dict(facts)
    return "exact" if same and facts["device"] == "cpu" else "equivalent"


def restore_best(model: Any, best: Best) -> None:
    """Put the best adapter back into the model; without validation the last one stays."""
    if best.weights is not None:
        set_peft_model_state_dict(model, best.weights)
