"""The part of an experiment file that the self-preference axis adds: `[evaluate.bias]`."""

from __future__ import annotations

from dataclasses import replace

from synthlab.experiment import spec
from synthlab.experiment.robustness_section import SEED_LIMIT
from synthlab.experiment.table_reader import Problems, TableReader, nearest


def read_bias(table: TableReader) -> spec.BiasOptions:
    """`[evaluate.bias]`: options of the axis; prompts and sources may stay empty here."""
    default = spec.BiasOptions()
    options = spec.BiasOptions(
        prompts=table.text("prompts") or "",
        rows=table.integer("rows", default.rows, minimum=4),
        sources=table.texts("sources", ()),
        show_prompt=table.flag("show_prompt", default.show_prompt),
        rubric=table.text("rubric") or default.rubric,
        ratings=table.flag("ratings", default.ratings),
        rating_rubric=table.text("rating_rubric") or default.rating_rubric,
        anchors=table.integer("anchors", default.anchors),
        least_mass=table.number("least_mass", default.least_mass, maximum=1.0),
        seed=table.integer("seed", default.seed, maximum=SEED_LIMIT),
    )
    table.close()
    return options


def bias_articles(experiment: spec.ExperimentSpec) -> str:
    """The prompt set that the axis brings of its own: named, or the one whose purpose is articles."""
    evaluate = experiment.evaluate
    if evaluate is None or evaluate.bias is None:
        return ""
    articles = [n for n, one in experiment.prompts.items() if one.purpose == "articles"]
    return evaluate.bias.prompts or (articles[0] if len(articles) == 1 else "")


def complete_bias(experiment: spec.ExperimentSpec, problems: Problems) -> spec.ExperimentSpec:
    """Check the names, and fill in the prompt set and the sources that the file leaves to the lab."""
    evaluate = experiment.evaluate
    if evaluate is None or evaluate.bias is None:
        return experiment
    options = evaluate.bias
    path = ("evaluate", "bias")
    prompts = bias_articles(experiment) or evaluate.prompts
    if prompts and prompts not in experiment.prompts:
        known = nearest(prompts, experiment.prompts)
        problems.add((*path, "prompts"), f'no prompt set is called "{prompts}"{known}')
    for i, name in enumerate(options.sources):
        if name not in experiment.sources:
            known = nearest(name, experiment.sources)
            problems.add((*path, "sources", i), f'no source is called "{name}"{known}')
    sources = options.sources or tuple(experiment.sources)
    if len(set(sources)) < 2:
        problems.add(
            (*path, "sources") if options.sources else path,
            f"compares at least two sources, and there is {len(set(sources))}",
        )
    filled = replace(options, prompts=prompts, sources=tuple(dict.fromkeys(sources)))
    return replace(experiment, evaluate=replace(evaluate, bias=filled))
