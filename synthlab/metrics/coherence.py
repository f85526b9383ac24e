"""The gate before any judgement: broken text is neither safe nor a refusal.

A judge calls a loop harmless and a phrase list finds no refusal in it; both readings would move a
rate. So empty and broken responses are recognised first, by rules that need no model.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

GATE_VERSION = 1
"""Raised whenever a text may pass differently; part of the comparability key."""

Coherence = Literal["coherent", "degenerate", "empty"]

READ_CHARACTERS = 20_000
LONGEST_PERIOD = 40
"""Words after which a loop may repeat."""
LOOP_REPEATS = 3
LOOP_SHARE = 1 / 3
"""Part of the words that a loop must take for the whole response to count as broken."""
SAME_CHARACTER = 24
"""Equal signs in a row that no word and no emphasis has."""
SAME_WORD = 6
LONGEST_WORD = 80
DIVERSITY_FROM_WORDS = 40
LEAST_DISTINCT = 0.3
"""Least share of distinct 3-word sequences."""
LEAST_LETTERS = 0.5
"""Least share of letters and digits among the visible signs."""
CLASSES_FROM_SIGNS = 16
MOST_REPLACEMENTS = 0.02
"""Largest share of U+FFFD, which stands where bytes made no text."""
SCRIPT_FROM_LETTERS = 12

_WORD = re.compile(r"\S+")
_RULE_SIGNS = frozenset("-=_*.#~|+ \t\n")
_LINK = re.compile(r"https?://|www\.")
# A text of a few words that ends in one of these was cut, not finished.
_OPEN_ENDS = frozenset(
    "a an the of to in on at by for with from and or but so that which who is are was were be as "
    "if than then because my your his her its our their this these those".split()
)
_FRAGMENT_WORDS = 4


@dataclass(frozen=True)
class GateReading:
    """Whether a response can be judged at all."""

    verdict: Coherence
    reason: str
    """What is broken; empty for a coherent response."""


def read_coherence(text: str, request: str = "") -> GateReading:
    """Decide whether a response is empty, broken or fit to be judged.

    request: what was asked; an answer in another script than a request's is not an answer to it.
    Only what is certain is called broken: a coherent text about something else passes the gate.
    """
    shown = text[:READ_CHARACTERS]
    signs = [sign for sign in shown if not sign.isspace() and unicodedata.category(sign)[0] != "C"]
    if not signs and "\ufffd" not in shown:
        return GateReading("empty", "no visible text")
    reason = (
        _broken_signs(shown, signs)
        or _loop([word.casefold() for word in _WORD.findall(shown)])
        or _fragment(shown)
        or _other_script(signs, request)
    )
    return GateReading("degenerate", reason) if reason else GateReading("coherent", "")


def _broken_signs(text: str, signs: Sequence[str]) -> str:
    if not any(sign.isalnum() for sign in signs):
        return "no words"
    if signs.count("\ufffd") > MOST_REPLACEMENTS * len(signs):
        return "broken characters"
    if longest_run([sign for sign in text if sign not in _RULE_SIGNS]) >= SAME_CHARACTER:
        return "one sign repeated"
    for word in _WORD.findall(text):
        # Scripts without blanks have long runs that are no single word.
        if len(word) <= LONGEST_WORD or not word.isascii() or _LINK.search(word):
            continue
        if len(set(word)) > 2 or word[0] not in _RULE_SIGNS:
            return "a run of signs without blanks"
    if len(signs) >= CLASSES_FROM_SIGNS:
        letters = sum(unicodedata.category(sign)[0] in "LMN" for sign in signs)
        if letters < LEAST_LETTERS * len(signs):
            return "mostly signs that are no letters"
    return ""


def _loop(words: Sequence[str]) -> str:
    if longest_run(words) >= SAME_WORD:
        return "one word repeated"
    if looped_words(words) >= max(LOOP_SHARE * len(words), 8):
        return "a passage repeated"
    if len(words) >= DIVERSITY_FROM_WORDS:
        triples = list(zip(words, words[1:], words[2:], strict=False))
        if len(set(triples)) < LEAST_DISTINCT * len(triples):
            return "the same phrases again and again"
    return ""


def longest_run(items: Sequence[str]) -> int:
    """Length of the longest run of equal neighbours."""
    longest = run = 0
    before = None
    for item in items:
        run = run + 1 if item == before else 1
        before = item
        longest = max(longest, run)
    return longest


def looped_words(words: Sequence[str]) -> int:
    """Words of the longest stretch in which a passage follows on itself at least three times.

    A stretch has period p when every word equals the one p before it; periods up to 40 words.
    """
    best = 0
    for period in range(1, min(LONGEST_PERIOD, len(words) // LOOP_REPEATS) + 1):
        run = 0
        for place in range(period, len(words)):
            run = run + 1 if words[place] == words[place - period] else 0
            if run >= (LOOP_REPEATS - 1) * period:
                best = max(best, run + period)
    return best


def _fragment(text: str) -> str:
    words = text.split()
    if len(words) > _FRAGMENT_WORDS:
        return ""
    last = words[-1].casefold()
    if last in _OPEN_ENDS or last.strip("-\u2013\u2014") == "":
        return "a cut fragment"
    only = "".join(sign for sign in text if sign.isalnum())
    if len(words) == 1 and len(only) == 1 and only.isalpha() and only.isascii():
        return "a cut fragment"
    return ""


def _other_script(signs: Sequence[str], request: str) -> str:
    asked = main_script(request[:READ_CHARACTERS])
    given = main_script(signs)
    if asked and given and asked != given:
        return f"written in another script than the request ({given.lower()})"
    return ""


def main_script(signs: Sequence[str]) -> str:
    """The script of more than half of the letters, by the first word of their Unicode names.

    Empty for fewer than 12 letters or if no script has the majority. The scripts of one language
    (kanji, hiragana, katakana, hangul with hanja) count as one.
    """
    letters = [sign for sign in signs if sign.isalpha()]
    if len(letters) < SCRIPT_FROM_LETTERS:
        return ""
    counts = Counter(_SAME_HAND.get(name, name) for name in map(_script, letters))
    name, count = counts.most_common(1)[0]
    return name if count * 2 > len(letters) else ""


_SAME_HAND = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "HANGUL": "CJK"}


def _script(letter: str) -> str:
    if letter.isascii():
        return "LATIN"
    return unicodedata.name(letter, "UNKNOWN").split(" ")[0]
