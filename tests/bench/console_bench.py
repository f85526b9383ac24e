"""What the console costs on a real pseudo-terminal: `python -m tests.bench.console_bench [--full]`.

First paint is the time from starting the process until the newest experiment's name stands on the
terminal; Python and the framework alone, on the same machine in the same run, stand beside it. Idle is
counted in bytes. Live is what four charts and the queue cost while a writer reports new points twice a
second: share of one core, and bytes per second. `--full` adds a catalog of 10,000 runs and 10 million
metric rows.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from storage.catalog.connection import open_catalog, write_transaction
from storage.home import LabHome, prepare_home
from tests.console.seeded import EXPERIMENT, NOW, Seeder, seed_catalog
from tests.console.terminal import Terminal

REPEATS = 5
IDLE_S = 5.0
LIVE_S = 20.0
RUNS = 10_000
METRIC_ROWS = 10_000_000
TICKS = os.sysconf("SC_CLK_TCK")
BARE = (
    "from textual.app import App\nfrom textual.widgets import DataTable, Input, Static\n"
    "class A(App):\n def compose(self): yield Static('bare')\nA().run()"
)


def main(full: bool) -> None:
    """Measure and print one line for each figure."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        small = _lab(Path("small"), lambda home: seed_catalog(home))
        bare = _first_paint_of_bare()
        _say("bare Textual app, first paint", f"{bare * 1000:.0f} ms")
        _paint("small catalog", small, bare)
        _idle(small)
        _live(small)
        if full:
            large = _lab(Path("large"), _fill)
            _paint(f"{RUNS:,} runs, {METRIC_ROWS:,} metric rows", large, bare)
            _idle(large)


def _lab(path: Path, fill: Callable[[LabHome], None]) -> LabHome:
    home = prepare_home(LabHome(path))
    fill(home)
    return home


def _fill(home: LabHome) -> None:
    seed_catalog(home)
    connection = open_catalog(home)
    with write_transaction(connection):
        seeder = Seeder(connection)
        seeder.count = 1000
        per_run = METRIC_ROWS // RUNS
        for number in range(RUNS):
            seeder.run("finetune", f"finetune/old.s{number}", "succeeded")
            connection.executemany(
                "INSERT INTO metrics (run, name, step, value, time) VALUES (?, 1, ?, ?, ?)",
                ((seeder.count, step, 1.0 / (step + 1), NOW - 86400) for step in range(per_run)),
            )
    connection.close()


def _paint(name: str, home: LabHome, bare: float) -> None:
    times = [_first_paint(home) for _ in range(REPEATS)]
    middle = median(times)
    _say(f"first paint, {name}", f"{middle * 1000:.0f} ms, {middle / bare:.2f} x a bare app")


def _first_paint(home: LabHome) -> float:
    with Terminal(home, "--readonly", size=(120, 40)) as terminal:
        started = time.monotonic()
        terminal.read_until(EXPERIMENT.encode())
        return time.monotonic() - started - Terminal.SETTING_UP_S


def _first_paint_of_bare() -> float:
    times = []
    for _ in range(REPEATS):
        with Terminal(None, command=[sys.executable, "-c", BARE]) as terminal:
            started = time.monotonic()
            terminal.read_until(b"bare")
            times.append(time.monotonic() - started - Terminal.SETTING_UP_S)
    return median(times)


def _idle(home: LabHome) -> None:
    with Terminal(home, "--readonly", size=(120, 40)) as terminal:
        terminal.settle()
        before = _cpu_s(terminal.pid)
        written = terminal.read(IDLE_S)
        share = (_cpu_s(terminal.pid) - before) / IDLE_S
        _say("idle", f"{len(written)} bytes in {IDLE_S:.0f} s, {share:.1%} of a core")


def _live(home: LabHome) -> None:
    connection = open_catalog(home)
    run = connection.execute("SELECT id, num FROM runs WHERE state = 'running'").fetchone()
    names = dict(connection.execute("SELECT name, id FROM metric_names").fetchall())
    with Terminal(home, "--readonly", size=(120, 40)) as terminal:
        terminal.settle()
        before, written, step = _cpu_s(terminal.pid), 0, 31
        end = time.monotonic() + LIVE_S
        while time.monotonic() < end:
            with write_transaction(connection):
                for name in names.values():
                    connection.execute(
                        "INSERT OR REPLACE INTO metrics (run, name, step, value, time)"
                        " VALUES (?, ?, ?, ?, ?)",
                        (run["num"], name, step, 3.0 / step, NOW),
                    )
                connection.execute(
                    "UPDATE runs SET progress_done = ? WHERE id = ?", (min(step, 60), run["id"])
                )
            step += 1
            written += len(terminal.read_all(0.5))
        share = (_cpu_s(terminal.pid) - before) / LIVE_S
        _say(
            "live, 2 Hz, four charts", f"{share:.1%} of a core, {written / LIVE_S / 1024:.1f} KiB/s"
        )
    connection.close()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _say(what: str, figure: str) -> None:
    print(f"{what:<52} {figure}", flush=True)


if __name__ == "__main__":
    main("--full" in sys.argv[1:])
