"""Texts made worse on purpose: whoever judges answers must prefer the whole text to its ruin."""

from __future__ import annotations

import hashlib
import random
import re

REPLACED_SHARE = 0.4
"""Share of the words that give way to other words of the same text."""
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
FEWEST_WORDS = 4
"""Below this a text cannot be ruined visibly."""


def ruin(text: str, seed: str) -> str | None:
    """The text with its sentences in another order and words exchanged, of nearly the same length.

    Words are exchanged for others of the text and not dropped, so that neither a liking for long nor
    one for short texts tells the two apart. The same seed gives the same ruin. None if the text is
    too short to be told from its ruin.
    """
    words = text.split()
    if len(words) < FEWEST_WORDS or len(set(words)) < FEWEST_WORDS:
        return None
    draw = random.Random(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
    sentences = [sentence.split() for sentence in SENTENCE_END.split(text.strip())]
    draw.shuffle(sentences)
    shuffled = [_scramble(sentence, draw) for sentence in sentences]
    flat = [word for sentence in shuffled for word in sentence]
    for place in draw.sample(range(len(flat)), round(REPLACED_SHARE * len(flat))):
        flat[place] = draw.choice(words)
    ruined = " ".join(flat)
    return None if ruined == " ".join(words) else ruined


def _scramble(sentence: list[str], draw: random.Random) -> list[str]:
    mixed = list(sentence)
    draw.shuffle(mixed)
    return mixed
