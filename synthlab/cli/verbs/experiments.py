"""Verbs that do experiments and look at how they stand."""

from __future__ import annotations

from synthlab.cli.verbs.parts import FILE, FILTER, TARGET, Argument, Verb, flag, positional

VERBS = (
    Verb("init", "upkeep:init", "make a lab home"),
    Verb("recipes", "upkeep:recipes", "list the experiments that come with the lab"),
    Verb("plan", "plan:plan_experiment", "say what run would do, and why", (FILE,), ("plan demo",)),
    Verb(
        "run",
        "run:run_experiment",
        "do what is not done yet, and show the results",
        (FILE, flag("--detach", text="queue the runs and return at once")),
        ("run tiny", "run my.toml --detach"),
    ),
    Verb("experiments", "lists:show_list", "list what was planned", (FILTER,)),
    Verb(
        "runs",
        "lists:show_list",
        "list executions of steps",
        (FILTER,),
        ("runs --filter experiment:demo.1", "runs --filter 'state:failed OR state:interrupted'"),
    ),
    Verb(
        "show",
        "show:show",
        "everything about a run or an experiment",
        (positional("id", "ID", "a run or an experiment"),),
        ("show demo", "show demo:finetune/human.s0"),
    ),
    Verb(
        "logs",
        "logs:show_logs",
        "what a run's job printed",
        (
            positional("run", "RUN", "a run"),
            flag("-f", "--follow", text="go on until the run has ended"),
        ),
        ("logs demo:finetune/human.s0 --follow",),
    ),
    Verb("stop", "control:stop", "stop with the work saved", (TARGET,), ("stop demo",)),
    Verb("retry", "control:retry", "continue what ended badly", (TARGET,), ("retry demo",)),
    Verb(
        "priority",
        "control:prioritise",
        "let queued runs go sooner (higher) or later",
        (
            TARGET,
            Argument(("priority",), {"metavar": "N", "type": int, "help": "0 is usual"}),
        ),
        ("priority demo 5",),
    ),
    Verb(
        "rm",
        "control:remove",
        "delete an experiment with what only it uses, or an unused run",
        (TARGET, flag("--yes", text="really delete")),
        ("rm demo.1", "rm demo.1 --yes"),
    ),
)
