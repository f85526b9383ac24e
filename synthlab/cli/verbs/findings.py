"""Verbs that show what was measured."""

from __future__ import annotations

from synthlab.cli.verbs.parts import EXPERIMENT, SWAPS, Argument, Verb, flag

CHART_SIZE = (
    Argument(("--width",), {"type": int, "metavar": "N", "help": "columns (as wide as here)"}),
    Argument(("--height",), {"type": int, "metavar": "N", "help": "rows (as high as here)"}),
    Argument(
        ("--symbols",),
        {
            "default": "auto",
            "choices": ["auto", "braille", "block", "ascii"],
            "help": "what it is drawn with (auto)",
        },
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
        ("results demo", "results demo --all"),
    ),
    Verb(
        "expected",
        "expected:show_expected",
        "which foretold directions came true",
        (EXPERIMENT, SWAPS),
        ("expected sources-1-2-4-tiny",),
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
                    "choices": ["collapse", "robustness", "bias", "all"],
                    "help": "collapse, or else the first that was measured; all: one after the other",
                },
            ),
            Argument(("--baseline",), {"metavar": "NAME", "help": "the condition to compare with"}),
            SWAPS,
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
        (
            "compare demo --axis all",
            "compare demo:human single multi --axis bias",
            "compare demo --axis robustness --baseline human --words",
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
            SWAPS,
            *CHART_SIZE,
        ),
        ("pareto demo", "pareto demo --x self-bleu-4 --y refusal-rate/harmful"),
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
            Argument(
                ("--limit",),
                {"type": int, "default": 20, "metavar": "N", "help": "rows at most (20)"},
            ),
            Argument(
                ("--offset",),
                {"type": int, "default": 0, "metavar": "N", "help": "rows passed over (0)"},
            ),
            flag("--unmask", text="show the texts of harmful prompt sets"),
        ),
        (
            "samples demo --filter 'human.state=refusal multi.state!=refusal'",
            "samples demo --filter set:test --order=-single.self-bleu-4 --limit 5",
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
            Argument(
                ("--as",),
                {
                    "dest": "form",
                    "choices": ["boxes", "histogram", "bars"],
                    "help": "another form than the usual one",
                },
            ),
            flag("--seeds", text="one curve or bar for each seed instead of their mean"),
            *CHART_SIZE,
        ),
        ("plot demo --what loss", "plot demo --what refusal", "plot demo --what ppl1 --seeds"),
    ),
)
