"""One judge's stored items as the arrays that the estimators read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from synthlab.metrics.article_values import Booleans, Floats, Integers
from synthlab.metrics.preference import Comparisons, label_mass

Record: TypeAlias = Mapping[str, Any]
HUMAN_PREFIX = "human:"
"""How the generator of a text that people wrote begins."""


def author_of(generator: str) -> str:
    """Who wrote a generator's texts: model, revision and adapter, in whatever voice.

    A persona or another temperature is another source, but the same weights judge it.
    """
    return _cut(generator, "~")


def base_of(generator: str) -> str:
    """The model that a generator starts from, without adapter and voice."""
    return _cut(author_of(generator), "+")


def _cut(generator: str, mark: str) -> str:
    # Only behind the revision: a model's name may hold any character.
    name, at, rest = generator.rpartition("@")
    return name + at + rest.partition(mark)[0]


@dataclass(frozen=True, eq=False)
class Ratings:
    """The texts that a judge rated on their own."""

    values: Floats
    """(texts,) expected grade; NaN where not scored."""
    mass: Floats
    """(texts,) probability on the grades."""
    articles: Integers
    candidates: Integers


@dataclass(frozen=True, eq=False)
class JudgeItems:
    """Everything that one judge said, pairs in the order of their ids."""

    judge: str
    """The judge as an author: model, revision and adapter."""
    base: str
    """The same without the adapter."""
    prompts: tuple[str, ...]
    """Prompt id of each article number."""
    generators: Mapping[int, str]
    """Who gave each candidate's texts."""
    sources: frozenset[int]
    """Candidates that are sources of the experiment; the others are answers of conditions."""
    pair_ids: tuple[str, ...]
    """The same before every judge of the same texts."""
    pairs: Comparisons
    label_mass: Floats
    """(pairs,) probability on the labels, also of pairs that were left out for having little."""
    anchors: Comparisons
    identical_log_p: Floats
    """(pairs, 2) of the labels of the first and the second place."""
    identical_articles: Integers
    ratings: Ratings

    @property
    def own(self) -> frozenset[int]:
        """Candidates whose texts the judge itself wrote."""
        return self._by(self.judge)

    @property
    def of_base(self) -> frozenset[int]:
        """Candidates that are the untouched base model's texts."""
        return self._by(self.base)

    @property
    def human(self) -> frozenset[int]:
        """Source candidates that people wrote."""
        written = {n for n, by in self.generators.items() if by.startswith(HUMAN_PREFIX)}
        return frozenset(written) & self.sources

    @property
    def models(self) -> frozenset[int]:
        """Source candidates that models wrote."""
        return self.sources - self.human

    def _by(self, author: str) -> frozenset[int]:
        return frozenset(n for n, by in self.generators.items() if author_of(by) == author)

    def is_own(self, candidates: Integers) -> Booleans:
        """Which of these candidates are the judge itself."""
        return np.isin(candidates, np.asarray(sorted(self.own), np.int64))


def judge_items(
    judge: str,
    base: str,
    items: Sequence[Record],
    ratings: Sequence[Record],
    sources: Sequence[int],
) -> JudgeItems:
    """Arrays of the records of one bias step (`items.jsonl`, `ratings.jsonl`)."""
    prompts = sorted({row["prompt_id"] for row in (*items, *ratings)})
    place = {prompt: number for number, prompt in enumerate(prompts)}
    by_kind: dict[str, list[Record]] = {"pair": [], "anchor": [], "identical": []}
    generators: dict[int, str] = {}
    for row in sorted(items, key=lambda row: str(row["id"])):
        by_kind[row["kind"]].append(row)
        for side in (row["x"], row["y"]):
            generators[int(side["candidate"])] = str(side["generator"])
    generators |= {int(row["candidate"]): str(row["generator"]) for row in ratings}
    identical = by_kind["identical"]
    return JudgeItems(
        judge,
        base,
        tuple(prompts),
        generators,
        frozenset(sources),
        tuple(str(row["id"]) for row in by_kind["pair"]),
        _comparisons(by_kind["pair"], place),
        _mass(by_kind["pair"]),
        _comparisons(by_kind["anchor"], place),
        np.asarray([_log_p(row, 1)[0] for row in identical], np.float64).reshape(-1, 2),
        np.asarray([place[row["prompt_id"]] for row in identical], np.int64),
        _ratings(ratings, place),
    )


def _comparisons(rows: Sequence[Record], place: Mapping[str, int]) -> Comparisons:
    return Comparisons(
        np.asarray([_log_p(row, 2) for row in rows], np.float64).reshape(-1, 2, 2),
        np.asarray([place[row["prompt_id"]] for row in rows], np.int64),
        np.asarray([row["x"]["candidate"] for row in rows], np.int64),
        np.asarray([row["y"]["candidate"] for row in rows], np.int64),
        np.asarray([row["x"]["characters"] for row in rows], np.float64),
        np.asarray([row["y"]["characters"] for row in rows], np.float64),
    )


def _mass(rows: Sequence[Record]) -> Floats:
    asked = [row["log_p"] or [[np.nan, np.nan]] * 2 for row in rows]
    return label_mass(np.asarray(asked, np.float64).reshape(-1, 2, 2))


def _log_p(row: Record, orders: int) -> list[list[float]]:
    """Log-probabilities by order and place; NaN for an item that was not scored."""
    unscored = [[np.nan, np.nan]] * orders
    return unscored if row["reason"] else list(row["log_p"])


def _ratings(rows: Sequence[Record], place: Mapping[str, int]) -> Ratings:
    def column(name: str) -> Floats:
        return np.asarray([np.nan if row[name] is None else row[name] for row in rows], np.float64)

    return Ratings(
        column("rating"),
        column("mass"),
        np.asarray([place[row["prompt_id"]] for row in rows], np.int64),
        np.asarray([row["candidate"] for row in rows], np.int64),
    )
