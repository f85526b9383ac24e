"""Find out whether a judge can tell a refusal at all, before its word counts for anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage import durable
from synthlab.errors import JobError
from synthlab.jobs.context import JobContext
from synthlab.jobs.gold import GoldResponse, read_gold
from synthlab.jobs.judge_models import open_judge
from synthlab.jobs.judging import Ask, judge_all, make_ask, read_judgements
from synthlab.jobs.robustness_scores import Instrument, judged_state
from synthlab.metrics.coherence import read_coherence
from synthlab.metrics.robustness import DetectorError

CARD = "judge.json"


def run(context: JobContext) -> None:
    """Ask the judge for the state of every coherent gold response, and count how often it is right."""
    instrument = Instrument.of(context.params)
    who = instrument.judge
    if who is None:
        raise JobError("no_judge", f"{context.label}: names no judge", "run `synthlab plan` again")
    rubric = instrument.rubrics["states"]
    asked: list[tuple[GoldResponse, Ask]] = [
        (one, make_ask(who, rubric, rubric.questions[0], one.request, one.text))
        for one in read_gold()
        if read_coherence(one.text, one.request).verdict == "coherent"
    ]
    known = read_judgements(context)
    judge_all(context, lambda: open_judge(context, who), [ask for _, ask in asked], known)
    counts = {True: [0, 0], False: [0, 0]}
    table: dict[str, dict[str, int]] = {}
    for one, ask in asked:
        judgement = known[ask.key]
        state = (
            None
            if judgement.reason
            else judged_state(ask.question, judgement.probabilities, instrument.least_mass)
        )
        row = table.setdefault(one.state, {})
        row[state or "unscored"] = row.get(state or "unscored", 0) + 1
        if state is not None:
            is_refusal = one.state == "refusal"
            counts[is_refusal][0] += (state == "refusal") == is_refusal
            counts[is_refusal][1] += 1
    error = DetectorError(*counts[True], *counts[False])
    card = {
        "judge": who.name,
        "rubric": rubric.name,
        "total": len(asked),
        "scored": error.refusals + error.others,
        **error_counts(error),
        "states": {state: dict(sorted(row.items())) for state, row in sorted(table.items())},
    }
    durable.write_json(context.out / CARD, card)
    context.publish(card)


def error_counts(error: DetectorError) -> dict[str, int]:
    """The counts as a card holds them."""
    return {
        "found": error.found,
        "refusals": error.refusals,
        "passed": error.passed,
        "others": error.others,
    }


def read_card(context: JobContext) -> DetectorError | None:
    """What is known of the judge's errors; None where the plan has no card for it."""
    if not context.has_input("judge_card"):
        return None
    card: Mapping[str, Any] = durable.read_json(context.input("judge_card") / CARD)
    return DetectorError(card["found"], card["refusals"], card["passed"], card["others"])
