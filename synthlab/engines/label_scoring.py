"""Probabilities of a few answer labels right after a prompt: what a judge says, without sampling.

They come from the raw logits, before temperature and top-p, so that a label which would hardly ever
be drawn still has its probability.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from synthlab.engines.batching import CPU_BATCH, CUDA_BATCH, batch_size_for, batches, by_length
from synthlab.engines.loading import LoadedModel, free_memory, is_out_of_memory, release_memory
from synthlab.engines.prefix_tree import PrefixTree, StemmedPrompt, grow
from synthlab.errors import JobError

SAME_HEAD = 0.05
"""Relative distance up to which the float32 product counts as the model's own, rounded, logit."""


class LabelScore(NamedTuple):
    """What the model says after one prompt."""

    key: str
    log_p: tuple[float, ...]
    """Natural log-probability of each label, over the whole vocabulary, its spellings summed."""


def label_tokens(tokenizer: Any, labels: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """The single tokens that spell each label, with and without a blank before it.

    Raises JobError if a label has no token of its own in this tokenizer.
    """
    found = []
    for label in labels:
        spelled = [
            tokenizer(text, add_special_tokens=False)["input_ids"] for text in (label, f" {label}")
        ]
        ids = tuple(dict.fromkeys(int(one[0]) for one in spelled if len(one) == 1))
        if not ids:
            raise JobError(
                "no_label_token",
                f"the judge's tokenizer has no single token for the label {label!r}",
                "use a rubric with other labels",
            )
        found.append(ids)
    every = [one for ids in found for one in ids]
    if len(set(every)) != len(every):
        raise JobError("label_clash", f"two of the labels {', '.join(labels)} share a token")
    return tuple(found)


class Reply(NamedTuple):
    """How a reply begins, and the tokens by which it may go on."""

    opening: tuple[int, ...]
    labels: tuple[tuple[int, ...], ...]


def reply_tokens(tokenizer: Any, opening: str, labels: Sequence[str]) -> Reply:
    """The tokens of a reply's opening, and of each label right behind it.

    They are read off the opening together with each label, since some tokenizers join the blank to
    the label and others do not; where that differs between the labels, the blank stands alone. An
    empty opening lets the label begin the reply. Raises JobError if one token does not tell the
    labels apart.
    """
    if not opening:
        return Reply((), label_tokens(tokenizer, labels))

    def ids_of(text: str) -> tuple[int, ...]:
        return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

    spelled = [ids_of(f"{opening} {label}") for label in labels]
    shared = spelled[0][:-1]
    if any(ids[:-1] != shared for ids in spelled):
        shared = ids_of(f"{opening} ")
        spelled = [(*shared, *ids_of(label)) for label in labels]
    last = tuple(ids[-1:] for ids in spelled)
    if any(ids[:-1] != shared for ids in spelled) or len(set(last)) != len(last):
        raise JobError(
            "no_label_token",
            f"the judge's tokenizer has no single token for each of {', '.join(labels)}",
            "use a rubric with other labels",
        )
    return Reply(shared, last)


class LabelScorer:
    """Scores prompts that begin alike, reading every shared beginning once.

    Right padding: with causal attention nothing sees what stands behind it, so neither the padding
    nor the neighbours in a batch change a score beyond rounding. A lack of memory halves the batch.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        model: Any,
        labels: Sequence[Sequence[int]],
        *,
        batch_size: int | None = None,
        share_prefixes: bool = True,
    ) -> None:
        """model: the loaded one or the same with an adapter on it; batch_size: rows, else by memory."""
        self._loaded = loaded
        self._model = model
        self._labels = [torch.tensor(ids, device=loaded.device) for ids in labels]
        self._fixed_batch = batch_size
        forward = inspect.signature(loaded.model.forward).parameters
        self._takes_positions = "position_ids" in forward
        self._picks_logits = "logits_to_keep" in forward
        self._shares = share_prefixes and self._takes_positions and has_plain_cache(loaded.model)

    def score(self, prompts: Sequence[StemmedPrompt]) -> Iterator[list[LabelScore]]:
        """Score every prompt once, group after group of a first stem, in the given order of groups.

        Raises JobError if a single prompt does not fit into memory; a prompt longer than the model's
        context is the caller's to leave out.
        """
        if not prompts:
            return
        limit = self._fixed_batch or self._rows_by_memory(prompts)
        waiting = _by_first_stem(prompts)
        while waiting:
            group, taken = list(waiting[0]), 1
            while taken < len(waiting) and len(group) + len(waiting[taken]) <= limit:
                group += waiting[taken]
                taken += 1
            try:
                scored = self._score_group(group, limit)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if limit <= 1:
                    raise JobError(
                        "out_of_memory",
                        "not enough memory to judge even one pair at a time",
                        "judge shorter texts, hide the article, or use a smaller model",
                    ) from error
                limit //= 2
            else:
                del waiting[:taken]
                yield scored
                continue
            release_memory(self._loaded.device)

    def _rows_by_memory(self, prompts: Sequence[StemmedPrompt]) -> int:
        device = self._loaded.device
        longest = max(len(prompt.ids) for prompt in prompts)
        limit = CUDA_BATCH if device.type == "cuda" else CPU_BATCH
        per_token = self._loaded.cache_bytes_per_token
        return batch_size_for(free_memory(device), per_token, longest, limit)

    def _score_group(self, prompts: Sequence[StemmedPrompt], limit: int) -> list[LabelScore]:
        tree = grow(prompts)
        with torch.inference_mode():
            shared = self._read_beginnings(tree) if self._shares else None
            rests = [
                prompt.ids[tree.ends[leaf] if shared else 0 :]
                for prompt, leaf in zip(prompts, tree.leaf_of, strict=True)
            ]
            found: dict[int, tuple[float, ...]] = {}
            for rows in batches(by_length([len(rest) for rest in rests]), limit):
                start = shared.chosen([tree.leaf_of[row] for row in rows]) if shared else None
                log_p = self._score_batch([rests[row] for row in rows], start)
                found.update(zip(rows, log_p, strict=True))
        return [LabelScore(prompt.key, found[row]) for row, prompt in enumerate(prompts)]

    def _read_beginnings(self, tree: PrefixTree) -> _Beginnings | None:
        state = None
        for level in tree.levels:
            if state is not None:
                state = state.chosen([node.parent for node in level])
            added = [node.added for node in level]
            if state is None and not all(added):
                return None  # a row without a token has no keys to attend to
            if any(added):
                state = self._read(added, state)
        return state

    def _read(self, added: Sequence[tuple[int, ...]], state: _Beginnings | None) -> _Beginnings:
        batch = _Padded.right(added, self._loaded, state)
        # Only keys and values are wanted: the logits of one position are as few as can be asked for.
        output = self._forward(batch, state, keep=torch.zeros(1, dtype=torch.long))
        return _Beginnings(output.past_key_values, batch.mask, batch.lengths)

    def _score_batch(
        self, rests: Sequence[tuple[int, ...]], state: _Beginnings | None
    ) -> list[tuple[float, ...]]:
        batch = _Padded.right(rests, self._loaded, state)
        last = torch.tensor([len(rest) - 1 for rest in rests])
        kept, place = torch.unique(last, return_inverse=True)
        with _HeadInput(self._model) as head:
            logits = self._forward(batch, state, keep=kept).logits
        rows = torch.arange(len(rests))
        columns = place if self._picks_logits else last
        chosen = logits[rows.to(logits.device), columns.to(logits.device)].float()
        total = chosen.logsumexp(dim=-1)
        precise = head.label_logits(rows, columns, self._labels)
        rounded = [chosen[:, ids] for ids in self._labels]
        if precise is None or not _are_alike(precise, rounded):
            precise = rounded
        scores = torch.stack([one.logsumexp(dim=-1) - total for one in precise], dim=1)
        # Label logits are finer than the total's: their difference may pass 0 by a rounding.
        return [tuple(row) for row in scores.double().clamp(max=0.0).tolist()]

    def _forward(self, batch: _Padded, state: _Beginnings | None, keep: Any) -> Any:
        options: dict[str, Any] = {"use_cache": self._shares}
        if self._takes_positions:
            options["position_ids"] = batch.positions
        if self._picks_logits:
            options["logits_to_keep"] = keep.to(batch.ids.device)
        if state is not None:
            options["past_key_values"] = state.cache
        return self._model(input_ids=batch.ids, attention_mask=batch.mask, **options)


def has_plain_cache(model: Any) -> bool:
    """Whether keys and values of every token stay readable, so that a beginning can be shared.

    Layers with a sliding window or a recurrent state keep something else.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer

    try:
        cache = DynamicCache(config=model.config)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return bool(cache.layers) and all(type(layer) is DynamicLayer for layer in cache.layers)


class _Beginnings:
    """Keys and values of shared beginnings, one row each, padding among them masked."""

    def __init__(self, cache: Any, mask: Any, lengths: Any) -> None:
        self.cache = cache
        self.mask = mask
        self.lengths = lengths

    def chosen(self, rows: Sequence[int]) -> _Beginnings:
        """A copy with these rows, repeated where asked for; the original stays usable."""
        from transformers.cache_utils import DynamicCache

        index = torch.tensor(rows, device=self.mask.device)
        layers = [(layer.keys[index], layer.values[index]) for layer in self.cache.layers]
        return _Beginnings(DynamicCache(layers), self.mask[index], self.lengths[index])


class _Padded(NamedTuple):
    """A batch of tokens that continue beginnings."""

    ids: Any
    mask: Any
    """Over the beginning and the new tokens."""
    positions: Any
    lengths: Any
    """Real tokens so far, the new ones included."""

    @classmethod
    def right(
        cls, rows: Sequence[tuple[int, ...]], loaded: LoadedModel, state: _Beginnings | None
    ) -> _Padded:
        width = max(len(row) for row in rows)
        ids = torch.full((len(rows), width), loaded.chat.end_id, dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[number, : len(row)] = 1
        ids, mask = ids.to(loaded.device), mask.to(loaded.device)
        steps = torch.arange(width, device=loaded.device)[None]
        if state is None:
            return cls(ids, mask, steps.expand(len(rows), -1), mask.sum(dim=1))
        return cls(
            ids,
            torch.cat([state.mask, mask], dim=1),
            state.lengths[:, None] + steps,
            state.lengths + mask.sum(dim=1),
        )


class _HeadInput:
    """Catches what goes into the output layer, to compute the labels' logits in float32.

    In bfloat16 a logit of 16 comes in steps of 1/8, and so would the odds of the labels.
    """

    def __init__(self, model: Any) -> None:
        self._head = model.get_output_embeddings()
        self._hidden: Any = None
        self._hook: Any = None

    def __enter__(self) -> _HeadInput:
        if self._head is not None and hasattr(self._head, "weight"):
            self._hook = self._head.register_forward_pre_hook(self._catch)
        return self

    def __exit__(self, *_: object) -> None:
        if self._hook is not None:
            self._hook.remove()

    def _catch(self, _: Any, given: tuple[Any, ...]) -> None:
        self._hidden = given[0]

    def label_logits(self, rows: Any, columns: Any, labels: Sequence[Any]) -> list[Any] | None:
        """Logits of each label's tokens in float32, or None if the output layer is no plain one."""
        if self._hidden is None:
            return None
        device = self._hidden.device
        hidden = self._hidden[rows.to(device), columns.to(device)].float()
        bias = getattr(self._head, "bias", None)
        found = []
        for ids in labels:
            logits = hidden @ self._head.weight[ids].float().T
            found.append(logits if bias is None else logits + bias[ids].float())
        return found


def _are_alike(precise: Sequence[Any], rounded: Sequence[Any]) -> bool:
    """Whether the output layer's product is all that the model makes of it: no cap, no scale."""
    return all(
        bool(((a - b).abs() <= SAME_HEAD * (1.0 + b.abs())).all())
        for a, b in zip(precise, rounded, strict=True)
    )


def _by_first_stem(prompts: Sequence[StemmedPrompt]) -> list[list[StemmedPrompt]]:
    groups: dict[str, list[StemmedPrompt]] = {}
    for prompt in prompts:
        groups.setdefault(prompt.stems[0] if prompt.stems else prompt.key, []).append(prompt)
    return list(groups.values())
