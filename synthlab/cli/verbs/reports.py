"""Verbs that hand an experiment or a run to other people."""

from __future__ import annotations

from synthlab.cli.verbs.parts import EXPERIMENT, SWAPS, Argument, Verb, flag

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
            SWAPS,
            flag("--with-harmful-texts", text="write harmful prompts and answers out, not hashes"),
        ),
        ("report demo --out demo-report",),
    ),
)
