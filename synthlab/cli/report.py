"""`synthlab report EXPERIMENT --out DIR`: one folder for other people."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from synthlab.cli.session import Session
from synthlab.cli.words import size
from synthlab.errors import ExitCode


def report(session: Session) -> ExitCode:
    """Write the report; exit code 5 if steps of the experiment are missing in it."""
    from synthlab.report.writing import write_report

    arguments, output = session.arguments, session.output
    made = write_report(
        session.home,
        arguments.experiment,
        Path(arguments.out or f"{arguments.experiment}-report"),
        with_harmful_texts=arguments.with_harmful_texts,
        swaps=arguments.swaps,
        say=output.say,
    )
    if arguments.json:
        output.json("report", {**asdict(made), "folder": str(made.folder), "page": str(made.page)})
    else:
        output.data(str(made.page))
        output.say(
            f"{made.experiment}: {made.figures} figures, {made.tables} tables, {made.items} items in"
            f" {made.files} files, {size(made.bytes)}"
        )
    if made.texts_left_out:
        output.say(
            f"{made.texts_left_out} harmful prompts and answers are there as hashes only"
            " (--with-harmful-texts writes them out)"
        )
    if made.unfinished:
        output.say(f"not in the report, not finished: {', '.join(made.unfinished)}")
        return ExitCode.DEGRADED
    return ExitCode.DONE
