"""The `synthlab` command: without a verb it opens the console, with one it is the command line."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from synthlab.errors import ExitCode

OPTIONS = ("--home", "--readonly", "--no-mouse", "--symbols", "--experiment")
WITH_VALUE = ("--home", "--symbols", "--experiment")


def wants_console(argv: Sequence[str]) -> bool:
    """Whether nothing but options of the console is given."""
    rest = list(argv)
    while rest:
        name, equals, _ = rest.pop(0).partition("=")
        if name not in OPTIONS:
            return False
        if name in WITH_VALUE and not equals and rest:
            rest.pop(0)
    return True


def entry() -> NoReturn:
    """What the installed command calls."""
    argv = sys.argv[1:]
    if not wants_console(argv):
        from synthlab.cli.main import entry as command_line

        command_line()
    sys.exit(open_console(argv, os.environ))


def open_console(argv: Sequence[str], environment: Mapping[str, str]) -> ExitCode:
    """Run the console until it is left; without a terminal it says what to do instead."""
    options = _options(argv)
    if not (all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))):
        _say(
            "the console needs a terminal; `synthlab --help` lists the verbs for scripts",
            environment,
        )
        return ExitCode.USAGE
    # Before the framework is imported: it reads these once.
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    from storage.errors import StorageError
    from synthlab.errors import SynthlabError

    # Nothing is garbage before the first paint; the app puts the collector back at its first tick.
    gc.disable()
    try:
        return _run(options, environment)
    except (SynthlabError, StorageError) as error:
        _say(str(error), environment)
        return error.exit_code if isinstance(error, SynthlabError) else ExitCode.FAILED
    finally:
        gc.enable()


def _run(options: argparse.Namespace, environment: Mapping[str, str]) -> ExitCode:
    from screens.app import LabApp
    from screens.preferences import choose_symbols, load_preferences
    from storage.home import locate_home, prepare_home
    from synthlab.cli.paths import preferences_path

    path = preferences_path(environment)
    preferences = load_preferences(path)
    home = prepare_home(locate_home(options.home, environment))
    symbols = choose_symbols(
        options.symbols or preferences.symbols, environment, sys.stdout.encoding or "ascii"
    )
    app = LabApp(
        home,
        preferences=preferences,
        preferences_path=path,
        symbols=symbols,
        readonly=options.readonly,
        experiment=options.experiment,
    )
    app.run(mouse=preferences.mouse and not options.no_mouse)
    return ExitCode(app.return_code or 0)


def _say(message: str, environment: Mapping[str, str]) -> None:
    from synthlab.cli.output import Output

    Output.of_process(environment).say(f"synthlab: {message}")


def _options(argv: Sequence[str]) -> argparse.Namespace:
    from synthlab.cli.grammar import SafeParser, add_console_options

    parser: Any = SafeParser(prog="synthlab")
    add_console_options(parser)
    parsed: argparse.Namespace = parser.parse_args(list(argv))
    return parsed
