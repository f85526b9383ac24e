"""What the supervisor does about each kind of request."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage import durable
from storage.catalog.connection import write_transaction
from storage.catalog.rebuild import RUN_TABLES
from storage.catalog.requests import Request
from storage.home import LabHome
from storage.rundir import RunDir, RunExit, RunId
from synthlab.errors import ConflictError, NotFoundError, UsageError
from synthlab.execution.adoption import adopt
from synthlab.execution.resolve import ACTIVE, ENDED_BADLY
from synthlab.execution.submission import Submission, accept

MOST_PRIORITY = 1000


@dataclass(frozen=True)
class Handled:
    """The answer to a request, and the runs whose files it changed."""

    outcome: Mapping[str, Any]
    changed: tuple[RunId, ...] = ()
    leave: bool = field(default=False)
    """Whether the supervisor was asked to go."""


@dataclass(frozen=True)
class Call:
    """A request with everything that a handler needs."""

    connection: sqlite3.Connection
    home: LabHome
    request: Request
    now: float

    def states(self, run_ids: list[str]) -> dict[RunId, str]:
        """States of the named runs; raises NotFoundError for one that is not there."""
        found = {}
        for run_id in run_ids:
            row = self.connection.execute(
                "SELECT state FROM runs WHERE id = ?", (run_id,)
            ).fetchone()
            if row is None:
                raise NotFoundError(f"there is no run {run_id}", "synthlab runs")
            found[RunId(run_id)] = str(row["state"])
        return found


def handle(connection: sqlite3.Connection, home: LabHome, request: Request, now: float) -> Handled:
    """Do what the request asks; raises SynthlabError, which becomes the answer, if it cannot be done."""
    handler = HANDLERS.get(request.kind)
    if handler is None:
        raise UsageError(f"the supervisor does not know the request {request.kind!r}")
    return handler(Call(connection, home, request, now))


def _submit(call: Call) -> Handled:
    submission = Submission.from_json(call.request.arguments)
    return Handled(accept(call.connection, call.home, submission, call.now))


def _stop(call: Call) -> Handled:
    """Queued runs end at once; running ones are told, and their runner records the end."""
    changed, told = [], []
    for run_id, state in call.states(call.request.arguments["runs"]).items():
        directory = RunDir(call.home.run(run_id))
        reason = f"user:{call.request.asked_by}"
        if state == "queued":
            directory.write_exit(
                RunExit(
                    "cancelled", reason, "stopped before it began", "synthlab retry RUN", call.now
                )
            )
            changed.append(run_id)
        elif state in ACTIVE:
            durable.write_json(directory.stop, {"by": call.request.asked_by, "at": call.now})
            told.append(run_id)
    return Handled({"stopped": changed, "stopping": told}, tuple(changed))


def _prioritise(call: Call) -> Handled:
    """Give queued runs another place in the queue; a file of each run keeps it."""
    priority = int(call.request.arguments["priority"])
    if abs(priority) > MOST_PRIORITY:
        raise UsageError(f"priority {priority}: from -{MOST_PRIORITY} to {MOST_PRIORITY}")
    found = call.states(call.request.arguments["runs"])
    for run_id, state in found.items():
        if state != "queued":
            raise ConflictError(f"run {run_id} is {state}", "only a queued run has a priority")
    for run_id in found:
        durable.write_json(
            RunDir(call.home.run(run_id)).priority,
            {"priority": priority, "by": call.request.asked_by, "at": call.now},
        )
    return Handled({"priority": priority, "runs": list(found)}, tuple(found))


def _retry(call: Call) -> Handled:
    """Queue the runs again with those of their inputs that failed and what was waiting for them."""
    wanted = call.states(call.request.arguments["runs"])
    unready = [run_id for run_id, state in wanted.items() if state not in ENDED_BADLY]
    if unready:
        state = wanted[unready[0]]
        word = "has succeeded" if state == "succeeded" else f"is {state}"
        raise ConflictError(
            f"run {unready[0]} {word}", "only a run that ended badly can be tried again"
        )
    chosen: dict[RunId, None] = {}
    for run_id in wanted:
        for related in _upstream_failed(call.connection, run_id):
            chosen[related] = None
        for related in _downstream_cancelled(call.connection, run_id):
            chosen[related] = None
    for run_id in chosen:
        RunDir(call.home.run(run_id)).archive_attempt()
    return Handled({"queued": list(chosen)}, tuple(chosen))


def _upstream_failed(connection: sqlite3.Connection, run_id: RunId) -> list[RunId]:
    rows = connection.execute(
        "WITH RECURSIVE up(id) AS (VALUES (?) UNION SELECT ri.input_run_id FROM run_inputs ri"
        " JOIN up ON ri.run_id = up.id) SELECT r.id FROM up JOIN runs r ON r.id = up.id"
        " WHERE r.state IN ('failed', 'cancelled', 'interrupted', 'unknown')",
        (run_id,),
    )
    return [RunId(row["id"]) for row in rows]


def _downstream_cancelled(connection: sqlite3.Connection, run_id: RunId) -> list[RunId]:
    rows = connection.execute(
        "WITH RECURSIVE down(id) AS (VALUES (?) UNION SELECT ri.run_id FROM run_inputs ri"
        " JOIN down ON ri.input_run_id = down.id) SELECT r.id FROM down JOIN runs r"
        " ON r.id = down.id WHERE r.state = 'cancelled' AND r.reason = 'input_failed'",
        (run_id,),
    )
    return [RunId(row["id"]) for row in rows]


def _remove(call: Call) -> Handled:
    """Delete runs, or an experiment with the runs that nothing else uses."""
    experiment = call.request.arguments.get("experiment")
    runs = [RunId(run_id) for run_id in call.request.arguments.get("runs", [])]
    if experiment is not None:
        runs = _only_of(call.connection, experiment)
    for run_id, state in call.states(list(runs)).items():
        if state in ACTIVE:
            raise ConflictError(f"run {run_id} is {state}", f"first: synthlab stop {run_id}")
        if experiment is None:
            _refuse_if_used(call.connection, run_id, set(runs))
    with write_transaction(call.connection):
        if experiment is not None:
            for table, column in (("experiment_steps", "experiment_id"), ("experiments", "id")):
                call.connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (experiment,))
            durable.remove_tree(call.home.experiment(experiment))
        for run_id in runs:
            durable.remove_tree(call.home.run(run_id))
            _forget_run(call.connection, run_id)
    return Handled({"removed": runs, "experiment": experiment})


def _only_of(connection: sqlite3.Connection, experiment: str) -> list[RunId]:
    """Runs of the experiment that no other experiment shows and no run outside it reads."""
    rows = connection.execute(
        """
        WITH mine AS (SELECT DISTINCT run_id FROM experiment_steps WHERE experiment_id = :id),
        kept(id) AS (
            SELECT run_id FROM experiment_steps WHERE experiment_id != :id
            UNION SELECT ri.input_run_id FROM run_inputs ri JOIN kept ON ri.run_id = kept.id)
        SELECT run_id FROM mine WHERE run_id NOT IN (SELECT id FROM kept)
        """,
        {"id": experiment},
    )
    return [RunId(row["run_id"]) for row in rows]


def _refuse_if_used(connection: sqlite3.Connection, run_id: RunId, going: set[RunId]) -> None:
    user = connection.execute(
        "SELECT experiment_id FROM experiment_steps WHERE run_id = ?", (run_id,)
    ).fetchone()
    if user is not None:
        raise ConflictError(
            f"run {run_id} belongs to experiment {user['experiment_id']}",
            f"remove the experiment instead: synthlab rm {user['experiment_id']}",
        )
    for row in connection.execute(
        "SELECT run_id FROM run_inputs WHERE input_run_id = ?", (run_id,)
    ):
        if row["run_id"] not in going:
            raise ConflictError(
                f"run {run_id} is an input of run {row['run_id']}", "remove that one first"
            )


def _forget_run(connection: sqlite3.Connection, run_id: RunId) -> None:
    number = connection.execute("SELECT num FROM runs WHERE id = ?", (run_id,)).fetchone()["num"]
    connection.execute("DELETE FROM metrics WHERE run = ?", (number,))
    for table in RUN_TABLES:
        connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))
    connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))


def _adopt(call: Call) -> Handled:
    """Take in what an import has unpacked and checked."""
    given = call.request.arguments
    adopted = adopt(
        call.connection, call.home, given["folder"], given["runs"], given["experiments"]
    )
    return Handled({"runs": adopted.runs, "experiments": adopted.experiments})


def _leave(call: Call) -> Handled:
    return Handled({}, leave=True)


HANDLERS: Mapping[str, Callable[[Call], Handled]] = {
    "submit": _submit,
    "stop": _stop,
    "retry": _retry,
    "prioritise": _prioritise,
    "remove": _remove,
    "adopt": _adopt,
    "leave": _leave,
}
