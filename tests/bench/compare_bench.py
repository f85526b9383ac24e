"""Time the first and second comparison of an experiment, and the index of 100,000 answers.

    python -m tests.bench.compare_bench [--prompts 40] [--answers 100000] [--swaps 2000]
    python -m tests.bench.compare_bench --paper [--conditions 4] [--seeds 2] [--profile]

Everything is made in a temporary folder. Each line is one measured call in this process; the second
call of a kind finds what the first one kept. With `--paper` the lab has the paper's size: the first and
second comparison of each axis, metric by metric, and each corpus metric against the same one computed
subset by subset, as a reader would.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from storage.catalog.connection import open_reader
from storage.home import LabHome, prepare_home
from synthlab.analysis.compare_conditions import compare_conditions
from synthlab.analysis.sample_index import SampleIndex
from synthlab.analysis.samples import open_samples
from tests.bench import paper_bench
from tests.unit.analysis.measured_lab import MeasuredLab, Plant

CONDITIONS = ("vanilla", "human", "single", "multi")
SEEDS = (0, 1)
Made = TypeVar("Made")


def main() -> None:
    """Measure and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=40)
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--swaps", type=int, default=2_000)
    parser.add_argument("--paper", action="store_true")
    parser.add_argument("--conditions", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="where the time of each axis goes")
    arguments = parser.parse_args()
    if arguments.paper:
        paper_bench.measure(
            arguments.conditions, arguments.seeds, arguments.swaps, with_profile=arguments.profile
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        home = prepare_home(LabHome(Path(folder) / "small"))
        connection = make(home, arguments.prompts)
        compare(connection, home, arguments.swaps)
        connection.close()
        large = prepare_home(LabHome(Path(folder) / "large"))
        connection = make(large, arguments.answers // (len(CONDITIONS) * len(SEEDS)))
        look_at_samples(connection, large)
        connection.close()


def make(home: LabHome, prompts: int) -> sqlite3.Connection:
    """Four conditions with two seeds each, measured on the collapse axis."""
    lab = MeasuredLab(home, prompts=prompts)
    vocabularies = (150, 300, 60, 200)
    plants = {n: Plant(v) for n, v in zip(CONDITIONS, vocabularies, strict=True)}
    lab.experiment("eggs", plants, seeds=SEEDS)
    lab.finish()
    return open_reader(home)


def compare(connection: sqlite3.Connection, home: LabHome, swaps: int) -> None:
    """First and second call, as the verb makes them."""
    for which in ("first", "second"):
        timed(
            f"{which} comparison, 4 conditions x 2 seeds, {swaps} swaps",
            lambda: compare_conditions(connection, home, ["eggs"], swaps=swaps),
        )


def look_at_samples(connection: sqlite3.Connection, home: LabHome) -> None:
    """Building, opening, and what a screen asks for."""
    timed("build the index", lambda: open_samples(home, connection, "eggs")).close()
    index = timed("open the index", lambda: open_samples(home, connection, "eggs"))
    say(f"  {index.contents.n_answers} answers in {index.contents.n_rows} aligned rows")
    asked: dict[str, Callable[[SampleIndex], object]] = {
        "first page": lambda i: i.page(),
        "last page": lambda i: i.page(offset=i.contents.n_rows - 50),
        "search for a word, one page": lambda i: i.page("w17"),
        "count of a search": lambda i: i.count("w17 NOT w18"),
        "filter by a score, one page": lambda i: i.page("single.ppl1-log>3.2"),
        "count of a filter": lambda i: i.count("single.ppl1-log>3.2 human.ppl1-log<2"),
        "order by a score, one page": lambda i: i.page(order="-single.ppl1-log"),
        "one prompt": lambda i: i.prompt("p7"),
    }
    for name, ask in asked.items():
        timed(name, lambda ask=ask: ask(index))  # type: ignore[misc]  # bound now, not later
    index.close()


def timed(name: str, call: Callable[[], Made]) -> Made:
    """The result of a call, after a line with its time."""
    start = time.perf_counter()
    made = call()
    say(f"{(time.perf_counter() - start) * 1000:10.1f} ms  {name}")
    return made


def say(text: str) -> None:
    """One line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
