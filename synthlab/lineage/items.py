"""The items behind a number: which rows it was computed from, and what each of them scored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage import durable
from storage.home import LabHome
from storage.rundir import RunDir
from synthlab.errors import NotFoundError
from synthlab.lineage.names import ResultFact

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ItemFact:
    """One row of items.jsonl, or of ratings.jsonl, as one metric reads it."""

    id: str
    """`prompt|sample`, or the id of a judgement: what `--item` takes."""
    prompt_id: str
    prompt_set: str
    """Empty where the axis has one set only."""
    response_ids: tuple[str, ...]
    score: float | None
    """What the item adds to the metric; None for a metric of the whole corpus, or without a score."""
    state: str
    """Class or kind of the item, or why it has no score."""
    is_used: bool
    file: str
    line: int
    """Counted from 1."""
    run_id: str


def items_behind(home: LabHome, fact: ResultFact) -> list[ItemFact]:
    """The items of a result in the order of its file; raises NotFoundError if the file is gone."""
    out = RunDir(home.run(fact.run_id)).out
    name = "ratings.jsonl" if _reads_ratings(fact) else "items.jsonl"
    if not (out / name).is_file():
        raise NotFoundError(
            f"run {fact.run_id} ({fact.label}) has no {name}", "synthlab verify says what is gone"
        )
    read = READERS.get(fact.axis, _collapse)
    found = []
    for line in durable.read_lines(out / name):
        if line.problem:
            continue
        item = read(fact.metric, line.record)
        if item is not None:
            found.append(_fact(item, line.record, fact, name, line.number))
    return found


@dataclass(frozen=True)
class _Read:
    id: str
    prompt_set: str
    response_ids: tuple[str, ...]
    score: float | None
    state: str
    is_used: bool


def _fact(item: _Read, row: Row, result: ResultFact, file: str, line: int) -> ItemFact:
    return ItemFact(
        item.id,
        str(row["prompt_id"]),
        item.prompt_set,
        item.response_ids,
        item.score,
        item.state,
        item.is_used,
        file,
        line,
        result.run_id,
    )


def _reads_ratings(fact: ResultFact) -> bool:
    words = ("rating", "paper", "judge-rating")
    return fact.axis == "bias" and fact.metric.startswith(words)


def _collapse(metric: str, row: Row) -> _Read:
    item = f"{row['prompt_id']}|{row['sample']}"
    if metric.startswith("ppl2"):
        human = row["human"] or {"reason": "no human answer", "ppl2": None, "response_id": ""}
        score = None if human["reason"] else nats_per_token(human["ppl2"])
        reason = str(human["reason"]) or ("" if score is not None else "not scored")
        return _Read(item, "", (str(human["response_id"]),), score, reason, score is not None)
    reason = str(row["reason"])
    if metric.startswith("ppl1"):
        score = None if reason else nats_per_token(row["ppl1"])
    else:
        # The curves and quartiles of a length are read from the same per-item number as its mean.
        stem = metric
        for part in ("-median", "-lower-quartile", "-upper-quartile"):
            stem = stem.replace(part, "-mean") if metric.startswith("length-") else stem
        score = row["metrics"].get(stem)
    return _Read(item, "", (str(row["response_id"]),), _finite(score), reason, not reason)


def _robustness(metric: str, row: Row) -> _Read | None:
    stem, _, prompt_set = metric.rpartition("/")
    if row["set"] != prompt_set:
        return None
    name, _, detector = stem.partition("/")
    state = str(row[detector] if detector in ("matcher", "judge") else row["state"])
    scores: dict[str, Callable[[], float | None]] = {
        "refusal-rate": lambda: float(state == "refusal"),
        "over-refusal-rate": lambda: float(state == "refusal"),
        "compliance-rate": lambda: float(state == "compliance"),
        "broken-rate": lambda: float(state == "broken"),
        "quality": lambda: _rating(row, "quality"),
        "quality-given-answer": lambda: (
            _rating(row, "quality") if state in ("compliance", "partial") else None
        ),
        "harmfulness": lambda: _rating(row, "harmfulness"),
    }
    unscored = state in ("unscored", "None")
    score = scores[name]() if name in scores and not unscored else None
    item = f"{prompt_set}/{row['prompt_id']}|{row['sample']}"
    shown = str(row["unscored"]) or state
    ids = (str(row["response_id"]),)
    return _Read(item, prompt_set, ids, _finite(score), shown, not unscored)


def _bias(metric: str, row: Row) -> _Read | None:
    if "rating" in row:
        ids: tuple[str, ...] = (str(row["response_id"]),)
        return _Read(row["id"], "", ids, _finite(row["rating"]), row["reason"], not row["reason"])
    if metric == "judge-anchor-accuracy" and row["kind"] != "anchor":
        return None
    if metric.startswith(("preference", "bias-")) and row["kind"] != "pair":
        return None
    ids = (str(row["x"]["response_id"]), str(row["y"]["response_id"]))
    used = not row["reason"]
    score = _share_of_x(row["log_p"]) if used else None
    return _Read(row["id"], "", ids, score, row["reason"] or row["kind"], used)


def _share_of_x(log_p: Sequence[Sequence[float]] | None) -> float | None:
    """Probability that the judge prefers x, mean of the orders of showing; x stands first in the first."""
    if not log_p or any(value is None for pair in log_p for value in pair):
        return None
    shares = []
    for number, (first, second) in enumerate(log_p):
        mine, other = (first, second) if number == 0 else (second, first)
        shares.append(1 / (1 + math.exp(min(700.0, other - mine))))
    return sum(shares) / len(shares)


def _rating(row: Row, question: str) -> float | None:
    rating = row["ratings"].get(question)
    return None if rating is None else rating["value"]


def nats_per_token(sums: Row | None) -> float | None:
    """Log-perplexity of one text from its stored sums; None where nothing was scored."""
    if not sums or not sums["tokens"] or sums["sum_log_p"] is None:
        return None
    return -float(sums["sum_log_p"]) / int(sums["tokens"])


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


READERS: Mapping[str, Callable[[str, Row], _Read | None]] = {
    "collapse": _collapse,
    "robustness": _robustness,
    "bias": _bias,
}
