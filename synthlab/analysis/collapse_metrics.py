"""How each metric of the collapse axis is computed on any subset of prompts, for paired inference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

from synthlab.analysis.axis_metrics import (
    AxisMetrics,
    CorpusMetric,
    ItemMetric,
    ItemScore,
    Row,
    SubsetValues,
    marks,
)
from synthlab.analysis.embedding_metrics import EMBEDDING_METRICS
from synthlab.analysis.measured import AlignedAnswers, MeasuredCell
from synthlab.lineage.items import nats_per_token
from synthlab.metrics.distinct_subsets import DistinctSubsets
from synthlab.metrics.self_bleu_subsets import SelfBleuSubsets
from synthlab.metrics.tokenize import TokenizedCorpus, join


def self_bleu_metric(order: int) -> CorpusMetric:
    """Self-BLEU of the given highest order, each answer against the others of its subset."""

    def prepare(answers: Sequence[AlignedAnswers]) -> SubsetValues:
        corpus = _joined(answers)
        table = SelfBleuSubsets(corpus, order)
        return lambda subsets: table.means(marks(subsets, len(corpus)))

    return CorpusMetric(f"self-bleu-{order}", prepare)


def distinct_metric(order: int, budget: int) -> CorpusMetric:
    """distinct-n on a fixed number of tokens."""

    def prepare(answers: Sequence[AlignedAnswers]) -> SubsetValues:
        return DistinctSubsets(_joined(answers), order, budget).values

    return CorpusMetric(f"distinct-{order}", prepare, budget)


def _joined(answers: Sequence[AlignedAnswers]) -> TokenizedCorpus:
    return reduce(join, (one.tokens for one in answers))


def fillable_budget(cells: Sequence[MeasuredCell]) -> int:
    """A number of tokens that any half of every condition's texts can be expected to fill.

    A third of the shortest condition, rounded down to tens: half-samples that could not fill the
    budget would leave the metric without an interval.
    """
    fewest = min(cell.tokens.ids.size for cell in cells)
    return max(10, fewest // 30 * 10)


def collapse_metrics(cells: Sequence[MeasuredCell]) -> AxisMetrics:
    """What these cells have measured, with a token budget that all of them can fill."""
    measured = {name for cell in cells for name in cell.keys}
    corpus = (self_bleu_metric(4), distinct_metric(2, fillable_budget(cells)))
    # Vectors are compared only where every cell has them: nothing else could be put in their place.
    embedded = EMBEDDING_METRICS if all(c.embeddings_file.is_file() for c in cells) else ()
    return AxisMetrics(
        tuple(metric for metric in ITEM_METRICS if metric.id in measured),
        tuple(metric for metric in (*corpus, *embedded) if metric.id in measured),
    )


def answer_rows(row: Row) -> ItemScore:
    """The condition's own answer, scored 1 if it can be read at all: which texts a corpus has."""
    return _own(row, 1.0)


def _own(row: Row, score: float | None) -> ItemScore:
    reason = str(row["reason"]) or ("" if score is not None else "not scored")
    return ItemScore(_item(row), str(row["prompt_id"]), None if reason else score, reason)


def _item(row: Row) -> str:
    return f"{row['prompt_id']}|{row['sample']}"


def _of_prompt(metric: str) -> ItemMetric:
    """A value of all answers to a prompt, which stands with the first of them that can be read."""

    def read(row: Row) -> ItemScore | None:
        value = row["metrics"].get(metric)
        if value is None or not math.isfinite(value):
            return None
        prompt = str(row["prompt_id"])
        return ItemScore(prompt, prompt, float(value), "")

    return ItemMetric(metric, metric, "mean", read)


def _ppl1(row: Row) -> ItemScore:
    return _own(row, nats_per_token(row["ppl1"]))


def _ppl2(row: Row) -> ItemScore:
    # Scores the human answer: whether the condition's own answer can be read does not matter.
    human = row["human"] or {"reason": "no human answer", "ppl2": None}
    score = None if human["reason"] else nats_per_token(human["ppl2"])
    reason = "" if score is not None else str(human["reason"]) or "not scored"
    return ItemScore(_item(row), str(row["prompt_id"]), score, reason)


def _stored(metric: str) -> ItemMetric:
    def read(row: Row) -> ItemScore:
        value = row["metrics"].get(metric)
        known = value is not None and math.isfinite(value)
        return _own(row, float(value) if known else None)

    return ItemMetric(metric, metric, "mean", read)


ITEM_METRICS = (
    ItemMetric("ppl1-log", "ppl1-log", "mean", _ppl1),
    ItemMetric("ppl2-log", "ppl2-log", "mean", _ppl2),
    _stored("mattr-50"),
    _stored("mtld"),
    _stored("self-repetition-4"),
    _stored("length-words-mean"),
    _of_prompt("distinct-k"),
    _of_prompt("utility-k"),
    _of_prompt("cosine-distance-within"),
)
