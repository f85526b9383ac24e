"""Let one condition judge: which of two texts is better, its own among them, and how good each is.

The judge's own numbers are reported here. Its bias net of quality needs the other judges as a panel
and is computed over the items of all of them (`synthlab.analysis.bias.bias_cells`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from storage import durable
from synthlab.analysis.bias import judge_figures
from synthlab.analysis.bias_items import JudgeItems, base_of, judge_items
from synthlab.analysis.judge_card import BiasFigure, JudgeCard, judge_card
from synthlab.analysis.statistics.comparability import rows_digest
from synthlab.experiment.preference_rubrics import PreferenceRubric
from synthlab.jobs.bias_scores import (
    Ask,
    JudgeNotes,
    Said,
    Showing,
    ask_judge,
    pair_record,
    rating_of,
    rating_record,
    showings_of,
)
from synthlab.jobs.bias_texts import BiasTexts, read_texts
from synthlab.jobs.context import JobContext
from synthlab.jobs.judge_pairs import JudgedPair, list_anchors, list_identical, list_pairs
from synthlab.jobs.model_inputs import ModelInputs, find_model
from synthlab.metrics import catalog
from synthlab.metrics.judge_health import POSITION_BAND

NOTES = "judge.json"
"""In work/: what the model said about itself, for a run that is continued after its last answer."""
ORDER_HANDLING = "both orders, log-odds averaged"


def run(context: JobContext) -> None:
    """Show, score, then compute, report and publish every number of this judge."""
    source = find_model(context)
    texts = read_texts(context)
    pairwise = PreferenceRubric.from_json(context.params["pairwise"])
    rating = context.params["rating"]
    rubric = PreferenceRubric.from_json(rating) if rating else None
    pairs = list_judged(context, texts)
    ratings = list_ratings(texts) if rubric else []
    asks = [Ask(pairwise, [one for pair in pairs for one in showings_of(pair)])]
    if rubric:
        asks.append(Ask(rubric, ratings))
    said, noted = ask_judge(context, source, texts, asks)
    notes = keep_notes(context, noted)
    least = float(context.params["least_mass"])
    item_rows = [pair_record(pair, said, least) for pair in pairs]
    rating_rows = [rating_record(one, said, rubric, least) for one in ratings] if rubric else []
    durable.write_jsonl(context.out / "items.jsonl", item_rows)
    durable.write_jsonl(context.out / "ratings.jsonl", rating_rows)
    items = items_of(context, source, item_rows, rating_rows)
    card = judge_card(items)
    report(context, texts, notes, items, card, (pairwise, rubric))
    publish(context, items, card, said, pairs)


def list_judged(context: JobContext, texts: BiasTexts) -> list[JudgedPair]:
    """Everything that is compared: the candidates, and the pairs that test the judge."""
    anchors = list_anchors(
        texts.prompts,
        texts.candidates,
        int(context.params["anchors"]),
        task_is_shown=bool(context.params["show_prompt"]),
    )
    return [
        *list_pairs(texts.prompts, texts.candidates),
        *list_identical(texts.prompts, texts.candidates),
        *anchors,
    ]


def list_ratings(texts: BiasTexts) -> list[Showing]:
    """Every candidate's text for every judged prompt."""
    return [
        rating_of(prompt, candidate.texts[prompt])
        for prompt in texts.prompts
        for candidate in texts.candidates
        if prompt in candidate.texts
    ]


def keep_notes(context: JobContext, noted: JudgeNotes | None) -> JudgeNotes:
    """The notes of this attempt, or those of the one that asked last."""
    path = context.work / NOTES
    if noted is not None:
        durable.write_json(path, {"dtype": noted.dtype, "template_sha256": noted.template_sha256})
        return noted
    stored = durable.read_json(path) if path.is_file() else {}
    return JudgeNotes(str(stored.get("dtype", "")), str(stored.get("template_sha256", "")))


def items_of(
    context: JobContext,
    source: ModelInputs,
    items: Sequence[Mapping[str, Any]],
    ratings: Sequence[Mapping[str, Any]],
) -> JudgeItems:
    """The stored records as the analysis reads them."""
    sources = [
        number
        for number, given in enumerate(context.params["candidates"])
        if given["kind"] == "source"
    ]
    return judge_items(source.generator, base_of(source.generator), items, ratings, sources)


def report(
    context: JobContext,
    texts: BiasTexts,
    notes: JudgeNotes,
    items: JudgeItems,
    card: JudgeCard,
    rubrics: tuple[PreferenceRubric, PreferenceRubric | None],
) -> None:
    """Report the card first, then the preferences; store all of it in results.json."""
    common = {
        "prompt_set": context.params["prompts"],
        "prompt_set_hash": texts.prompt_set_hash,
        "n": len(texts.prompts),
        "sources": [items.generators.get(number, "") for number in sorted(items.sources)],
        "judge": f"the condition itself on {items.base}, raw logits",
        "system_prompt": "",
        "chat_template": notes.template_sha256,
        "dtype": notes.dtype,
        "task_is_shown": bool(context.params["show_prompt"]),
        "least_mass": float(context.params["least_mass"]),
    }
    results = [
        result_of(figure, common, rubrics) for figure in (*card.figures, *judge_figures(items))
    ]
    low, high = POSITION_BAND
    first = card.figure("judge-first-share").estimate.value
    if first < low or first > high:
        context.note(f"the text shown first wins {first:.0%} of the showings")
    for doubt in card.doubts:
        context.note(f"not believed as a judge: {doubt.value}")
    for result in results:
        context.result(**result)
    stored = [
        {**result, "value": None if result["value"] != result["value"] else result["value"]}
        for result in results
    ]
    durable.write_json(context.out / "results.json", stored)


def result_of(
    figure: BiasFigure,
    common: Mapping[str, Any],
    rubrics: tuple[PreferenceRubric, PreferenceRubric | None],
) -> dict[str, Any]:
    """The arguments of `context.result` for one figure."""
    described = catalog.metric(figure.metric)
    estimate = figure.estimate
    by_rating = figure.metric.startswith(("rating", "paper", "judge-rating"))
    pairwise, rating = rubrics
    rubric = rating if by_rating and rating is not None else pairwise
    key = {
        "metric": figure.metric,
        "metric_version": described.version,
        **common,
        "rubric": rubric.name,
        "label_set": list(rubric.labels),
        "order_handling": "none" if by_rating else ORDER_HANDLING,
    }
    if figure.subject:
        key["subject"] = figure.subject
    interval = estimate.interval
    return {
        "name": f"{figure.metric}: {figure.subject}" if figure.subject else figure.metric,
        "value": estimate.value,
        "n": estimate.n,
        "n_total": figure.n_total,
        "unit": described.unit,
        "reason": estimate.reason,
        "key": key,
        "interval": (interval.low, interval.high) if interval.is_defined else None,
        "detail": {
            "articles": estimate.n_clusters,
            "interval": interval.method,
            "standard_error": None if estimate.reason else estimate.standard_error,
        },
    }


def publish(
    context: JobContext,
    items: JudgeItems,
    card: JudgeCard,
    said: Mapping[str, Said],
    pairs: Sequence[JudgedPair],
) -> None:
    """Publish what the catalog and the analysis of all judges need to know of this one."""
    unscored = sum(bool(one.reason) for one in said.values())
    context.publish(
        {
            "judge": items.judge,
            "base": items.base,
            "sources": sorted(items.sources),
            "generators": {str(n): by for n, by in sorted(items.generators.items())},
            "pairs": len(items.pair_ids),
            "judgements": len(said),
            "unscored": unscored,
            "shown": rows_digest(pair.id for pair in pairs),
            "doubts": [doubt.name.lower() for doubt in card.doubts],
        }
    )
