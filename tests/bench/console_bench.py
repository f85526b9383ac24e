"""What the console costs on a real pseudo-terminal: `python -m tests.bench.console_bench [--full]`.

First paint is the time from starting the process until the newest experiment's name stands on the
terminal, beside it the processor time of the process until then; the framework alone, on the same machine
in the same run, stands above. Least and median of some repeats: other work on the machine only adds. Idle
is counted in bytes. Live is what charts and tables cost while a writer reports a new point of each
metric twice a second: share of one core, and bytes per second. `--full` adds a catalog of 10,000 runs and
10 million metric rows: the same, then the way to lists, to their end, through a filter, and into a run
with a million points.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from storage.catalog.connection import open_catalog, open_reader, write_transaction
from storage.home import LabHome, prepare_home
from tests.bench.large_lab import LARGE, LONG_RUN, METRIC_ROWS, RUNS, fill
from tests.console.seeded import EXPERIMENT, NOW, seed_catalog
from tests.console.terminal import Terminal

REPEATS = 7
IDLE_S = 5.0
LIVE_S = 20.0
READ_ON_S = 90.0
"""So long the overview of a large experiment reads its curves, a piece at every tick."""
SIZE = (140, 40)
TICKS = os.sysconf("SC_CLK_TCK")
BARE = (
    "from textual.app import App\nfrom textual.widgets import DataTable, Input, Static\n"
    "class A(App):\n def compose(self): yield Static('bare')\nA().run()"
)
SIX = ("loss", "eval_loss", "grad-norm", "learning-rate", "tokens-per-s", "probe/collapse/ppl1-log")
ENTER, END = "\r", "\x1b[F"


class Cost(NamedTuple):
    """Seconds on the wall, and of the processor."""

    wall: float
    cpu: float


def main(full: bool) -> None:
    """Measure and print one line for each figure."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        small = _lab(Path("small"), seed_catalog)
        bare = [_first_paint(None) for _ in range(REPEATS)]
        _say("bare Textual app, first paint", _costs(bare))
        _paint("small catalog", small, bare)
        _idle(small)
        _live("overview, four charts", small, "")
        _live("run, six charts", small, ENTER)
        if full:
            large = _lab(Path("large"), fill)
            _paint(f"{RUNS:,} runs, {METRIC_ROWS:,} metric rows", large, bare)
            _paint(f"the same, experiment of {RUNS:,} runs", large, bare, LARGE)
            _idle(large, "--experiment", LARGE)
            _walk(large)


def _lab(path: Path, fill_it: Callable[[LabHome], None]) -> LabHome:
    home = prepare_home(LabHome(path))
    fill_it(home)
    return home


def _paint(name: str, home: LabHome, bare: Sequence[Cost], experiment: str = "") -> None:
    costs = [_first_paint(home, experiment) for _ in range(REPEATS)]
    ratio = median(c.cpu for c in costs) / median(c.cpu for c in bare)
    _say(f"first paint, {name}", f"{_costs(costs)}; {ratio:.2f} x the processor time of a bare app")


def _first_paint(home: LabHome | None, experiment: str = "") -> Cost:
    wanted = (experiment or EXPERIMENT) if home else "bare"
    options = ["--readonly", *(["--experiment", experiment] if experiment else [])]
    command = [] if home else [sys.executable, "-c", BARE]
    with Terminal(home, *options, size=SIZE, command=command) as terminal:
        started = time.monotonic()
        terminal.read_until(wanted.encode())
        wall = time.monotonic() - started - Terminal.SETTING_UP_S
        return Cost(wall, _cpu_s(terminal.pid))


def _idle(home: LabHome, *options: str) -> None:
    with Terminal(home, "--readonly", *options, size=SIZE) as terminal:
        terminal.settle()
        terminal.read_all(READ_ON_S if options else 0)
        before = _cpu_s(terminal.pid)
        written = terminal.read_all(IDLE_S)
        share = (_cpu_s(terminal.pid) - before) / IDLE_S
        _say("idle", f"{len(written)} bytes in {IDLE_S:.0f} s, {share:.1%} of a core")


def _live(name: str, home: LabHome, keys: str) -> None:
    connection = open_catalog(home)
    with write_transaction(connection):
        for metric in SIX:
            connection.execute(
                "INSERT INTO metric_names (name) SELECT :name WHERE NOT EXISTS"
                " (SELECT 1 FROM metric_names WHERE name = :name)",
                {"name": metric},
            )
    with Terminal(home, "--readonly", size=SIZE if not keys else (200, 60)) as terminal:
        terminal.settle()
        terminal.press(keys)
        first = connection.execute("SELECT max(step) FROM metrics").fetchone()[0] + 1
        _report(connection, first)
        terminal.read_all(3.0)
        before, written, step = _cpu_s(terminal.pid), 0, first + 1
        end = time.monotonic() + LIVE_S
        while time.monotonic() < end:
            _report(connection, step)
            step += 1
            written += len(terminal.read_all(0.5))
        share = (_cpu_s(terminal.pid) - before) / LIVE_S
        _say(f"live, 2 Hz, {name}", f"{share:.1%} of a core, {written / LIVE_S / 1024:.1f} KiB/s")
    connection.close()


def _report(connection: sqlite3.Connection, step: int) -> None:
    run = connection.execute("SELECT id, num FROM runs WHERE state = 'running'").fetchone()
    with write_transaction(connection):
        for name in connection.execute("SELECT id FROM metric_names").fetchall():
            connection.execute(
                "INSERT INTO metrics (run, name, step, value, time) VALUES (?, ?, ?, ?, ?)",
                (run["num"], name[0], step, (1 + name[0] / 9) / step, NOW),
            )
        connection.execute(
            "UPDATE runs SET progress_done = ?, heard_at = ? WHERE id = ?",
            (step % 60, time.time(), run["id"]),
        )


def _walk(home: LabHome) -> None:
    """Every way is gone in a console of its own; the keys are pressed when the one before is done."""
    total = _count(home)
    runs = ("R", f" {total} runs")
    last = (END, f"{total} of {total}")
    line = ("/", "/ ")
    by_filter = (f"{LONG_RUN}{ENTER}", "✓ 1 succeeded")
    for name, before, key, wanted in (
        ("Runs, opened", (), *runs),
        ("Runs, from the first to the last", (runs,), *last),
        ("Runs, a filter typed", (runs, line), *by_filter),
        ("Sources, opened", (), "S", "1 sources, 1 of 2001"),
        ("Checkpoints, opened", (), "C", "1 of 20"),
        ("run of a million points, opened", (runs, line, by_filter), ENTER, "1 curves"),
    ):
        costs = []
        for _ in range(3):
            with Terminal(home, "--readonly", size=SIZE) as terminal:
                terminal.settle()
                for keys, shows in before:
                    terminal.press(keys)
                    terminal.read_until(shows.encode())
                    terminal.read(1.0)
                started, spent = time.monotonic(), _cpu_s(terminal.pid)
                terminal.press(key)
                terminal.read_until(wanted.encode())
                costs.append(Cost(time.monotonic() - started, _cpu_s(terminal.pid) - spent))
        _say(name, _costs(costs))


def _count(home: LabHome) -> int:
    connection = open_reader(home)
    total: int = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    connection.close()
    return total


def _costs(costs: Sequence[Cost]) -> str:
    walls, cpus = [c.wall * 1000 for c in costs], [c.cpu * 1000 for c in costs]
    return (
        f"{min(walls):.0f} ms least, {median(walls):.0f} median;"
        f" processor {min(cpus):.0f} and {median(cpus):.0f}"
    )


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _say(what: str, figure: str) -> None:
    print(f"{what:<52} {figure}", flush=True)


if __name__ == "__main__":
    main("--full" in sys.argv[1:])
