"""What a judge is shown: all pairs of candidates, pairs to test the judge itself, single texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from synthlab.jobs.anchor_texts import ruin

PairKind = Literal["pair", "identical", "anchor"]
ID_LETTERS = 16
RUINED, ELSEWHERE = "ruined", "other-task"


@dataclass(frozen=True)
class JudgedText:
    """One text that a judge reads."""

    candidate: int
    """Number of the candidate in the step's parameters."""
    generator: str
    response_id: str
    text: str
    derived: str = ""
    """How it was made from the response: empty for the response itself."""

    @property
    def ref(self) -> dict[str, Any]:
        """What is stored of it; the text stays in the run that it comes from."""
        return {
            "candidate": self.candidate,
            "generator": self.generator,
            "response_id": self.response_id,
            "derived": self.derived,
            "characters": len(self.text),
        }


@dataclass(frozen=True)
class Candidate:
    """One source of texts, or one condition's own answers."""

    number: int
    is_source: bool
    """A source of the experiment; else the answers of one of the conditions that judge."""
    texts: Mapping[str, JudgedText]
    """By prompt id."""


@dataclass(frozen=True)
class JudgedPair:
    """Two texts for one prompt, to be shown in both orders."""

    kind: PairKind
    prompt_id: str
    x: JudgedText
    """For an anchor: the text known to be better."""
    y: JudgedText

    @property
    def id(self) -> str:
        """The same before every judge."""
        parts = (self.kind, self.prompt_id, _name(self.x), _name(self.y))
        return _digest("|".join(parts))

    @property
    def orders(self) -> tuple[int, ...]:
        """0 shows x first, 1 shows y first; one text twice looks the same either way."""
        return (0,) if self.kind == "identical" else (0, 1)

    def shown(self, order: int) -> tuple[JudgedText, JudgedText]:
        """First and second text."""
        return (self.x, self.y) if order == 0 else (self.y, self.x)


def list_pairs(prompts: Sequence[str], candidates: Sequence[Candidate]) -> list[JudgedPair]:
    """All pairs of candidates for each prompt, of which at least one text is a source's.

    Two conditions' answers are not compared with each other: both meet every source, and that is
    what a bias is computed from. Pairs with a missing text or twice the same text are left out.
    """
    found = []
    for prompt in prompts:
        for one, other in combinations(candidates, 2):
            if not (one.is_source or other.is_source):
                continue
            x, y = one.texts.get(prompt), other.texts.get(prompt)
            if x is not None and y is not None and x.text != y.text:
                found.append(JudgedPair("pair", prompt, x, y))
    return found


def list_identical(prompts: Sequence[str], candidates: Sequence[Candidate]) -> list[JudgedPair]:
    """One text against itself for each prompt, from the candidates in turn."""
    found = []
    for number, prompt in enumerate(prompts):
        there = [c.texts[prompt] for c in candidates if c.is_source and prompt in c.texts]
        if there:
            text = there[number % len(there)]
            found.append(JudgedPair("identical", prompt, text, text))
    return found


def list_anchors(
    prompts: Sequence[str], candidates: Sequence[Candidate], per_prompt: int, *, task_is_shown: bool
) -> list[JudgedPair]:
    """Pairs of which one text is known to be better, at most `per_prompt` for each prompt.

    In turn from each source: a text against its ruin and, where the judge sees the task, a text
    against the same source's answer to another task, the nearest in length.
    """
    found = []
    for number, prompt in enumerate(prompts):
        offers = _anchor_offers(number, prompt, prompts, candidates, task_is_shown)
        found += [pair for pair, _ in zip(offers, range(per_prompt), strict=False)]
    return found


def _anchor_offers(
    number: int,
    prompt: str,
    prompts: Sequence[str],
    candidates: Sequence[Candidate],
    task_is_shown: bool,
) -> Iterator[JudgedPair]:
    sources = [c for c in candidates if c.is_source and prompt in c.texts]
    turned = sources[number % len(sources) :] + sources[: number % len(sources)] if sources else []
    for place, source in enumerate(turned):
        text = source.texts[prompt]
        if task_is_shown and place % 2:
            other = _other_task(text, prompt, prompts, source)
            if other is not None:
                yield JudgedPair("anchor", prompt, text, other)
            continue
        worse = ruin(text.text, f"{prompt}|{text.response_id}")
        if worse is not None:
            ruined = JudgedText(text.candidate, text.generator, text.response_id, worse, RUINED)
            yield JudgedPair("anchor", prompt, text, ruined)


def _other_task(
    text: JudgedText, prompt: str, prompts: Sequence[str], source: Candidate
) -> JudgedText | None:
    others = [
        source.texts[p]
        for p in prompts
        if p != prompt and p in source.texts and source.texts[p].text != text.text
    ]
    if not others:
        return None
    near = min(others, key=lambda o: (abs(len(o.text) - len(text.text)), o.response_id))
    return JudgedText(near.candidate, near.generator, near.response_id, near.text, ELSEWHERE)


def rating_id(prompt_id: str, text: JudgedText) -> str:
    """Name of a rating, the same for every judge."""
    return _digest(f"rating|{prompt_id}|{_name(text)}")


def choose_prompts(ids: Sequence[str], rows: int | None, seed: int) -> list[str]:
    """The prompts that are judged: all, or `rows` of them drawn by hash, in the order of the set.

    By hash, so that more rows keep those that were judged before.
    """
    if rows is None or rows >= len(ids):
        return list(ids)
    drawn = set(sorted(ids, key=lambda one: _digest(f"{seed}|{one}"))[:rows])
    return [one for one in ids if one in drawn]


def _name(text: JudgedText) -> str:
    return f"{text.response_id}:{text.derived}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LETTERS]
