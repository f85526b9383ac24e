"""How likely a model finds given answers: sums over exactly the answer's tokens, no padding among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from synthlab.engines.batching import by_length
from synthlab.engines.loading import LoadedModel, free_memory, is_out_of_memory, release_memory
from synthlab.errors import JobError

LOGIT_BYTES_CPU = 256 << 20
LOGIT_BYTES_CUDA = 4 << 30
LOGIT_COPIES = 4
"""Times that a batch's logits stand in memory: as computed, in float32, and twice for entropies."""


class Span(NamedTuple):
    """One answer to be scored after its prompt; nothing of the prompt and no end token is scored."""

    key: str
    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens that the model reads."""
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True)
class SpanScore:
    """What the model thought of one answer."""

    key: str
    sum_log_p: float
    """Natural logarithm, over the answer's tokens."""
    tokens: int
    entropies: tuple[float, ...] | None
    """Nats of the full next-token distribution at each token of the answer, where asked for."""


def score_spans(
    model: Any, loaded: LoadedModel, spans: Sequence[Span], *, entropies: bool = False
) -> Iterator[list[SpanScore]]:
    """Score every span once, in batches of like length; at temperature 1, full vocabulary.

    Right padding: with causal attention no token sees what stands behind it, so neither the padding
    nor the neighbours change a score beyond rounding. A lack of memory halves the batches. Raises
    JobError if one span alone does not fit, ValueError for a span without prompt or answer.
    """
    if any(not span.prompt or not span.answer for span in spans):
        raise ValueError("a span needs a prompt token before it and at least one token of its own")
    waiting = [spans[row] for row in by_length([span.length for span in spans])]
    budget = token_budget(loaded)
    while waiting:
        count = max(1, min(len(waiting), budget // waiting[0].length))
        try:
            scored = _score_batch(model, loaded, waiting[:count], entropies)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if count == 1:
                raise JobError(
                    "out_of_memory",
                    f"not enough memory to score one text of {waiting[0].length} tokens",
                    "use a smaller model or free the device",
                ) from error
            budget = waiting[0].length * (count // 2)
        else:
            waiting = waiting[count:]
            yield scored
            continue
        release_memory(loaded.device)


def token_budget(loaded: LoadedModel) -> int:
    """Tokens of one batch, padding included, such that their logits fit into memory."""
    vocabulary = int(loaded.model.config.get_text_config().vocab_size)
    limit = LOGIT_BYTES_CUDA if loaded.device.type == "cuda" else LOGIT_BYTES_CPU
    usable = min(limit, free_memory(loaded.device) // 2)
    return max(1, usable // (vocabulary * 4 * LOGIT_COPIES))


def _score_batch(
    model: Any, loaded: LoadedModel, spans: Sequence[Span], entropies: bool
) -> list[SpanScore]:
    width = max(span.length for span in spans)
    ids = torch.full((len(spans), width), loaded.chat.end_id, dtype=torch.long)
    mask = torch.zeros((len(spans), width), dtype=torch.long)
    for row, span in enumerate(spans):
        ids[row, : span.length] = torch.tensor([*span.prompt, *span.answer])
        mask[row, : span.length] = 1
    with torch.inference_mode():
        logits = model(
            input_ids=ids.to(loaded.device),
            attention_mask=mask.to(loaded.device),
            use_cache=False,
        ).logits
        return [_score_row(logits[row], span, entropies) for row, span in enumerate(spans)]


def _score_row(logits: Any, span: Span, entropies: bool) -> SpanScore:
    # The logits at one position speak about the next token.
    first = len(span.prompt) - 1
    log_p = torch.log_softmax(logits[first : first + len(span.answer)].float(), dim=-1)
    targets = torch.tensor(span.answer, device=log_p.device)
    chosen = log_p.gather(-1, targets.unsqueeze(-1)).double()
    openness = None
    if entropies:
        # A token that is impossible adds nothing; 0 times minus infinity would be NaN.
        terms = torch.where(log_p.isinf(), 0.0, log_p.exp() * log_p)
        openness = tuple((-terms.sum(dim=-1)).clamp(min=0).tolist())
    return SpanScore(span.key, float(chosen.sum()), len(span.answer), openness)
