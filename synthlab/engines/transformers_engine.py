"""Text generation with transformers: batches by length, left padding, one random stream per row."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from synthlab.engines.batching import (
    CPU_BATCH,
    CUDA_BATCH,
    batch_size_for,
    batches,
    by_length,
)
from synthlab.engines.loading import (
    LoadedModel,
    free_memory,
    is_out_of_memory,
    release_memory,
)
from synthlab.engines.protocol import DecodingStep, Fingerprint, Generation, Prompt, Sampling
from synthlab.engines.sampling import NO_TOKEN, draw_tokens, uniform_stream
from synthlab.errors import JobError

COMPACT_SHARE = 8
"""A batch is rid of its finished rows when they are at least one in this many."""


@dataclass
class _Row:
    """One prompt on its way to an answer."""

    prompt: Prompt
    ids: list[int]
    budget: int
    """Tokens that the answer may have."""
    tokens: list[int]

    def finish(self, loaded: LoadedModel, reason: str) -> Generation:
        text = loaded.chat.decode(self.tokens)
        return Generation(self.prompt.key, text, reason, len(self.ids), len(self.tokens))


class TransformersEngine:
    """A `Generator` on a model in this process; a lack of memory halves the batch and goes on."""

    def __init__(
        self, loaded: LoadedModel, model: Any | None = None, batch_size: int | None = None
    ) -> None:
        """model: the loaded model with an adapter on it; batch_size: rows at once, else by memory."""
        self._loaded = loaded
        self._model = loaded.model if model is None else model
        self._fixed_batch = batch_size
        self._batch = batch_size or 0
        forward = inspect.signature(loaded.model.forward).parameters
        self._takes_positions = "position_ids" in forward
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in forward else {}

    @property
    def fingerprint(self) -> Fingerprint:
        """Type, device and batch size of the answers so far."""
        return Fingerprint(
            "transformers",
            self._loaded.device.type,
            self._loaded.dtype,
            self._batch,
            self._loaded.chat.template_sha256,
        )

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[DecodingStep]:
        """Answer every prompt once, longest prompts first; see `Generator.generate`."""
        rows, refused = self._prepare(prompts, sampling)
        if refused:
            yield DecodingStep(tuple(refused), 0)
        answered = len(refused)
        if rows:
            self._batch = self._fixed_batch or self._batch_by_memory(rows)
        waiting = batches(by_length([len(row.ids) for row in rows]), max(1, self._batch))
        while waiting:
            group = waiting.pop(0)
            left = {row: rows[row] for row in group}
            try:
                for step in self._answer(left, sampling):
                    answered += len(step.finished)
                    yield step
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(len(left), error)
            else:
                continue
            release_memory(self._loaded.device)
            for row in left.values():
                row.tokens.clear()
            waiting = batches([row for part in ([*left], *waiting) for row in part], self._batch)
        if answered != len(prompts):
            raise JobError(
                "missing_answers", f"the engine gave {answered} answers to {len(prompts)} prompts"
            )

    def _prepare(
        self, prompts: Sequence[Prompt], sampling: Sampling
    ) -> tuple[list[_Row], list[Generation]]:
        limit = self._loaded.context_length
        rows, refused = [], []
        for prompt in prompts:
            ids = self._loaded.chat.prompt_ids(prompt.turns)
            budget = min(sampling.max_new_tokens, limit - len(ids))
            if budget < 1:
                refused.append(Generation(prompt.key, "", "error:prompt_too_long", len(ids), 0))
            else:
                rows.append(_Row(prompt, ids, budget, []))
        return rows, refused

    def _batch_by_memory(self, rows: Sequence[_Row]) -> int:
        device = self._loaded.device
        longest = max(len(row.ids) + row.budget for row in rows)
        limit = CUDA_BATCH if device.type == "cuda" else CPU_BATCH
        per_token = self._loaded.cache_bytes_per_token
        return batch_size_for(free_memory(device), per_token, longest, limit)

    def _halve(self, rows: int, error: BaseException) -> None:
        if self._batch <= 1 or rows <= 1:
            raise JobError(
                "out_of_memory",
                "not enough memory to answer even one prompt at a time",
                "lower max_new_tokens, use a smaller model, or free the device",
            ) from error
        self._batch = max(1, min(self._batch, rows) // 2)

    def _answer(self, left: dict[int, _Row], sampling: Sampling) -> Iterator[DecodingStep]:
        """Decode one batch; a row leaves `left` as soon as its answer has been yielded."""
        active = list(left)
        longest = max(row.budget for row in left.values())
        uniforms = np.stack([uniform_stream(left[row].prompt.seed, longest) for row in active])
        stream = torch.from_numpy(uniforms).to(self._loaded.device)
        batch = _Batch.left_padded([left[row].ids for row in active], self._loaded)
        for position in range(longest):
            with torch.inference_mode():
                logits = batch.advance(self._model, self._takes_positions, self._last_only)
                drawn = draw_tokens(logits, sampling, stream[:, position])
                batch.append(drawn)
            finished, kept = [], []
            for slot, (row, token) in enumerate(zip(active, drawn.tolist(), strict=True)):
                if row not in left:
                    continue
                if token == NO_TOKEN:
                    raise self._not_a_number()
                done = self._take(left[row], token)
                if done is None:
                    kept.append(slot)
                else:
                    finished.append(done)
                    del left[row]
            yield DecodingStep(tuple(finished), len(finished) + len(kept))
            if not kept:
                return
            if len(active) - len(kept) >= max(1, len(active) // COMPACT_SHARE) and batch.shrinks:
                batch.keep(kept)
                stream = stream[kept]
                active = [active[slot] for slot in kept]

    def _not_a_number(self) -> JobError:
        return JobError(
            "not_a_number",
            f"the model's logits are not numbers in {self._loaded.dtype}",
            "set dtype to bfloat16 or float32: many models overflow in float16",
        )

    def _take(self, row: _Row, token: int) -> Generation | None:
        if token in self._loaded.chat.stop_ids:
            return row.finish(self._loaded, "stop")
        row.tokens.append(token)
        return row.finish(self._loaded, "length") if len(row.tokens) >= row.budget else None


class _Batch:
    """The tensors of the rows that are being decoded together."""

    def __init__(self, ids: Any, mask: Any) -> None:
        self.ids = ids
        self.mask = mask
        self.positions = (mask.cumsum(dim=-1) - 1).clamp(min=0)
        self.cache: Any = None

    @classmethod
    def left_padded(cls, rows: Sequence[Sequence[int]], loaded: LoadedModel) -> _Batch:
        """Padding stands on the left, so that the last column of each row is its last token."""
        width = max(len(row) for row in rows)
        ids = torch.full((len(rows), width), loaded.chat.end_id, dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for number, row in enumerate(rows):
            ids[number, width - len(row) :] = torch.tensor(row)
            mask[number, width - len(row) :] = 1
        return cls(ids.to(loaded.device), mask.to(loaded.device))

    def advance(self, model: Any, takes_positions: bool, options: dict[str, int]) -> Any:
        """Logits of the next token, (rows, vocabulary); the new keys and values go to the cache."""
        placed = {"position_ids": self.positions} if takes_positions else {}
        output = model(
            input_ids=self.ids,
            attention_mask=self.mask,
            past_key_values=self.cache,
            use_cache=True,
            **placed,
            **options,
        )
        self.cache = output.past_key_values
        return output.logits[:, -1, :]

    def append(self, tokens: Any) -> None:
        """Make the drawn tokens the next input; a row that has ended may have drawn none."""
        self.ids = tokens.clamp(min=0).unsqueeze(-1)
        self.positions = self.positions[:, -1:] + 1
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=-1)

    @property
    def shrinks(self) -> bool:
        """Whether rows can be taken out of the cache; some architectures keep another kind."""
        return hasattr(self.cache, "batch_select_indices")

    def keep(self, slots: list[int]) -> None:
        """Go on with these rows only."""
        chosen = torch.tensor(slots, device=self.ids.device)
        self.ids, self.positions = self.ids[chosen], self.positions[chosen]
        self.mask = self.mask[chosen]
        self.cache.batch_select_indices(chosen)
