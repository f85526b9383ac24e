"""`python -P -m synthlab.execution.supervisor HOME`: the one process that moves runs between states.

It answers requests, starts what can start, takes reports into the catalog and leaves when there is
nothing to do. It may be killed at any moment: the next one reads everything from the directories.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from storage import durable
from storage.catalog.connection import open_catalog, write_transaction
from storage.catalog.ingest import has_new_events, index_run, ingest_events
from storage.catalog.requests import answer_request, pending_requests
from storage.errors import StorageError
from storage.home import LabHome, prepare_home
from storage.locks import FileLock
from storage.process import ProcessIdentity
from storage.rundir import RunDir, RunExit, RunId
from synthlab.errors import ExitCode, SynthlabError
from synthlab.execution.gpus import GpuLease, GpuLeases, GpuProbe, NvmlProbe, lease_folder
from synthlab.execution.handlers import Handled, handle
from synthlab.execution.queue import QueuedRun, read_queue, run_inputs
from synthlab.execution.reconcile import end_if_dead, runner_identity
from synthlab.execution.runner_watch import RunnerWatch
from synthlab.execution.settings import Settings, load_settings, settings_environment
from synthlab.execution.starter import Starter

TICK_S = 0.1
INGEST_S = 0.5
LOCK_PATIENCE_S = 2.0
"""Clients hold the lock for an instant when they ask whether a supervisor lives."""
UNREADABLE = (StorageError, OSError, KeyError, TypeError, ValueError)
"""What a damaged run directory makes its readers raise."""
MIN_FREE_BYTES = 256 << 20
"""With less free space than this nothing is started: it could not even record its failure."""


class Supervisor:
    """The state of the living lab; all of it can be read back from disk."""

    def __init__(
        self, home: LabHome, settings: Settings, environment: Mapping[str, str], probe: GpuProbe
    ) -> None:
        self._home = home
        self._settings = settings
        self._environment = environment
        self._catalog = open_catalog(home, checkpoints=True)
        self._leases = GpuLeases(probe, lease_folder(home), settings.share_gpus)
        self._starter = Starter(home, settings, environment)
        self._watch = RunnerWatch()
        self._children: dict[RunId, subprocess.Popen[bytes]] = {}
        self._told_to_stop: set[RunId] = set()
        self._last_ingest = 0.0
        self._leave = False

    def serve(self, lock: FileLock) -> None:
        """Work until idle for a while, until asked to leave, or until the lab home is gone."""
        self._adopt_directories()
        idle_since = time.monotonic()
        while not self._leave and lock.is_in_place():
            if self.tick():
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > self._settings.idle_exit_s:
                break
            self._watch.wait(TICK_S)
        self._watch.close()
        self._starter.close()

    def leave(self, *_: object) -> None:
        """Go at the next tick; runs go on without a supervisor."""
        self._leave = True

    def has_requests(self) -> bool:
        """Whether somebody asked for something that nobody has answered."""
        return bool(pending_requests(self._catalog))

    def tick(self) -> bool:
        """One round: answer, collect, start. Returns whether there is anything alive or to do."""
        answered = self._answer_requests()
        active = self._collect()
        waiting = self._dispatch(active)
        return answered or bool(active) or waiting

    def _adopt_directories(self) -> None:
        """Index run directories that a predecessor made but did not live to enter."""
        known = {row["id"] for row in self._catalog.execute("SELECT id FROM runs")}
        found = [
            path
            for path in self._home.runs.iterdir()
            if path.name not in known and (path / "spec.json").exists()
        ]
        for path in found:
            self._take_in(RunId(path.name), events=True)

    def _take_in(self, run_id: RunId, *, events: bool) -> None:
        """Bring a run's rows up to date; one that cannot be read is set aside, not tried for ever."""
        directory = RunDir(self._home.run(run_id))
        try:
            with write_transaction(self._catalog):
                index_run(self._catalog, directory)
                if events:
                    ingest_events(self._catalog, directory)
        except UNREADABLE as error:
            say(f"run {run_id} cannot be read: {type(error).__name__}: {error}")
            with write_transaction(self._catalog):
                self._catalog.execute(
                    "UPDATE runs SET state = 'unknown', reason = 'damaged', message = ?"
                    " WHERE id = ?",
                    (f"its directory cannot be read: {error}", run_id),
                )

    def _answer_requests(self) -> bool:
        requests = pending_requests(self._catalog)
        for request in requests:
            now = time.time()
            try:
                handled = handle(self._catalog, self._home, request, now)
            except SynthlabError as error:
                handled = Handled(
                    {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}
                )
            except Exception as error:  # noqa: BLE001 - asked again, it would fail for ever
                text = f"{type(error).__name__}: {error}"
                say(f"request {request.id} ({request.kind}) failed: {traceback.format_exc()}")
                handled = Handled({"error": text, "hint": str(self._home.supervisor_log),
                                   "exit_code": ExitCode.FAILED})  # fmt: skip
            for run_id in handled.changed:
                self._take_in(run_id, events=False)
            with write_transaction(self._catalog):
                answer_request(self._catalog, request.id, handled.outcome, now)
            self._leave = self._leave or handled.leave
        return bool(requests)

    def _collect(self) -> list[RunId]:
        """Take in what active runs reported; returns those that are still active."""
        rows = self._catalog.execute(
            "SELECT id, state, events_offset FROM runs WHERE state IN ('starting', 'running')"
        ).fetchall()
        due = time.monotonic() - self._last_ingest >= INGEST_S
        active, news = [], []
        for row in rows:
            run_id, directory = RunId(row["id"]), RunDir(self._home.run(row["id"]))
            self._pass_stop_on(run_id, directory)
            ended = self._has_ended(run_id, directory)
            started = row["state"] == "starting" and directory.proc.exists()
            grown = due and has_new_events(directory.events, row["events_offset"])
            if ended or started or grown:
                news.append(run_id)
            if not ended:
                active.append(run_id)
                self._await_end(run_id, directory)
        if news:
            self._last_ingest = time.monotonic()
        for run_id in news:
            self._take_in(run_id, events=True)
        return active

    def _await_end(self, run_id: RunId, directory: RunDir) -> None:
        """Be woken when this run's runner ends, as soon as it has said who it is."""
        if not self._watch.knows(run_id):
            identity = runner_identity(directory)
            if identity is not None:
                self._watch.add(run_id, identity)

    def _has_ended(self, run_id: RunId, directory: RunDir) -> bool:
        child = self._children.get(run_id)
        if child is not None and child.poll() is None:
            return False
        ended = end_if_dead(directory, time.time())
        if ended:
            self._children.pop(run_id, None)
            self._told_to_stop.discard(run_id)
        return ended

    def _pass_stop_on(self, run_id: RunId, directory: RunDir) -> None:
        if run_id in self._told_to_stop or not directory.stop.exists():
            return
        identity = runner_identity(directory)
        if identity is not None and identity.send(signal.SIGTERM):
            self._told_to_stop.add(run_id)

    def _dispatch(self, active: list[RunId]) -> bool:
        """Start every queued run that can start; returns whether any is left waiting."""
        queue = read_queue(self._catalog)
        for run in queue.blocked:
            self._cancel_blocked(run)
        needs_model = any(run.needs_model for run in (*queue.ready, *queue.waiting))
        on_gpus = needs_model and self._leases.exist()
        if needs_model and not on_gpus:
            self._starter.warm_up()
        if not queue.ready:
            return bool(queue.waiting)
        heavy = self._catalog.execute(
            "SELECT count(*) FROM runs WHERE state IN ('starting', 'running') AND needs_model"
        ).fetchone()[0]
        light = len(active) - heavy
        gpu_free = on_gpus
        for run in queue.ready:
            lease = None
            if not run.needs_model:
                if light >= self._settings.light_slots:
                    continue
                light += 1
            elif on_gpus:
                lease = self._leases.acquire() if gpu_free else None
                if lease is None:
                    gpu_free = False
                    continue
            else:
                if heavy >= self._settings.cpu_slots or self._starter.is_warming_up():
                    continue
                heavy += 1
            self._launch(run, lease)
        return True

    def _launch(self, run: QueuedRun, lease: GpuLease | None) -> None:
        directory = RunDir(self._home.run(run.id))
        now = time.time()
        if durable.free_bytes(directory.root) < MIN_FREE_BYTES:
            message = f"less than {MIN_FREE_BYTES >> 20} MiB are free on the disk of the lab home"
            directory.write_exit(
                RunExit("interrupted", "disk_full", message, "free some space, run again", now)
            )
        else:
            self._write_inputs(run, directory, now)
            child = self._starter.start(directory, lease)
            if child is not None:
                self._children[run.id] = child
        self._take_in(run.id, events=False)

    def _write_inputs(self, run: QueuedRun, directory: RunDir, now: float) -> None:
        """Pin the content that the job will read; saved work that read other content is dropped."""
        inputs = run_inputs(self._catalog, run.id)
        attempts = directory.attempts_ended
        if attempts:
            before = directory.read_optional(directory.archived(directory.inputs, attempts))
            if before and before["inputs"] != inputs:
                durable.remove_tree(directory.work)
                durable.make_directory(directory.work)
        durable.write_json(
            directory.inputs, {"attempt": attempts + 1, "launched_at": now, "inputs": inputs}
        )

    def _cancel_blocked(self, run: QueuedRun) -> None:
        directory = RunDir(self._home.run(run.id))
        message = f"its input {run.blocked_by} did not succeed"
        hint = "repair or retry the input first"
        directory.write_exit(RunExit("cancelled", "input_failed", message, hint, time.time()))
        self._take_in(run.id, events=False)


def say(text: str) -> None:
    """One entry of the supervisor's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    sys.stderr.flush()


def acquire_patiently(lock: FileLock) -> bool:
    """Try for the lock for a moment: a client may be looking at it just now."""
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while not lock.acquire():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def main() -> int:
    """Serve the home named on the command line unless another supervisor does."""
    home = prepare_home(LabHome(Path(sys.argv[1])))
    lock = FileLock(home.supervisor_lock)
    while acquire_patiently(lock):
        identity = ProcessIdentity.of(os.getpid())
        if identity is not None:
            durable.write_json(home.cache / "supervisor.json", identity.to_json())
        settings = load_settings(home)
        environment = {**os.environ, **settings_environment(settings)}
        supervisor = Supervisor(home, settings, environment, NvmlProbe(environment))
        signal.signal(signal.SIGTERM, supervisor.leave)
        supervisor.serve(lock)
        was_in_place = lock.is_in_place()
        lock.release()
        # A request may have come in between our last look and the release of the lock.
        if not was_in_place or not supervisor.has_requests():
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
