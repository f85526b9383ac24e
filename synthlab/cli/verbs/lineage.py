"""Verbs that walk from a number to its rows and back."""

from __future__ import annotations

from synthlab.cli.verbs.parts import TARGET, Argument, Verb, flag, positional

RESULT_HELP = (
    "EXPERIMENT:CONDITION[.sSEED]:METRIC, EXPERIMENT:LABEL:METRIC or RUN:METRIC;"
    " EXPERIMENT:CONDITION,BASELINE:METRIC for a difference"
)
SIDE_HELP = "a result (see why), EXPERIMENT:CONDITION, a run or an experiment"

VERBS = (
    Verb(
        "why",
        "why:explain",
        "from a number back to its rows, hop by hop",
        (
            positional("result", "RESULT", RESULT_HELP),
            flag("--items", text="list the items behind it with their scores"),
            Argument(("--item",), {"metavar": "ITEM", "help": "walk back from one item"}),
            flag("--texts", text="with --item: show texts of harmful prompt sets too"),
        ),
        (
            "why demo:multi:ppl1-log",
            "why demo:multi.s0:ppl1-log --items",
            "why demo:multi,human:ppl1-log",
        ),
    ),
    Verb(
        "lineage",
        "lineage:lineage",
        "what something comes from, or what it touches",
        (
            positional(
                "id",
                "ID",
                "a run, a label, an experiment, a source, a model, a data set or a result",
            ),
            flag("--up", text="what it comes from (runs, experiments and results: the default)"),
            flag("--down", text="what it touches (sources, models and data: the default)"),
        ),
        ("lineage demo:mix/multi", "lineage demo:mix/multi --down", "lineage builtin:tiny-docs"),
    ),
    Verb(
        "diff",
        "diff:diff",
        "exactly the inputs in which two results differ",
        (positional("old", "A", SIDE_HELP), positional("new", "B", SIDE_HELP)),
        ("diff demo.1 demo.2", "diff demo:human demo:multi"),
    ),
    Verb(
        "export-run",
        "bundle:export_run",
        "write a run with everything that it rests on into one file",
        (
            TARGET,
            Argument(
                ("--out",),
                {"required": True, "metavar": "FILE", "help": "ends in .tar, .tar.gz or .tgz"},
            ),
            flag("--only", text="without what it rests on"),
            flag("--with-harmful-texts", text="with texts of harmful prompts and answers to them"),
        ),
        ("export-run demo --out demo.tar.gz",),
    ),
    Verb(
        "import-run",
        "bundle:import_run",
        "check such a file and take its runs into this lab",
        (positional("bundle", "FILE", "written by export-run"),),
        ("import-run demo.tar.gz",),
    ),
)
