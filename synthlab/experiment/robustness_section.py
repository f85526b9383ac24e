"""The parts of an experiment file that the robustness axis adds: its options, and composed sets."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from synthlab.experiment import spec
from synthlab.experiment.served_section import MOST_AT_ONCE, check_server
from synthlab.experiment.table_reader import Problems, TableReader, nearest

SEED_LIMIT = 2**31 - 1
"""Seeds that every library accepts."""


def read_compose(table: TableReader) -> spec.Compose:
    """`compose`: the requests that go into the templates of a jailbreak set."""
    compose = spec.Compose(
        requests=table.required_text("requests"),
        rows=table.optional_integer("rows", minimum=1),
        seed=table.integer("seed", 0, maximum=SEED_LIMIT),
    )
    table.close()
    return compose


def check_compose(prompts: spec.PromptSet, table: TableReader) -> None:
    """Note what cannot be meant: templates that are no data set, or that are meant for training."""
    if prompts.compose is None:
        return
    if prompts.holdout is not None:
        table.fault("compose", "belongs to a dataset of templates, not to a holdout")
    if prompts.purpose != "jailbreak":
        table.fault("compose", 'makes a jailbreak set; write purpose = "jailbreak"')


def read_robustness(table: TableReader, sampling: spec.Sampling | None) -> spec.RobustnessOptions:
    """`[evaluate.robustness]`: options of the axis.

    sampling: the one of this table, None where it is left to `[evaluate]`; its table was read before.
    """
    table.subtable("sampling")
    rubrics = table.subtable("rubrics")
    default = spec.RobustnessRubrics()
    options = spec.RobustnessOptions(
        prompts=table.texts("prompts", ()),
        sampling=sampling,
        judge=table.text("judge"),
        revision=table.text("revision"),
        judging=_read_judging(table.subtable("judging"), table),
        least_mass=table.number("least_mass", 0.2, maximum=1.0),
        rubrics=spec.RobustnessRubrics(
            states=rubrics.text("states") or default.states,
            quality=rubrics.text("quality") or default.quality,
            harmfulness=rubrics.text("harmfulness") or default.harmfulness,
            strongreject=rubrics.text("strongreject") or default.strongreject,
        ),
    )
    rubrics.close()
    table.close()
    if options.revision is not None and options.judge in (None, spec.NO_JUDGE):
        table.fault("revision", "needs a judge beside it")
    if options.judge == spec.NO_JUDGE:
        for key in ("judging", "rubrics", "least_mass"):
            if table.has(key):
                table.fault(key, 'is for a judge, and judge = "none" asks none')
    return options


def judge_as_source(model: str | None, revision: str | None, judging: spec.Judging) -> spec.Source:
    """The judge as a source would name it, for what both share: how an engine is reached."""
    return spec.Source(
        name="judge",
        kind="model",
        prompts="",
        model=model,
        revision=revision,
        engine=judging.engine,
        base_url=judging.base_url,
        api_key_env=judging.api_key_env,
        concurrency=judging.concurrency,
    )


def _read_judging(table: TableReader, axis: TableReader) -> spec.Judging:
    """axis: the table that names the judge itself."""
    default = spec.Judging()
    judging = spec.Judging(
        method=table.choice("method", get_args(spec.JudgeMethod), default.method),
        draws=table.integer("draws", default.draws, minimum=1),
        temperature=table.number("temperature", default.temperature),
        reply_tokens=table.integer("reply_tokens", default.reply_tokens, minimum=1),
        engine=table.choice("engine", get_args(spec.JudgeEngine), default.engine),
        base_url=table.text("base_url"),
        api_key_env=table.text("api_key_env"),
        concurrency=table.optional_integer("concurrency", minimum=1, maximum=MOST_AT_ONCE),
    )
    table.close()
    if judging.method == "labels":
        for key in ("draws", "temperature", "reply_tokens"):
            if table.has(key):
                table.fault(key, 'belongs to method = "parsed"; labels are read and not drawn')
    elif judging.draws > 1 and not judging.temperature:
        table.fault("draws", "are all alike at temperature 0; give a temperature, or one draw")
    if judging.engine == "openai" and judging.method == "labels":
        table.fault("engine", 'is asked in words; write method = "parsed" beside it')
    if judging.engine == "openai" and axis.text("judge") in (None, spec.NO_JUDGE):
        axis.fault("judge", "is missing: the name under which the server knows the judge")
    else:
        served = judge_as_source(axis.text("judge"), axis.text("revision"), judging)
        check_server(served, table, list(table.table))
    return judging


def complete_robustness(experiment: spec.ExperimentSpec, problems: Problems) -> spec.ExperimentSpec:
    """Check the names of prompt sets, and take all sets of the axis where none is named."""
    for name, prompts in experiment.prompts.items():
        _check_parts(experiment, name, prompts, problems)
    evaluate = experiment.evaluate
    if evaluate is None or evaluate.robustness is None:
        return experiment
    options = evaluate.robustness
    path = ("evaluate", "robustness", "prompts")
    usable = [n for n, one in experiment.prompts.items() if one.purpose in spec.ATTACK_PURPOSES]
    for i, name in enumerate(options.prompts):
        if name not in experiment.prompts:
            known = nearest(name, usable)
            problems.add((*path, i), f'no prompt set is called "{name}"{known}')
        elif name not in usable:
            purposes = ", ".join(spec.ATTACK_PURPOSES)
            problems.add((*path, i), f'the purpose of "{name}" must be one of {purposes}')
    if len(set(options.prompts)) < len(options.prompts):
        problems.add(path, "names a prompt set twice")
    if not options.prompts and not usable:
        problems.add(
            ("evaluate", "robustness"),
            "needs a prompt set whose purpose is harmful, jailbreak or benign, such as "
            'dataset = "builtin:placeholder-harmful"',
        )
    chosen = options.prompts or tuple(usable)
    filled = replace(evaluate, robustness=replace(options, prompts=chosen))
    return replace(experiment, evaluate=filled)


def _check_parts(
    experiment: spec.ExperimentSpec, name: str, prompts: spec.PromptSet, problems: Problems
) -> None:
    if prompts.compose is not None:
        path = ("prompts", name, "compose", "requests")
        requests = experiment.prompts.get(prompts.compose.requests)
        if requests is None:
            harmful = [n for n, one in experiment.prompts.items() if one.purpose == "harmful"]
            known = nearest(prompts.compose.requests, harmful)
            problems.add(path, f'no prompt set is called "{prompts.compose.requests}"{known}')
        elif requests.compose is not None:
            problems.add(path, f'"{requests.name}" is itself composed; name the plain requests')
    if prompts.holdout is not None:
        whole = experiment.prompts.get(prompts.holdout.of)
        if whole is not None and whole.compose is not None:
            problems.add(
                ("prompts", name, "holdout", "of"), f'"{whole.name}" is composed and cannot be cut'
            )
