"""The judge that a step names, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from synthlab.jobs.context import JobContext
from synthlab.jobs.judging import Judge, JudgeIdentity


@contextmanager
def open_judge(context: JobContext, who: JudgeIdentity) -> Iterator[Judge]:
    """The judge for as long as the block lasts; raises JobError if its model cannot be had."""
    if who.method == "labels":
        from synthlab.engines.loading import load_model
        from synthlab.jobs.judge_labels import label_replies
        from synthlab.jobs.model_inputs import find_model

        loaded = load_model(find_model(context).folder, context.params["dtype"])
        yield partial(label_replies, loaded)
    else:
        from synthlab.jobs.generate_engines import open_engine
        from synthlab.jobs.judge_replies import parsed_replies

        with open_engine(context) as engine:
            yield partial(parsed_replies, engine, who, lambda: context.stopping)
