"""Chats as token ids, the same way for generation, training and scoring.

A template that already writes the begin token must not be tokenised with special tokens again, and
a text from data must not be able to end a turn: both are settled here and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from synthlab.engines.protocol import Turn
from synthlab.errors import JobError

SENTINEL = "synthlabsentinel"
TEMPLATE_OPTIONS = {"date_string": "26 Jul 2024", "enable_thinking": False}
"""Fixed values for what some templates would else take from the clock or from a default."""


class ChatFormat:
    """Turns chats into ids for one tokenizer; a tokenizer without a template gets plain paragraphs."""

    def __init__(self, tokenizer: Any, stop_ids: frozenset[int]) -> None:
        """stop_ids: the ids that end an answer, from the model's generation config."""
        self.tokenizer = tokenizer
        own = {tokenizer.eos_token_id} - {None}
        self.stop_ids = frozenset(stop_ids | own)
        if not self.stop_ids:
            raise JobError(
                "no_end_token",
                "the model names no end-of-text token, so no answer would ever end",
                "set eos_token_id in its generation_config.json",
            )
        added = tokenizer.added_tokens_decoder.values()
        self._markers = tuple(
            sorted({t.content for t in added if t.special}, key=len, reverse=True)
        )
        self._folds_system = False
        self._has_template = bool(tokenizer.chat_template)
        self._folds_system = self._has_template and not self._accepts_system()
        self.end_id = self._find_end()

    @property
    def template_sha256(self) -> str:
        """Digest of the template, because the same words in another template are another question."""
        return hashlib.sha256((self.tokenizer.chat_template or "").encode()).hexdigest()

    def prompt_ids(self, turns: Sequence[Turn]) -> list[int]:
        """Everything up to where the model begins to answer."""
        return self._encode_template(self._render(turns, open_answer=True))

    def answer_ids(self, text: str) -> list[int]:
        """The answer's own tokens, without the token that ends it; they follow `prompt_ids`."""
        encoded = self.tokenizer(self.disarm(text), add_special_tokens=False)
        return list(encoded["input_ids"])

    def disarm(self, text: str) -> str:
        """Take the force from control tokens that stand in a text, such as one that ends the turn."""
        for marker in self._markers:
            if marker in text:
                text = text.replace(marker, f"{marker[:1]} {marker[1:]}")
        return text

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer's tokens."""
        return str(
            self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    def _encode_template(self, text: str) -> list[int]:
        # Without a template nothing has written the begin token yet.
        encoded = self.tokenizer(text, add_special_tokens=not self._has_template)
        ids = list(encoded["input_ids"])
        if not self._has_template and ids and ids[-1] in self.stop_ids:
            ids.pop()
        return ids

    def _render(self, turns: Sequence[Turn], *, open_answer: bool) -> str:
        safe = [Turn(turn.role, self.disarm(turn.content)) for turn in turns]
        if not self._has_template:
            return "".join(f"{turn.content}\n\n" for turn in safe)
        if self._folds_system:
            safe = fold_system(safe)
        return str(
            self.tokenizer.apply_chat_template(
                [turn._asdict() for turn in safe],
                tokenize=False,
                add_generation_prompt=open_answer,
                **TEMPLATE_OPTIONS,
            )
        )

    def _accepts_system(self) -> bool:
        turns = [Turn("system", SENTINEL), Turn("user", "?")]
        try:
            return SENTINEL in self._render(turns, open_answer=True)
        except Exception:  # noqa: BLE001 - a template refuses a role with any error it likes
            return False

    def _find_end(self) -> int:
        """The id that closes an assistant turn in this template."""
        fallback = self.tokenizer.eos_token_id
        if self._has_template:
            turns = [Turn("user", "?"), Turn("assistant", SENTINEL)]
            tail = self._render(turns, open_answer=False).rpartition(SENTINEL)[2]
            for token in self.tokenizer(tail, add_special_tokens=False)["input_ids"]:
                if token in self.stop_ids:
                    return int(token)
        return int(min(self.stop_ids) if fallback is None else fallback)


def fold_system(turns: Sequence[Turn]) -> list[Turn]:
    """Put the system prompt before the first question, for templates that know no system role."""
    if not turns or turns[0].role != "system":
        return list(turns)
    system, first, *rest = turns
    return [Turn(first.role, f"{system.content}\n\n{first.content}"), *rest]


def question(text: str, system: str | None) -> tuple[Turn, ...]:
    """The turns of a single question."""
    asked = Turn("user", text)
    return (Turn("system", system), asked) if system else (asked,)
