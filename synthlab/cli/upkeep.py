"""`synthlab init | verify | catalog rebuild | recipes`: looking after a lab home."""

from __future__ import annotations

from dataclasses import asdict
from textwrap import fill

from storage.catalog.connection import open_catalog
from synthlab.cli.session import Session
from synthlab.cli.words import TEXT_WIDTH, many
from synthlab.errors import ExitCode
from synthlab.execution import client
from synthlab.experiment.recipes import list_recipes
from synthlab.lineage.checks import Problem, check_hop
from synthlab.lineage.graph import find_start
from synthlab.lineage.hops import trace


def init(session: Session) -> ExitCode:
    """Make the lab home and its catalog; harmless where they exist."""
    home = session.home
    open_catalog(home).close()
    if session.arguments.json:
        session.output.json("home", {"home": str(home.root)})
    session.output.say(f"lab home: {home.root}")
    session.output.say("next: synthlab recipes, then synthlab run tiny")
    return ExitCode.DONE


def verify(session: Session) -> ExitCode:
    """Hash every published file again, of all runs or of what one id rests on, and check each hop."""
    output, wanted = session.output, session.arguments.id
    with session.catalog() as connection:
        if wanted is None:
            done = connection.execute("SELECT id FROM runs WHERE state = 'succeeded'").fetchall()
            lineage = trace(connection, [row["id"] for row in done])
        else:
            lineage = trace(connection, find_start(connection, wanted).roots)
    problems: list[Problem] = []
    for number, hop in enumerate(lineage.hops.values(), 1):
        problems += check_hop(session.home, lineage, hop)
        if number % 100 == 0:
            output.say(f"{number} of {len(lineage.hops)} runs hashed")
    if session.arguments.json:
        rows = [asdict(problem) for problem in problems]
        output.json("verify", {"runs": len(lineage.hops), "problems": rows})
    else:
        for problem in problems:
            where = f"{problem.file}: " if problem.file else ""
            output.data(f"{problem.run} ({problem.label}): {where}{problem.problem}")
    output.say(f"{many(len(lineage.hops), 'run')} hashed, {many(len(problems), 'problem')}")
    return ExitCode.FAILED if problems else ExitCode.DONE


def rebuild(session: Session) -> ExitCode:
    """Make the catalog again from the directories."""
    rebuilt = client.rebuild(session.home)
    if session.arguments.json:
        session.output.json("rebuilt", vars(rebuilt))
    for problem in rebuilt.problems:
        session.output.say(f"left out: {problem}")
    session.output.say(
        f"{many(rebuilt.runs, 'run')} and {many(rebuilt.experiments, 'experiment')} indexed"
    )
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
                    TEXT_WIDTH,
                    initial_indent=f"  {title:<7}",
                    subsequent_indent=" " * 9,
                    break_on_hyphens=False,
                )
                session.output.data(said)
        session.output.say("\nrun one: synthlab run NAME; its file: synthlab recipes --json")
    return ExitCode.DONE
