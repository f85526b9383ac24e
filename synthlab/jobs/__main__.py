"""`python -P -m synthlab.jobs RUN_DIR`: the process in which one attempt of one run does its work."""

from __future__ import annotations

import ctypes
import errno
import importlib
import os
import signal
import sys
import traceback
from pathlib import Path

from storage import durable
from storage.rundir import RunDir
from synthlab.errors import JobError, JobInterrupted
from synthlab.jobs.context import JobContext, JobStopped
from synthlab.jobs.outcome import FAILURE_FILE, JobExit

JOB_MODULES = {
    "fetch": "synthlab.jobs.fetch",
    "import": "synthlab.jobs.import_",
    "generate": "synthlab.jobs.generate",
    "mix": "synthlab.jobs.mix",
    "finetune": "synthlab.jobs.finetune",
    "collapse": "synthlab.jobs.collapse",
    "bias": "synthlab.jobs.bias",
    "compose": "synthlab.jobs.compose",
    "calibrate": "synthlab.jobs.calibrate",
    "judge": "synthlab.jobs.judge",
    "robustness": "synthlab.jobs.robustness",
}
"""Which file does which kind of step."""

PR_SET_PDEATHSIG = 1


def stop_with_parent() -> None:
    """Be told to stop when the runner dies, so that no job outlives the one who records its end."""
    runner = os.environ.get("SYNTHLAB_RUNNER_PID")
    if runner is None:
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(runner):
        sys.exit(JobExit.STOPPED)


def report_failure(directory: RunDir, code: str, message: str, hint: str) -> None:
    """Leave the reason where the runner finds it; on a full disk the exit code must do."""
    try:
        durable.write_json(
            directory.root / FAILURE_FILE, {"code": code, "message": message, "hint": hint}
        )
    except OSError:
        print(f"{code}: {message}", file=sys.stderr)


def run_job(directory: RunDir) -> JobExit:
    """Do the work of the run and say how it went; expected trouble gives a reason, not a traceback."""
    try:
        with JobContext(directory) as context:
            for number in (signal.SIGTERM, signal.SIGUSR1):
                signal.signal(number, lambda *_: context.request_stop())
            importlib.import_module(JOB_MODULES[context.spec.kind]).run(context)
    except JobStopped:
        return JobExit.STOPPED
    except JobInterrupted as error:
        report_failure(directory, error.code, error.message, error.hint)
        return JobExit.INTERRUPTED
    except JobError as error:
        report_failure(directory, error.code, error.message, error.hint)
        return JobExit.FAILED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return report_unexpected(directory, error)
        message = f"the disk is full: {error}"
        report_failure(directory, "disk_full", message, "free some space, then retry")
        return JobExit.DISK_FULL
    except MemoryError as error:
        report_failure(directory, "out_of_memory", f"no memory left: {error}", "use less at once")
        return JobExit.FAILED
    except Exception as error:  # noqa: BLE001 - the last resort records the reason and ends the run
        return report_unexpected(directory, error)
    return JobExit.DONE


def report_unexpected(directory: RunDir, error: Exception) -> JobExit:
    """A defect of ours or of a library: the traceback goes to the log, its last line to the reason."""
    traceback.print_exc()
    message = f"{type(error).__name__}: {error}"
    report_failure(directory, "unexpected", message, "the log has the traceback: synthlab logs RUN")
    return JobExit.FAILED


def main(directory: RunDir) -> int:
    """Run the job of the directory; returns the exit status of the process."""
    stop_with_parent()
    (directory.root / FAILURE_FILE).unlink(missing_ok=True)
    return run_job(directory)


if __name__ == "__main__":
    sys.exit(main(RunDir(Path(sys.argv[1]))))
