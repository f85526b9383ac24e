"""Let the judge read a condition's answers under one rubric, so that numbers need no model.

A step of its own: another rubric asks again only what it asks itself, and generates nothing.
"""

from __future__ import annotations

from collections import Counter

from storage import durable
from synthlab.errors import JobError
from synthlab.jobs.context import JobContext
from synthlab.jobs.judge_models import open_judge
from synthlab.jobs.judging import LOG, judge_all, judgement_record, read_judgements
from synthlab.jobs.robustness_items import read_sets
from synthlab.jobs.robustness_scores import Instrument


def run(context: JobContext) -> None:
    """Ask what is not known yet, then publish every judgement in the order of the answers."""
    instrument = Instrument.of(context.params)
    who = instrument.judge
    if who is None:
        raise JobError("no_judge", f"{context.label}: names no judge", "run `synthlab plan` again")
    asks = instrument.asks_of(read_sets(context))
    known = read_judgements(context)
    judge_all(context, lambda: open_judge(context, who), asks, known)
    wanted = {ask.key: ask for ask in asks}
    silent = Counter(known[key].reason for key in wanted if known[key].reason)
    for reason, count in silent.items():
        context.note(f"{count} of {len(wanted)} questions have no judgement: {reason}")
    records = [judgement_record(ask, known[key]) for key, ask in wanted.items()]
    durable.write_jsonl(context.out / LOG, records)
    context.publish(
        {
            "judge": who.name,
            "rubrics": {role: rubric.name for role, rubric in instrument.rubrics.items()},
            "judgements": len(wanted) - sum(silent.values()),
            "total": len(wanted),
        }
    )
