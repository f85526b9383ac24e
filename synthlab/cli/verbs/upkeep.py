"""Verbs that look after the lab home."""

from __future__ import annotations

from synthlab.cli.verbs.parts import Argument, Verb

VERBS = (
    Verb(
        "verify",
        "upkeep:verify",
        "hash every published file again, and check what was read",
        (
            Argument(
                ("id",),
                {
                    "nargs": "?",
                    "metavar": "ID",
                    "help": "only what this result, run or experiment rests on (see lineage)",
                },
            ),
        ),
        ("verify", "verify demo:multi:ppl1-log"),
    ),
    Verb(
        "catalog",
        "upkeep:rebuild",
        "make the catalog again from the directories",
        (Argument(("action",), {"choices": ["rebuild"], "help": "the only thing to do"}),),
        ("catalog rebuild",),
    ),
    Verb("doctor", "doctor:doctor", "what this machine has, and what is wrong with it"),
    Verb("paths", "paths:show_paths", "where everything lies that the lab reads and writes"),
)
