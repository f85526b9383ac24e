"""The `synthlab` command, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from storage.errors import StorageError
from storage.filters import FilterError
from synthlab.cli.grammar import build_parser
from synthlab.cli.output import Output
from synthlab.cli.session import Session
from synthlab.errors import ExitCode, SynthlabError

UNFORESEEN = "a damaged file, or a fault of synthlab itself"
"""Stands in front of trouble that has no message of its own."""


def main(argv: Sequence[str], output: Output, environment: Mapping[str, str]) -> ExitCode:
    """Run one verb; trouble that a person can act on becomes a message and an exit code."""
    if broken := [word for word in argv if not _is_text(word)]:
        output.say(f"synthlab: {broken[0]!r} holds bytes that are no UTF-8 text")
        return ExitCode.USAGE
    arguments = build_parser().parse_args(argv)
    module, _, function = arguments.target_function.partition(":")
    session = Session(arguments, output, environment)
    try:
        return ExitCode(getattr(import_module(f"synthlab.cli.{module}"), function)(session))
    except SynthlabError as error:
        output.say(f"synthlab: {error}")
        return error.exit_code
    except FilterError as error:
        output.say(f"synthlab: {error}")
        return ExitCode.USAGE
    except StorageError as error:
        output.say(f"synthlab: {error}")
        return ExitCode.FAILED
    except sqlite3.DatabaseError as error:
        output.say(f"synthlab: the catalog cannot be read: {error}\n  synthlab catalog rebuild")
        return ExitCode.FAILED
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        output.say(f"synthlab: {where}{error.strerror or error}")
        return ExitCode.FAILED
    except KeyboardInterrupt:
        output.say("\ninterrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - nobody at a terminal can act on a traceback
        output.say(f"synthlab: {UNFORESEEN}: {type(error).__name__}: {error}")
        output.say(f"  {_kept(session, error)}")
        return ExitCode.FAILED


def _is_text(word: str) -> bool:
    # The shell's bytes that are not UTF-8 arrive as lone surrogates, which no file or catalog takes.
    return not any("\ud800" <= sign <= "\udfff" for sign in word)


def _kept(session: Session, error: Exception) -> str:
    """Put the traceback where it can be asked for, and say what may be done."""
    import traceback

    from storage.durable import append_text

    told = "".join(traceback.format_exception(error))
    advice = "`synthlab verify` finds damaged files of runs"
    try:
        append_text(session.home.error_log, told)
    except (OSError, StorageError):
        return advice
    return f"{advice}; where it happened is in {session.home.error_log}"


def entry() -> None:
    """What the installed command calls."""
    environment = dict(os.environ)
    try:
        code = main(sys.argv[1:], Output.of_process(environment), environment)
    except BrokenPipeError:
        # The reader (`head`, a closed pager) has what it wanted; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.DONE
    sys.exit(code)
