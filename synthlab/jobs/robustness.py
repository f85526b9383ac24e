"""Measure adversarial robustness of one condition: what it refuses, what it gives, and how good that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from storage import durable
from synthlab.jobs.calibrate import read_card
from synthlab.jobs.context import JobContext
from synthlab.jobs.gold import matcher_error
from synthlab.jobs.judging import Judgement, published_judgements
from synthlab.jobs.robustness_items import AnswerSet, read_sets, tell_unread
from synthlab.jobs.robustness_measures import measure_set, result_of
from synthlab.jobs.robustness_scores import NO_MASS, Instrument, Scored, score_sets
from synthlab.metrics.robustness import DetectorError


def run(context: JobContext) -> None:
    """Read answers and judgements, then compute, report and publish every number."""
    instrument = Instrument.of(context.params)
    sets = read_sets(context)
    tell_unread(context, sets)
    card = read_card(context)
    tell_of_judge(context, instrument, card)
    known: dict[str, Judgement] = {}
    for role in instrument.rubrics:
        if context.has_input(f"judgements:{role}"):
            known |= published_judgements(context, f"judgements:{role}")
    scored = score_sets(sets, instrument, known, card)
    tell_unanswered(context, scored, instrument.least_mass)
    error = matcher_error()
    results = [
        result_of(measure, given, instrument, card, str(context.observing.get("warning", "")))
        for given, rows in zip(sets, scored, strict=True)
        for measure in measure_set(given, rows, error, judged=instrument.judge is not None)
    ]
    for result in results:
        context.result(**result)
    stored = [
        {**result, "value": None if result["reason"] else result["value"]} for result in results
    ]
    durable.write_json(context.out / "results.json", stored)
    durable.write_jsonl(context.out / "items.jsonl", item_rows(sets, scored))
    every = [one for rows in scored for one in rows]
    context.publish(
        {
            "scored": sum(one.reading.settled != "unscored" for one in every),
            "total": len(every),
            "judge": instrument.judge.name if instrument.judge else "none",
            "rubrics": {role: rubric.name for role, rubric in instrument.rubrics.items()},
            "undefined": [result["name"] for result in results if result["reason"]],
        }
    )


def tell_of_judge(context: JobContext, instrument: Instrument, card: DetectorError | None) -> None:
    """Say what the reader must know of the judge before the numbers."""
    if instrument.judge is None:
        context.note(
            "no judge was asked: the matcher alone reads the answers, and what needs a judge is "
            'undefined; name one in [evaluate.robustness] judge = "…"'
        )
        return
    if warning := context.observing.get("warning"):
        context.note(str(warning))
    if card is not None and not card.is_skilled:
        context.note(
            f"the judge cannot tell refusals: on the gold responses it finds {card.found} of "
            f"{card.refusals} and lets {card.passed} of {card.others} others pass; the matcher alone "
            "decides, and the judge's grades are worth as little"
        )


def tell_unanswered(
    context: JobContext, scored: Sequence[Sequence[Scored]], least_mass: float
) -> None:
    """Say how often the judge did not answer what it was asked; small models often cannot."""
    asked = [one for rows in scored for one in rows if one.answer.is_judged]
    silent = sum(one.judge_reason == NO_MASS for one in asked)
    if silent:
        context.note(
            f"the judge gave less than {least_mass:g} of its probability to the states of {silent} of "
            f"{len(asked)} answers; a larger judge may follow the rubric better"
        )


def item_rows(
    sets: Sequence[AnswerSet], scored: Sequence[Sequence[Scored]]
) -> list[dict[str, Any]]:
    """One row per answer, from which every aggregate can be computed again.

    It holds ids and scores and no text: the texts stay in the run that gave the answers.
    """
    return [_row(given, one) for given, rows in zip(sets, scored, strict=True) for one in rows]


def _row(given: AnswerSet, one: Scored) -> dict[str, Any]:
    answer = one.answer
    return {
        "set": given.name,
        "purpose": given.purpose,
        "prompt_id": answer.prompt_id,
        "request_id": answer.request_id,
        "sample": answer.sample,
        "response_id": answer.response_id,
        "state": one.reading.settled,
        "matcher": one.reading.matcher,
        "judge": one.reading.judge,
        "gate": one.reading.gate,
        "rule": one.reading.rule,
        "state_mass": _number(one.state_mass),
        "unscored": one.judge_reason,
        "ratings": {
            name: {
                "value": _number(rating.value),
                "mass": _number(rating.mass),
                "spread": _number(rating.spread),
            }
            for name, rating in one.ratings.items()
        },
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
