"""`synthlab compare A B [C …]`: is the difference real, and how would one know."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from synthlab.cli.bias import print_judges
from synthlab.cli.comparing import ComparisonNarrator
from synthlab.cli.comparison_print import print_comparison, print_verdicts
from synthlab.cli.output import Output
from synthlab.cli.session import Session
from synthlab.errors import ExitCode, NotFoundError, UsageError

if TYPE_CHECKING:
    from synthlab.analysis.comparison import Comparison, ConfigDifference

TEXT_FORMS = ("csv", "tex", "md")
ALL_AXES = "all"
NEXT = "\n"
"""Between two axes."""


def compare(session: Session) -> ExitCode:
    """Compare conditions on one axis or on all; the first one named, or `--baseline`, is the baseline.

    Each word is an experiment (all its conditions), EXPERIMENT:CONDITION, a condition of the
    experiment named before it, which is the newest one to begin with, or a run. Exit code 5 if of all
    axes one cannot be compared.
    """
    form = _form(session)
    with session.catalog() as connection:
        found, left_out = _compared(session, connection)
    if form == "json":
        _print_json(session, found)
    elif form:
        _print_tables(session.output, found, form)
    else:
        _print_text(session, found)
    for axis, why in left_out.items():
        session.output.say(f"{axis} left out: {why}")
    return ExitCode.DEGRADED if left_out else ExitCode.DONE


def _compared(
    session: Session, connection: sqlite3.Connection
) -> tuple[list[Comparison], dict[str, str]]:
    """The comparison on each axis that was asked for; of all axes, also why some cannot be compared."""
    from synthlab.analysis.chosen_cells import common_axes
    from synthlab.analysis.compare_conditions import compare_conditions

    arguments = session.arguments
    every = arguments.axis == ALL_AXES
    axes = common_axes(connection, arguments.words) if every else (arguments.axis,)
    found: list[Comparison] = []
    failed: dict[str, UsageError | NotFoundError] = {}
    for axis in axes:
        try:
            comparison = compare_conditions(
                connection,
                session.home,
                arguments.words,
                axis=axis,
                baseline=arguments.baseline,
                swaps=arguments.swaps,
                progress=ComparisonNarrator(session.output, arguments.swaps),
                use_cache=not arguments.no_cache,
            )
        except (UsageError, NotFoundError) as error:
            failed[axis] = error
        else:
            found.append(comparison)
    if not found:
        raise next(iter(failed.values()))
    return found, {axis: error.message for axis, error in failed.items()}


def _print_json(session: Session, found: Sequence[Comparison]) -> None:
    from synthlab.analysis.comparison_json import comparison_document

    if session.arguments.axis == ALL_AXES:
        axes = {one.axis: comparison_document(one) for one in found}
        session.output.json("comparisons", {"axes": axes})
    else:
        session.output.json("comparison", comparison_document(found[0]))


def _print_tables(output: Output, found: Sequence[Comparison], form: str) -> None:
    from synthlab.analysis.comparison_tables import tables_of
    from synthlab.analysis.table_text import Table, to_csv, to_latex, to_markdown

    tables: list[Table] = []
    for comparison in found:
        if form == "csv" and len(found) > 1:
            # The titles, which name the axis, are not in a CSV.
            tables.append(Table("", ("axis",), ((comparison.axis,),)))
        tables += tables_of(comparison)
    write = {"csv": to_csv, "tex": to_latex, "md": to_markdown}[form]
    output.raw(write(tables))


def _print_text(session: Session, found: Sequence[Comparison]) -> None:
    arguments, output = session.arguments, session.output
    before: tuple[ConfigDifference, ...] = ()
    for number, comparison in enumerate(found):
        if len(found) > 1:
            output.data(f"{NEXT if number else ''}axis {comparison.axis}")
        # What differs is the same on most axes, and is then said once.
        said = comparison.configuration if comparison.configuration != before else ()
        before = comparison.configuration
        shown = replace(comparison, configuration=said)
        if arguments.words_only:
            print_verdicts(output, shown)
        elif shown.judges:
            print_judges(output, shown)
        else:
            print_comparison(output, shown, with_all=arguments.all)


def _form(session: Session) -> str:
    """Which form was asked for, empty for the tables that a person reads."""
    arguments = session.arguments
    if arguments.swaps < 1:
        raise UsageError(f"--swaps {arguments.swaps}: a test needs at least one swap")
    asked = [name for name in ("json", *TEXT_FORMS) if getattr(arguments, name)]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0]} and --{asked[1]} at once: one form for each call")
    return asked[0] if asked else ""
