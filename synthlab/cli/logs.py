"""`synthlab logs RUN [-f]`: what a job wrote to its standard output and error."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from pathlib import Path

from storage.catalog.queries import find_runs
from storage.rundir import RunDir
from synthlab.cli.session import Session, one_run
from synthlab.errors import ExitCode
from synthlab.execution.resolve import ACTIVE

POLL_S = 0.3
CHUNK_BYTES = 1 << 16


def show_logs(session: Session) -> ExitCode:
    """Print the log made safe for a terminal; with `-f` go on until the run has ended.

    `--json` gives the whole text once, unaltered.
    """
    with session.catalog() as connection:
        run = one_run(connection, session.arguments.run)
        path = RunDir(session.home.run(run["id"])).log
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        told: list[str] = []
        write = told.append if session.arguments.json else session.output.raw
        offset = _write_from(write, path, 0, decoder)
        if offset == 0 and not session.arguments.follow:
            session.output.say(f"run {run['id']} ({run['label']}) has written nothing")
        while session.arguments.follow and run["state"] in ACTIVE:
            time.sleep(POLL_S)
            run = find_runs(connection, run["id"])[0]
            offset = _write_from(write, path, offset, decoder)
    if session.arguments.json:
        facts = {name: run[name] for name in ("id", "label", "state")}
        session.output.json("log", {**facts, "text": "".join(told)})
    return ExitCode.DONE


def _write_from(
    write: Callable[[str], None], path: Path, offset: int, decoder: codecs.IncrementalDecoder
) -> int:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return offset
    with file:
        file.seek(offset)
        while chunk := file.read(CHUNK_BYTES):
            offset += len(chunk)
            write(decoder.decode(chunk))
    return offset
