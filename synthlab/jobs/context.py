"""What a job sees of the lab: its parameters, its inputs, and ways to report, stop and publish."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from storage import durable
from storage.durable import AppendLog
from storage.rundir import Manifest, RunDir, RunSpec
from synthlab.errors import JobError
from synthlab.jobs.environment import describe_environment

HEARTBEAT_S = 10.0
PROGRESS_INTERVAL_S = 0.5
SYNC_INTERVAL_S = 5.0


class JobStopped(Exception):
    """The job was asked to stop and has saved its work; the run can be continued."""


class JobContext:
    """One attempt of one run. All effects of a job pass through here or stay below its directory.

    Use as a context manager: the heartbeat runs inside the block. Reporting is safe from any thread.
    """

    def __init__(self, directory: RunDir) -> None:
        self.directory = directory
        self.spec: RunSpec = directory.read_spec()
        self._inputs = directory.read_optional(directory.inputs).get("inputs", {})
        self._events = AppendLog(directory.events)
        self._stop = threading.Event()
        self._closing = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._last_progress = 0.0
        self._last_sync = time.monotonic()
        self._rate_base: tuple[float, float] | None = None

    def __enter__(self) -> Self:
        self._emit("started")
        self._heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._heart.join()
        self._events.close()

    @property
    def params(self) -> Mapping[str, Any]:
        """The resolved parameters of the step."""
        return self.spec.params

    @property
    def observing(self) -> Mapping[str, Any]:
        """How the work is watched and saved; nothing in it may change what is published."""
        return self.spec.observing

    @property
    def label(self) -> str:
        """The step's name in the experiment that first queued it; for messages only."""
        return self.spec.label

    @property
    def out(self) -> Path:
        """Where published files go; they count only after `publish`."""
        return self.directory.out

    @property
    def work(self) -> Path:
        """Where resumable state goes; kept until the run has succeeded."""
        return self.directory.work

    def has_input(self, role: str) -> bool:
        """Whether the plan gave this step an input under that role."""
        return role in self._inputs

    def input(self, role: str) -> Path:
        """The `out/` directory of the run that this input comes from."""
        try:
            return self.directory.root.parent / str(self._inputs[role]["run_id"]) / "out"
        except KeyError as error:
            raise JobError("no_input", f"{self.label}: has no input named {role!r}") from error

    def input_digest(self, role: str) -> str:
        """Content digest of that input, as it was when the run was launched."""
        self.input(role)
        return str(self._inputs[role]["digest"])

    def locate(self, name: str) -> str | None:
        """A path of this machine that the plan found, such as the folder of a local model."""
        return self.spec.locate.get(name)

    def request_stop(self) -> None:
        """Ask the job to save and stop at its next safe point (called by the signal handler)."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for a stop; a loop that sees it saves and raises JobStopped."""
        return self._stop.is_set()

    def raise_if_stopping(self) -> None:
        """Leave the job if a stop was asked for; call only when everything worth keeping is saved."""
        if self._stop.is_set():
            raise JobStopped

    def progress(self, done: float, total: float, unit: str) -> None:
        """Report how far the job is; called as often as is handy, written at most twice a second.

        The rate counts what this attempt did, so that a resumed run does not look faster than it is.
        """
        now = time.monotonic()
        if self._rate_base is None:
            self._rate_base = (now, done)
        if done < total and now - self._last_progress < PROGRESS_INTERVAL_S:
            return
        self._last_progress = now
        seconds, gained = now - self._rate_base[0], done - self._rate_base[1]
        rate = gained / seconds if seconds > 0 and gained > 0 else None
        eta = (total - done) / rate if rate else None
        self._emit("progress", done=done, total=total, unit=unit, rate=rate, eta_s=eta)

    def metric(self, step: int, values: Mapping[str, float]) -> None:
        """Report points of live curves at `step`; a non-finite value is recorded as missing."""
        finite = {k: float(v) if math.isfinite(v) else None for k, v in values.items()}
        self._emit("metric", step=step, values=finite)

    def result(
        self,
        *,
        name: str,
        value: float,
        n: int,
        n_total: int,
        unit: str,
        key: Mapping[str, Any],
        reason: str = "",
        interval: tuple[float, float] | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Report a number of an axis. A value that is not finite needs a `reason`.

        n: items that were scored, of n_total; key: the fields that make two results comparable.
        """
        defined = math.isfinite(value)
        if not defined and not reason:
            raise ValueError(f"result {name!r} is undefined and gives no reason")
        low, high = interval if interval is not None else (None, None)
        self._emit(
            "result",
            name=name,
            value=float(value) if defined else None,
            n=n,
            n_total=n_total,
            unit=unit,
            reason=reason,
            low=low,
            high=high,
            key=dict(key),
            detail=dict(detail or {}),
        )

    def note(self, text: str) -> None:
        """Tell the reader of the run something: an exclusion, a fallback, a warning."""
        self._emit("note", text=text)

    def sync(self) -> None:
        """Force what was reported to disk, before a file in `work/` says that it was."""
        self._events.sync()

    def checkpoint(self, step: int) -> None:
        """Say that the state at `step` is safely on disk."""
        self._emit("checkpoint", step=step)

    def append_log(self, name: str) -> AppendLog:
        """A durable JSONL log in `work/` that a restarted job continues."""
        return AppendLog(self.work / name)

    def read_records(self, path: Path) -> list[Any]:
        """The records of a JSONL file; raises JobError naming file and line of a damaged one."""
        records = []
        for line in durable.read_lines(path):
            if line.problem:
                where = f"{path.name}, line {line.number}"
                raise JobError(
                    "damaged_records", f"{where}: {line.problem}", "run `synthlab verify`"
                )
            records.append(line.record)
        return records

    def publish(self, info: Mapping[str, Any]) -> None:
        """Make everything below `out/` count; call once, at the very end.

        info: what the catalog shows of the output, such as rows, base model or shares.
        """
        environment = describe_environment()
        manifest = Manifest.of(self.out, {**info, "environment": environment})
        self._events.sync()
        self.directory.write_manifest(manifest)

    def _emit(self, kind: str, **fields: Any) -> None:
        self._events.append({"t": round(time.time(), 3), "type": kind, **fields})
        now = time.monotonic()
        if now - self._last_sync > SYNC_INTERVAL_S:
            self._last_sync = now
            self._events.sync()

    def _beat(self) -> None:
        count = 0
        while not self._closing.wait(HEARTBEAT_S):
            count += 1
            self._emit("heartbeat", n=count)
