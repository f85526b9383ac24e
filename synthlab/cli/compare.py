"""`synthlab compare A B [C …]`: is the difference real, and how would one know."""

from __future__ import annotations

from synthlab.cli.bias import print_judges
from synthlab.cli.comparison_print import print_comparison, print_verdicts
from synthlab.cli.session import Session
from synthlab.errors import ExitCode, UsageError

TEXT_FORMS = ("csv", "tex", "md")


def compare(session: Session) -> ExitCode:
    """Compare conditions on one axis; the first one named, or `--baseline`, is the baseline.

    Each word is an experiment (all its conditions), EXPERIMENT:CONDITION, a condition of the
    experiment named before it, which is the newest one to begin with, or a run.
    """
    from synthlab.analysis.compare_conditions import compare_conditions
    from synthlab.analysis.comparison_json import comparison_document

    arguments, output = session.arguments, session.output
    form = _form(session)
    with session.catalog() as connection:
        comparison = compare_conditions(
            connection,
            session.home,
            arguments.words,
            axis=arguments.axis,
            baseline=arguments.baseline,
            swaps=arguments.swaps,
            progress=_Narrator(session),
            use_cache=not arguments.no_cache,
        )
    if form == "json":
        output.json("comparison", comparison_document(comparison))
    elif form:
        from synthlab.analysis.comparison_tables import tables_of
        from synthlab.analysis.table_text import to_csv, to_latex, to_markdown

        write = {"csv": to_csv, "tex": to_latex, "md": to_markdown}[form]
        output.raw(write(tables_of(comparison)))
    elif arguments.words_only:
        print_verdicts(output, comparison)
    elif comparison.judges:
        print_judges(output, comparison)
    else:
        print_comparison(output, comparison, with_all=arguments.all)
    return ExitCode.DONE


def _form(session: Session) -> str:
    """Which form was asked for, empty for the tables that a person reads."""
    arguments = session.arguments
    if arguments.swaps < 1:
        raise UsageError(f"--swaps {arguments.swaps}: a test needs at least one swap")
    asked = [name for name in ("json", *TEXT_FORMS) if getattr(arguments, name)]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0]} and --{asked[1]} at once: one form for each call")
    return asked[0] if asked else ""


class _Narrator:
    """Says what is being computed; says nothing where the answer was known already."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._has_begun = False

    def __call__(self, done: int, total: int, what: str) -> None:
        if not self._has_begun:
            swaps = self._session.arguments.swaps
            self._session.output.say(
                f"{total} metrics, {swaps} swaps for each that is of all answers together …"
            )
            self._has_begun = True
