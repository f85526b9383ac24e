"""The grammar of the command line: every verb with its arguments."""

from __future__ import annotations

import argparse
import re
from difflib import get_close_matches
from importlib import metadata
from textwrap import fill
from typing import NoReturn

from synthlab.cli.verbs import experiments, findings, lineage, material, reports, upkeep
from synthlab.cli.verbs.parts import Verb
from synthlab.text import safe_text

VERBS = (
    *experiments.VERBS,
    *material.VERBS,
    *findings.VERBS,
    *lineage.VERBS,
    *reports.VERBS,
    *upkeep.VERBS,
)

HELP_WIDTH = 78
HOME_HELP = "the lab home (else SYNTHLAB_HOME, else ~/.local/share/synthlab)"
EPILOG = """exit codes:
  0 done                  3 not found     75 try again later
  1 the work failed       4 conflict     130 interrupted (detached)
  2 usage or wrong file   5 partial result
Data goes to stdout, narration to stderr; every verb takes --json and --home."""


_INVALID_CHOICE = re.compile(r"invalid choice: '(?P<word>.*)' \(choose from (?P<known>.*)\)")


class SafeParser(argparse.ArgumentParser):
    """argparse repeats what was typed in its messages, so they are made safe like all other text."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with the exit code for wrong usage."""
        super().error(safe_text(_INVALID_CHOICE.sub(_with_guess, message)))


def _with_guess(found: re.Match[str]) -> str:
    """Instead of all that could stand there, the one that was likely meant."""
    close = get_close_matches(found["word"], re.findall(r"[\w-]+", found["known"]), n=1)
    return f"there is no '{found['word']}', did you mean '{close[0]}'?" if close else found[0]


def add_console_options(parser: argparse.ArgumentParser) -> None:
    """What may stand after `synthlab` when no verb does, to open the console."""
    parser.add_argument("--home", metavar="DIR", default=None, help=HOME_HELP)
    parser.add_argument("--experiment", metavar="ID", help="open on this one, not on the newest")
    parser.add_argument("--readonly", action="store_true", help="look, and change nothing")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument(
        "--symbols",
        choices=["auto", "braille", "block", "ascii"],
        help="what charts are drawn with",
    )


def build_parser() -> argparse.ArgumentParser:
    """The whole grammar; `--help` needs nothing but argparse."""
    parser = SafeParser(
        prog="synthlab",
        description="A terminal lab for synthetic-data experiments. Without a verb: the console\n"
        "(--experiment ID, --readonly, --no-mouse, --symbols).",
        epilog=EPILOG,
        parents=[_common()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"synthlab {_version()}")
    parser.set_defaults(home=None, json=False, all=False)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    for verb in VERBS:
        added = verbs.add_parser(
            verb.name,
            help=verb.help,
            description=fill(verb.help, HELP_WIDTH),
            epilog=_examples(verb),
            parents=[_common()],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(target_function=verb.target)
        for argument in verb.arguments:
            added.add_argument(*argument.names, **argument.options)
    return parser


def _common() -> SafeParser:
    """What may stand before and after the verb: a parser of its own for each, because defaults are set on it.

    A verb that is not told says nothing, and so leaves alone what stood before it.
    """
    common = SafeParser(add_help=False)
    common.add_argument("--home", metavar="DIR", default=argparse.SUPPRESS, help=HOME_HELP)
    common.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document"
    )
    return common


def _examples(verb: Verb) -> str | None:
    lines = [f"  synthlab {example}" for example in verb.examples]
    return "\n".join([f"example{'s' if len(lines) > 1 else ''}:", *lines]) if lines else None


def _version() -> str:
    try:
        return metadata.version("synthlab")
    except metadata.PackageNotFoundError:
        return "(not installed)"
