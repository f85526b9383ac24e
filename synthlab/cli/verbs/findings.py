"""Verbs that show what was measured."""

from __future__ import annotations

from synthlab.cli.verbs.parts import EXPERIMENT, Argument, Verb, flag

VERBS = (
    Verb(
        "results",
        "results:show_results",
        "the numbers, condition beside condition",
        (
            EXPERIMENT,
            flag("--all", text="every metric, not only the headline ones"),
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
            EXPERIMENT,
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
            flag("--seeds", text="one curve or bar for each seed instead of their mean"),
            Argument(("--width",), {"type": int, "metavar": "N", "help": "columns"}),
            Argument(("--height",), {"type": int, "metavar": "N", "help": "rows"}),
            Argument(
                ("--symbols",),
                {"default": "auto", "choices": ["auto", "braille", "block", "ascii"]},
            ),
        ),
    ),
)
