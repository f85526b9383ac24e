"""`synthlab stop | retry | priority | rm`: what changes the course of runs, all through the supervisor."""

from __future__ import annotations

import sqlite3

from storage.catalog.queries import Row, experiment_steps, find_experiment
from storage.rundir import RunId
from synthlab.cli.session import Session, one_experiment, one_run
from synthlab.cli.words import many
from synthlab.errors import ConflictError, ExitCode
from synthlab.execution import client
from synthlab.execution.resolve import ACTIVE, ENDED_BADLY


def stop(session: Session) -> ExitCode:
    """Stop a run, or every active run of an experiment; saved work stays for `retry`."""
    with session.catalog() as connection:
        experiment = find_experiment(connection, session.arguments.target)
        if experiment is not None:
            steps = experiment_steps(connection, experiment["id"])
            chosen = list(dict.fromkeys(s["id"] for s in steps if s["state"] in ACTIVE))
        else:
            run = _one_run(connection, session)
            if run["state"] not in ACTIVE:
                raise ConflictError(f"run {run['id']} has ended: {run['state']}")
            chosen = [run["id"]]
    if not chosen:
        raise ConflictError(f"nothing of {session.arguments.target} is queued or running")
    answer = client.stop_runs(session.home, [RunId(run_id) for run_id in chosen])
    if session.arguments.json:
        session.output.json("stopped", answer)
    else:
        session.output.say(
            f"{many(len(answer['stopped']), 'queued run')} stopped;"
            f" {many(len(answer['stopping']), 'running one')} told to save and end"
        )
    return ExitCode.DONE


def retry(session: Session) -> ExitCode:
    """Queue an ended run again, or every run of an experiment that ended badly."""
    with session.catalog() as connection:
        experiment = find_experiment(connection, session.arguments.target)
        if experiment is not None:
            steps = experiment_steps(connection, experiment["id"])
            chosen = list(dict.fromkeys(s["id"] for s in steps if s["state"] in ENDED_BADLY))
            if not chosen:
                raise ConflictError(f"no run of {experiment['id']} ended badly")
        else:
            chosen = [_one_run(connection, session)["id"]]
    answer = client.retry_runs(session.home, [RunId(run_id) for run_id in chosen])
    if session.arguments.json:
        session.output.json("queued", answer)
    else:
        session.output.say(f"{many(len(answer['queued']), 'run')} queued again")
    return ExitCode.DONE


def prioritise(session: Session) -> ExitCode:
    """Give a queued run, or every queued run of an experiment, another place in the queue."""
    with session.catalog() as connection:
        experiment = find_experiment(connection, session.arguments.target)
        if experiment is not None:
            steps = experiment_steps(connection, experiment["id"])
            chosen = list(dict.fromkeys(s["id"] for s in steps if s["state"] == "queued"))
            if not chosen:
                raise ConflictError(f"no run of {experiment['id']} is queued")
        else:
            chosen = [_one_run(connection, session)["id"]]
    runs = [RunId(run_id) for run_id in chosen]
    answer = client.prioritise_runs(session.home, runs, session.arguments.priority)
    if session.arguments.json:
        session.output.json("prioritised", answer)
    else:
        session.output.say(f"priority {answer['priority']}: {many(len(answer['runs']), 'run')}")
    return ExitCode.DONE


def remove(session: Session) -> ExitCode:
    """Delete an experiment with what only it uses, or a run that nothing uses; needs `--yes`."""
    with session.catalog() as connection:
        experiment = find_experiment(connection, session.arguments.target)
        run = None if experiment is not None else _one_run(connection, session)
        if experiment is not None:
            experiment = one_experiment(connection, experiment["id"])
    name = experiment["id"] if experiment is not None else f"run {run['id']}" if run else ""
    if not session.arguments.yes:
        raise ConflictError(
            f"{name} would be deleted from disk", "say it again with --yes to do it"
        )
    if experiment is not None:
        answer = client.remove(session.home, experiment=experiment["id"])
    elif run is not None:
        answer = client.remove(session.home, run_ids=[RunId(run["id"])])
    if session.arguments.json:
        session.output.json("removed", answer)
    else:
        session.output.say(f"{name}: {many(len(answer['removed']), 'run')} deleted")
    return ExitCode.DONE


def _one_run(connection: sqlite3.Connection, session: Session) -> Row:
    return one_run(connection, session.arguments.target, or_experiment=True)
