"""Verbs that hand an experiment or a run to other people."""

from __future__ import annotations

from synthlab.cli.verbs.parts import EXPERIMENT, Argument, Verb, flag

VERBS: tuple[Verb, ...] = (
    Verb(
        "report",
        "report:report",
        "one folder with page, tables, figures, data and run card",
        (
            EXPERIMENT,
            Argument(
                ("--out",),
                {"metavar": "DIR", "help": "new, empty or an earlier report (EXPERIMENT-report)"},
            ),
            Argument(
                ("--swaps",),
                {"type": int, "default": 2000, "metavar": "N", "help": "for each corpus metric"},
            ),
            flag("--with-harmful-texts", text="write harmful prompts and answers out, not hashes"),
        ),
    ),
)
