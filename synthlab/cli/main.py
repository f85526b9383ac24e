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


def main(argv: Sequence[str], output: Output, environment: Mapping[str, str]) -> ExitCode:
    """Run one verb; trouble that a person can act on becomes a message and an exit code."""
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
