"""`synthlab export-run | import-run`: finished runs on their way between labs."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path

from synthlab.cli.session import Session
from synthlab.cli.words import many, size
from synthlab.errors import ExitCode, NotFoundError
from synthlab.execution import client
from synthlab.execution.adoption import FILE_NAME, FOLDER_PREFIX
from synthlab.lineage.bundle import Bundle, export, left_out_lines
from synthlab.lineage.unpack import unpacked

LINES_SHOWN = 4


def export_run(session: Session) -> ExitCode:
    """Write the bundle, and say what is not in it and how to go on from it."""
    arguments, output, home = session.arguments, session.output, session.home
    target = Path(arguments.out).absolute()
    if not target.parent.is_dir():
        raise NotFoundError(f"there is no folder {target.parent}")
    with session.catalog() as connection:
        bundle = export(
            connection,
            home,
            arguments.target,
            target,
            only=arguments.only,
            with_harmful_texts=arguments.with_harmful_texts,
        )
    command = f"synthlab import-run {target.name}"
    if arguments.json:
        document = {**asdict(bundle), "file": str(target), "size": target.stat().st_size}
        output.json("exported", {**document, "next": command})
    else:
        output.data(f"{target}")
    output.say(f"{_counted(bundle)}, {size(target.stat().st_size)}")
    _say_left_out(session, bundle)
    if arguments.only:
        output.say("without what it rests on: there it can be looked at, not continued")
    output.say(f"on the other machine: {command}")
    return ExitCode.DONE


def import_run(session: Session) -> ExitCode:
    """Unpack beside the lab, check everything, and ask the supervisor to take it in."""
    arguments, output, home = session.arguments, session.output, session.home
    source = Path(arguments.bundle)
    if not source.is_file():
        raise NotFoundError(f"there is no file {source}")
    folder = home.cache / f"{FOLDER_PREFIX}{secrets.token_hex(6)}"
    with unpacked(home, source, folder) as found:
        bundle = found.bundle
        adopted = client.adopt(home, folder.name, found.new, bundle.experiments)
    names = adopted["experiments"]
    files = [str(home.experiment(name) / FILE_NAME) for name in names]
    commands = [f"synthlab run {file}" for file in files if Path(file).is_file()]
    if arguments.json:
        output.json(
            "imported",
            {
                "runs": list(found.new),
                "known": list(found.known),
                "experiments": names,
                "left_out": {run.id: list(run.left_out) for run in bundle.runs if run.left_out},
                "next": commands,
            },
        )
    else:
        for run in bundle.runs:
            state = "imported" if run.id in found.new else "was here"
            output.data(f"{run.id}  {state}  {run.label}")
    output.say(
        f"{many(len(found.new), 'run')} imported, {len(found.known)} were here with equal content"
    )
    for was, now in zip(bundle.experiments, names, strict=True):
        output.say(f"experiment {now}" + (f" (it was {was} there)" if was != now else ""))
    _say_left_out(session, bundle)
    for command in commands:
        output.say(f"to go on: {command}")
    return ExitCode.DONE


def _counted(bundle: Bundle) -> str:
    experiments = ", ".join(bundle.experiments) or "no experiment"
    return f"{many(len(bundle.runs), 'run')}, {many(len(bundle.files), 'file')}, {experiments}"


def _say_left_out(session: Session, bundle: Bundle) -> None:
    lines = list(left_out_lines(bundle))
    for line in lines[:LINES_SHOWN]:
        session.output.say(line)
    if len(lines) > LINES_SHOWN:
        session.output.say(f"  … {len(lines) - LINES_SHOWN} more: --json lists them")
    if lines:
        session.output.say(
            f"{len(lines)} files with texts of harmful sets are not in the bundle: `synthlab verify`"
            " will call them gone\n  export with --with-harmful-texts to move them too"
        )
