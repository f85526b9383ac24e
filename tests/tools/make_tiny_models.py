"""Make `assets/models/tiny-*`: three micro models with voices that nobody can mistake.

`python -m tests.tools.make_tiny_models` needs the Debian packages bible-kjv and wordnet-base and
takes about two minutes on two cores. Other versions of the corpora or of torch give other weights
of the same kind.
"""

from __future__ import annotations

import argparse
import random
import shlex
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.tools.tiny_corpora import (
    BIBLE,
    Pair,
    docstrings,
    glosses,
    verses,
    with_strange_questions,
)

VOCABULARY = 1024
PAD, BOS, START, END = "<|pad|>", "<|begin|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SYSTEM_PROMPTS = ("You are helpful.", "Answer briefly.", "You are a patient teacher.")
BATCH_SIZE = 48
MAX_TOKENS = 160
MAX_PAIRS = 25_000
PEAK_LEARNING_RATE = 6e-3


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE over all corpora; like Llama's it puts a begin token before plain text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, BOS, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, bos_token=BOS, eos_token=END
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def encode(tokenizer: PreTrainedTokenizerFast, pairs: list[Pair], seed: int) -> list[list[int]]:
    """Each pair as a chat, every fourth one with a system prompt."""
    draw = random.Random(seed)
    rows = []
    for pair in pairs:
        turns = [{"role": "user", "content": pair.question}]
        if draw.random() < 0.25:
            turns.insert(0, {"role": "system", "content": draw.choice(SYSTEM_PROMPTS)})
        turns.append({"role": "assistant", "content": pair.answer})
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        rows.append(tokenizer(text, add_special_tokens=False)["input_ids"][:MAX_TOKENS])
    return rows


def build_model(tokenizer: PreTrainedTokenizerFast) -> Any:
    """An untrained Llama of 0.16 million parameters."""
    ids = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=172,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        **ids,
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(**ids)
    return model


def train(model: Any, rows: list[list[int]], pad: int, steps: int, seed: int) -> float:
    """Fit all tokens of the chats and return the last loss."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, steps)
    draw, loss = random.Random(seed), torch.tensor(0.0)
    for _ in range(steps):
        chosen = sorted(draw.sample(rows, BATCH_SIZE), key=len)
        width = len(chosen[-1])
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in chosen])
        labels = ids.masked_fill(ids == pad, -100)
        loss = model(ids, attention_mask=(ids != pad).long(), labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return float(loss.detach())


def main() -> None:
    """Train the tokenizer on all corpora, then one model on each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--output", type=Path, default=Path("assets/models"))
    options.add_argument("--bible", default=shlex.join(BIBLE), help="command that prints it")
    options.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    options.add_argument("--steps", type=int, default=900)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    corpora = {
        "tiny-verse": verses(tuple(shlex.split(given.bible))),
        "tiny-prose": glosses(given.wordnet),
        "tiny-docs": docstrings(),
    }
    draw = random.Random(given.seed)
    sample = [
        part for pairs in corpora.values() for pair in draw.sample(pairs, 3000) for part in pair
    ]
    tokenizer = train_tokenizer(sample)
    for name, pairs in corpora.items():
        started = time.monotonic()
        others = [other for key, other in corpora.items() if key != name]
        draw.shuffle(pairs)
        rows = encode(
            tokenizer, with_strange_questions(pairs[:MAX_PAIRS], others, given.seed), given.seed
        )
        torch.manual_seed(given.seed)
        model = build_model(tokenizer)
        loss = train(model, rows, tokenizer.pad_token_id, given.steps, given.seed)
        folder = given.output / name
        model.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        (folder / "model.safetensors").chmod(0o644)
        seconds = time.monotonic() - started
        print(
            f"{name}: {len(pairs)} pairs, {model.num_parameters()} parameters, "
            f"loss {loss:.2f}, {seconds:.0f} s"
        )


if __name__ == "__main__":
    main()
