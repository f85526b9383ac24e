"""Measure distribution collapse of one condition: how narrow its answers are, and what it forgot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from storage import durable
from storage.rundir import RunDir
from synthlab.errors import JobError
from synthlab.jobs import collapse_embeddings
from synthlab.jobs.collapse_items import Item, Texts, read_texts
from synthlab.jobs.collapse_measures import (
    ALL_METRICS,
    MODEL_METRICS,
    Measure,
    measure_scores,
    measure_texts,
)
from synthlab.jobs.collapse_scores import Score, Scores, score_texts
from synthlab.jobs.context import JobContext
from synthlab.metrics import catalog


def run(context: JobContext) -> None:
    """Score with the model what needs one, then compute, report and publish every number."""
    params = context.params
    wanted = [str(name) for name in params["metrics"]]
    check_metrics(wanted)
    texts = read_texts(context)
    by_model = frozenset(wanted) & frozenset(MODEL_METRICS)
    scores = score_texts(context, texts, by_model) if by_model else None
    budget, seed = int(params["token_budget"]), int(params["seed"])
    measures = list(measure_scores(texts, wanted, scores)) if scores else []
    measures += measure_texts(texts, wanted, budget, seed)
    if collapse_embeddings.GROUP in wanted:
        embedded = collapse_embeddings.embed_texts(context, texts)
        measures += collapse_embeddings.measure_embeddings(texts, embedded)
        collapse_embeddings.save(context.out / collapse_embeddings.FILE, embedded.vectors)
    common = common_conditions(context, texts)
    results = [result_of(measure, common) for measure in measures]
    for result in results:
        context.result(**result)
    durable.write_json(context.out / "results.json", [stored(result) for result in results])
    durable.write_jsonl(context.out / "items.jsonl", item_rows(texts, scores, measures))
    context.publish(
        {
            "scored": len(texts.usable),
            "total": len(texts.answers),
            "human": sum(not item.reason for item in texts.human),
            "undefined": [result["name"] for result in results if result["reason"]],
        }
    )


def check_metrics(wanted: Sequence[str]) -> None:
    """Raises JobError that names what there is if a metric is not known."""
    for name in wanted:
        if name not in ALL_METRICS and name != collapse_embeddings.GROUP:
            raise JobError(
                "no_metric", f"no metric is called {name!r}", f"use {', '.join(ALL_METRICS)}"
            )


def common_conditions(context: JobContext, texts: Texts) -> dict[str, Any]:
    """The part of the comparability key that all numbers of this step share."""
    conditions: dict[str, Any] = {
        "prompt_set": context.params["prompts"],
        "prompt_set_hash": texts.prompt_set_hash,
        "system_prompt": context.params.get("system") or "",
    }
    manifest = RunDir(context.input("answers").parent).read_manifest()
    sampling = dict(manifest.info.get("sampling", {})) if manifest else {}
    if sampling:
        conditions["max_tokens"] = sampling.pop("max_new_tokens")
        conditions["sampling"] = ", ".join(f"{k} {v}" for k, v in sorted(sampling.items()))
    return conditions


def result_of(measure: Measure, common: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `context.result` for one number."""
    value = measure.value
    key = {
        "metric": value.metric,
        "metric_version": value.version,
        "n": value.n,
        **common,
        **measure.conditions,
    }
    if value.metric.startswith("ppl2"):
        # Human answers are scored: how the condition's own answers were drawn does not matter.
        key = {name: one for name, one in key.items() if name not in ("sampling", "max_tokens")}
    return {
        "name": value.metric,
        "value": value.value,
        "n": value.n,
        "n_total": measure.n_total,
        "unit": catalog.metric(value.metric).unit,
        "reason": value.reason,
        "key": key,
        "detail": {"instrument": value.instrument, **measure.detail},
    }


def stored(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result as results.json holds it: JSON has no NaN, an undefined value is null."""
    return {**result, "value": None if result["reason"] else result["value"]}


def item_rows(
    texts: Texts, scores: Scores | None, measures: Sequence[Measure]
) -> list[dict[str, Any]]:
    """One row per prompt and sample, from which every aggregate can be computed again.

    `ppl1` and `entropy` belong to the condition's answer, `ppl2` to the human answer of the same
    prompt; log-probabilities are natural logarithms summed over `tokens`.
    """
    human = {item.key: item for item in texts.human}
    rows = [_row(item, scores, human.pop(item.key, None), measures) for item in texts.answers]
    return rows + [_human_row(item, scores) for item in human.values()]


def _row(
    item: Item, scores: Scores | None, human: Item | None, measures: Sequence[Measure]
) -> dict[str, Any]:
    metrics = {m.value.metric: m.per_item[item.key] for m in measures if item.key in m.per_item}
    return {
        "prompt_id": item.prompt_id,
        "sample": item.sample,
        "response_id": item.response_id,
        "reason": item.reason,
        "characters": len(item.text),
        "ppl1": _sums(item, "ppl1", scores),
        "entropy": _tenths(item, scores),
        "human": _human_part(human, scores) if human else None,
        "metrics": metrics,
    }


def _human_row(item: Item, scores: Scores | None) -> dict[str, Any]:
    return {
        "prompt_id": item.prompt_id,
        "sample": item.sample,
        "response_id": None,
        "reason": "no answer of the condition",
        "characters": None,
        "ppl1": None,
        "entropy": None,
        "human": _human_part(item, scores),
        "metrics": {},
    }


def _human_part(item: Item, scores: Scores | None) -> dict[str, Any]:
    return {
        "response_id": item.response_id,
        "reason": item.reason,
        "ppl2": _sums(item, "ppl2", scores),
    }


def _known(item: Item, name: Any, scores: Scores | None) -> Score | None:
    return scores.by_pass[name].get(item.key) if scores else None


def _sums(item: Item, name: str, scores: Scores | None) -> dict[str, Any] | None:
    score = _known(item, name, scores)
    if score is None:
        return None
    return {
        "sum_log_p": score.sum_log_p if math.isfinite(score.sum_log_p) else None,
        "tokens": score.tokens,
        "bytes": item.size_bytes,
        "reason": score.reason,
    }


def _tenths(item: Item, scores: Scores | None) -> dict[str, Any] | None:
    score = _known(item, "entropy", scores)
    if score is None or not score.tokens:
        return None
    return {"sums": list(score.entropy_sums), "counts": list(score.entropy_counts)}
