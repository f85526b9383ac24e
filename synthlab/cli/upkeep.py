"""`synthlab init | verify | catalog rebuild | recipes`: looking after a lab home."""

from __future__ import annotations

from textwrap import fill

from storage import durable
from storage.catalog.connection import open_catalog
from storage.rundir import RunDir
from synthlab.cli.session import Session
from synthlab.errors import ExitCode
from synthlab.execution import client
from synthlab.experiment.recipes import list_recipes


def init(session: Session) -> ExitCode:
    """Make the lab home and its catalog; harmless where they exist."""
    home = session.home
    open_catalog(home).close()
    session.output.say(f"lab home: {home.root}")
    session.output.say("next: synthlab recipes, then synthlab run tiny")
    return ExitCode.DONE


def verify(session: Session) -> ExitCode:
    """Hash every published file again and compare with its manifest and with the catalog."""
    output, home = session.output, session.home
    with session.catalog() as connection:
        runs = connection.execute(
            "SELECT id, label, digest FROM runs WHERE state = 'succeeded' ORDER BY created_at, label"
        ).fetchall()
    problems = []
    for number, run in enumerate(runs, 1):
        problems += [
            {"run": run["id"], "label": run["label"], "problem": text}
            for text in check_run(RunDir(home.run(run["id"])), run["digest"])
        ]
        if number % 100 == 0:
            output.say(f"{number} of {len(runs)} runs hashed")
    if session.arguments.json:
        output.json("verify", {"runs": len(runs), "problems": problems})
    else:
        for problem in problems:
            output.data(f"{problem['run']} ({problem['label']}): {problem['problem']}")
    output.say(f"{len(runs)} runs hashed, {len(problems)} problems")
    return ExitCode.FAILED if problems else ExitCode.DONE


def check_run(directory: RunDir, digest: str) -> list[str]:
    """What differs between the files of a run and what its manifest promises; empty if nothing does."""
    manifest = directory.read_manifest()
    if manifest is None:
        return ["MANIFEST.json is gone"]
    found = (
        [] if manifest.digest == digest else ["the catalog has another digest than the manifest"]
    )
    promised = {file.path for file in manifest.files}
    present = {str(p.relative_to(directory.out)) for p in directory.out.rglob("*") if p.is_file()}
    found += [f"{path}: not in the manifest" for path in sorted(present - promised)]
    for file in manifest.files:
        path = directory.out / file.path
        if not path.exists():
            found.append(f"{file.path}: is gone")
        elif durable.sha256_file(path) != file.sha256:
            found.append(f"{file.path}: its content is not what was published")
    return found


def rebuild(session: Session) -> ExitCode:
    """Make the catalog again from the directories."""
    rebuilt = client.rebuild(session.home)
    if session.arguments.json:
        session.output.json("rebuilt", vars(rebuilt))
    for problem in rebuilt.problems:
        session.output.say(f"left out: {problem}")
    session.output.say(f"{rebuilt.runs} runs and {rebuilt.experiments} experiments indexed")
    return ExitCode.DEGRADED if rebuilt.problems else ExitCode.DONE


def recipes(session: Session) -> ExitCode:
    """List the experiments that come with the lab."""
    rows = [
        {
            "name": r.name,
            "asks": r.description,
            "needs": r.needs,
            "takes": r.takes,
            "path": str(r.path),
        }
        for r in list_recipes()
    ]
    if session.arguments.json:
        session.output.json("recipes", {"rows": rows})
    else:
        for row in rows:
            session.output.data(row["name"])
            for title in ("asks", "needs", "takes"):
                said = fill(
                    row[title],
                    92,
                    initial_indent=f"  {title:<7}",
                    subsequent_indent=" " * 9,
                    break_on_hyphens=False,
                )
                session.output.data(said)
        session.output.say("\nrun one: synthlab run NAME; its file: synthlab recipes --json")
    return ExitCode.DONE
