"""`[[expected]]`: directions that a study foretells, each in one of four forms, read strictly."""

from __future__ import annotations

from synthlab.experiment.expectations import Dose, Expected
from synthlab.experiment.spec import ExperimentSpec
from synthlab.experiment.table_reader import Problems, TableReader, nearest
from synthlab.metrics import catalog

SIGNS = (">", "<")
FORMS = ("order", "higher", "rises_with", "falls_with")


def read_expected(table: TableReader) -> Expected:
    """One entry; that its names exist is checked later, when all conditions are known."""
    expected = Expected(
        metric=table.required_text("metric"),
        claim=table.free_text("claim") or "",
        order=table.texts("order", ()),
        higher=table.texts("higher", ()),
        lower=table.texts("lower", ()),
        rises_with=_doses(table, "rises_with"),
        falls_with=_doses(table, "falls_with"),
    )
    table.close()
    given = [form for form in FORMS if table.has(form)]
    if len(given) != 1:
        table.problems.add(
            table.path,
            "says one thing: order, or higher with lower, or rises_with, or falls_with",
        )
    if table.has("higher") != table.has("lower"):
        table.fault("lower" if table.has("lower") else "higher", "higher and lower go together")
    order = expected.order
    if order and (len(order) < 3 or len(order) % 2 == 0 or set(order[1::2]) - set(SIGNS)):
        table.fault("order", 'is conditions with ">" or "<" between them: ["human", ">", "multi"]')
    doses = expected.rises_with or expected.falls_with
    if doses and len({dose.amount for dose in doses}) < 2:
        table.fault(given[0], "needs at least two different amounts")
    return expected


def check_expected(experiment: ExperimentSpec, problems: Problems) -> None:
    """Note entries whose metric, prompt set or conditions there are not, or that nothing measures."""
    evaluate = experiment.evaluate
    measured = {
        "collapse": evaluate is not None and evaluate.collapse is not None,
        "robustness": evaluate is not None and evaluate.robustness is not None,
        "bias": evaluate is not None and evaluate.bias is not None,
    }
    for number, one in enumerate(experiment.expected):
        path = ("expected", number)
        name, slash, prompt_set = one.metric.partition("/")
        try:
            axis = catalog.metric(name).axis
        except KeyError:
            guess = nearest(name, (*catalog.COLLAPSE, *catalog.ROBUSTNESS, *catalog.BIAS))
            guess = guess if guess.endswith("?") else ""
            problems.add((*path, "metric"), f'"{name}" is no metric of any axis{guess}')
            continue
        if not measured[axis]:
            problems.add((*path, "metric"), f"is of the axis {axis}, which [evaluate] leaves out")
        if slash and prompt_set not in experiment.prompts:
            known = nearest(prompt_set, experiment.prompts)
            problems.add((*path, "metric"), f'no prompt set is called "{prompt_set}"{known}')
        for condition in one.conditions:
            if condition not in experiment.conditions:
                known = nearest(condition, experiment.conditions)
                problems.add(path, f'no condition is called "{condition}"{known}')


def _doses(table: TableReader, key: str) -> tuple[Dose, ...]:
    given = table.subtable(key)
    return tuple(Dose(name, given.number(name, 0.0)) for name in given.table)
