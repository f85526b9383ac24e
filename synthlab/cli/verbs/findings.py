"""Verbs that show what was measured."""

from __future__ import annotations

from synthlab.cli.verbs.parts import EXPERIMENT, Argument, Verb, flag

CHART_SIZE = (
    Argument(("--width",), {"type": int, "metavar": "N", "help": "columns"}),
    Argument(("--height",), {"type": int, "metavar": "N", "help": "rows"}),
    Argument(
        ("--symbols",),
        {"default": "auto", "choices": ["auto", "braille", "block", "ascii"]},
    ),
)

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
        "expected",
        "expected:show_expected",
        "which foretold directions came true",
        (
            EXPERIMENT,
            Argument(
                ("--swaps",),
                {"type": int, "default": 2000, "metavar": "N", "help": "for each corpus metric"},
            ),
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
                    "metavar": "EXPERIMENT[:CONDITION]|CONDITION|RUN",
                    "help": "the baseline first; an experiment alone means all its conditions",
                },
            ),
            Argument(
                ("--axis",),
                {
                    "choices": ["collapse", "robustness", "bias"],
                    "help": "collapse, or else the first that was measured",
                },
            ),
            Argument(("--baseline",), {"metavar": "NAME", "help": "the condition to compare with"}),
            Argument(
                ("--swaps",),
                {"type": int, "default": 2000, "metavar": "N", "help": "for each corpus metric"},
            ),
            flag("--all", text="also every number that has no test, and why"),
            Argument(
                ("--words",),
                {
                    "action": "store_true",
                    "dest": "words_only",
                    "help": "one sentence for each metric and pair",
                },
            ),
            flag("--csv", text="every value, difference and verdict as CSV"),
            flag("--tex", text="the tables as LaTeX"),
            flag("--md", text="the tables as Markdown"),
            flag("--no-cache", text="compute it again"),
        ),
    ),
    Verb(
        "pareto",
        "pareto:pareto",
        "conditions in the plane of two metrics, dominated ones marked",
        (
            EXPERIMENT,
            Argument(("--x",), {"metavar": "METRIC", "help": "such as self-bleu-4"}),
            Argument(("--y",), {"metavar": "METRIC", "help": "such as refusal-rate/SET"}),
            Argument(
                ("--swaps",),
                {"type": int, "default": 2000, "metavar": "N", "help": "for each corpus metric"},
            ),
            *CHART_SIZE,
        ),
    ),
    Verb(
        "samples",
        "samples:samples",
        "what the conditions answered, side by side; harmful sets masked",
        (
            EXPERIMENT,
            Argument(
                ("--filter",),
                {
                    "default": "",
                    "metavar": "TERMS",
                    "help": "words, human.state=refusal, single.self-bleu-4>0.5, set:wrapped,"
                    " flipped, differs, NOT, OR, ( )",
                },
            ),
            Argument(
                ("--order",),
                {
                    "default": "",
                    "metavar": "NAME",
                    "help": "METRIC or CONDITION.METRIC; --order=-NAME from high to low",
                },
            ),
            Argument(
                ("--prompt",), {"metavar": "ID", "help": "all answers to one prompt, in full"}
            ),
            Argument(("--limit",), {"type": int, "default": 20, "metavar": "N"}),
            Argument(("--offset",), {"type": int, "default": 0, "metavar": "N"}),
            flag("--unmask", text="show the texts of harmful prompt sets"),
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
            *CHART_SIZE,
        ),
    ),
)
