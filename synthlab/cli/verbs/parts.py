"""What a verb of the command line consists of, and the arguments that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


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
    examples: tuple[str, ...] = ()
    """What stands after `synthlab` in a call that makes sense; the help shows it."""


def positional(name: str, metavar: str, text: str) -> Argument:
    """An argument without a dash that has to be given."""
    return Argument((name,), {"metavar": metavar, "help": text})


def flag(*names: str, text: str) -> Argument:
    """An option that is on or off."""
    return Argument(names, {"action": "store_true", "help": text})


def option(name: str, metavar: str, text: str, kind: Callable[[str], Any] = str) -> Argument:
    """An option with a value that need not be given."""
    return Argument((name,), {"metavar": metavar, "help": text, "type": kind})


FILE = positional("file", "FILE|RECIPE", "an experiment file, or the name of a recipe")
TARGET = positional("target", "RUN|EXPERIMENT", "an id, the beginning of one, or a label")
EXPERIMENT = positional("experiment", "EXPERIMENT", "a name, or an id such as demo.2")
SWAPS = Argument(
    ("--swaps",),
    {
        "type": int,
        "default": 2000,
        "metavar": "N",
        "help": "random swaps in the test of a metric of all answers together (2000)",
    },
)
FILTER = Argument(
    ("--filter",),
    {
        "default": "",
        "metavar": "TERMS",
        "help": "such as: state:failed cfg.seed>=1 OR NOT kind:mix",
    },
)
