"""The first comparison at the paper's size, and its corpus metrics against plain ones in the same run."""

from __future__ import annotations

import cProfile
import pstats
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path

import numpy as np

from storage.catalog.connection import open_reader
from storage.home import LabHome, prepare_home
from synthlab.analysis.axis_metrics import CorpusMetric, swapped_sides
from synthlab.analysis.collapse_metrics import collapse_metrics
from synthlab.analysis.compare_conditions import compare_conditions
from synthlab.analysis.measured import AlignedAnswers, read_cells
from synthlab.analysis.statistics.clusters import FloatArray, IntArray
from synthlab.metrics.diversity import distinct_n
from synthlab.metrics.embedding import embeddings, mean_cosine_distance, vendi
from synthlab.metrics.self_bleu_table import SelfBleuTable
from synthlab.metrics.tokenize import join
from tests.bench import paper_lab

AXES = ("collapse", "robustness")
SHOWN_LINES = 15
PLAIN_SUBSETS = 20
"""That are computed one by one; their time is given for a thousand."""
QUICK_SWAPS = 500
OfSubset = Callable[[IntArray], float]


def measure(conditions: int, seeds: int, swaps: int, *, with_profile: bool) -> None:
    """Make the lab, compare it on every axis, and hold the corpus metrics against plain ones."""
    with tempfile.TemporaryDirectory() as folder:
        home = prepare_home(LabHome(Path(folder)))
        paper_lab.make(home, conditions=conditions, seeds=seeds)
        connection = open_reader(home)
        say(f"{conditions} conditions x {seeds} seeds x {paper_lab.PROMPTS} answers, {swaps} swaps")
        for axis in AXES:
            _axis(connection, home, axis, swaps, with_profile=with_profile)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        say(f"most memory: {peak} MiB")
        _beside_plain(connection, home)
        connection.close()


class _Laps:
    """CPU and wall seconds since the last lap."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def say(self, what: str) -> float:
        """One line; returns the CPU seconds."""
        cpu, wall = time.process_time(), time.perf_counter()
        took = cpu - self._cpu
        say(f"{took:9.2f} s CPU {wall - self._wall:9.2f} s wall  {what}")
        self._cpu, self._wall = cpu, wall
        return took


def _axis(
    connection: sqlite3.Connection, home: LabHome, axis: str, swaps: int, *, with_profile: bool
) -> None:
    lap, at_work = _Laps(), "reading"
    whole = _Laps()

    def progress(done: int, total: int, what: str) -> None:
        nonlocal at_work
        metric = what.partition(":")[0]
        if metric != at_work:
            lap.say(f"  {at_work}")
            at_work = metric

    def compared() -> object:
        return compare_conditions(
            connection, home, [paper_lab.NAME], axis=axis, swaps=swaps, progress=progress
        )

    profile = cProfile.Profile(time.process_time)
    first = profile.runcall(compared) if with_profile else compared()
    whole.say(f"first comparison, {axis}")
    second = compared()
    whole.say(f"second comparison, {axis}, {'the same' if first == second else 'NOT THE SAME'}")
    if with_profile:
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(SHOWN_LINES)


def _beside_plain(connection: sqlite3.Connection, home: LabHome) -> None:
    """CPU seconds for a thousand subsets after swaps, one by one and as a comparison does it."""
    cells = read_cells(connection, home, f"{paper_lab.NAME}.1", "collapse")
    answers = [
        cell.aligned([f"{row['prompt_id']}|{row['sample']}" for row in cell.items])
        for cell in (cells[-1], cells[0])
    ]
    swaps = np.random.default_rng(0).random((QUICK_SWAPS, len(answers[0]))) < 0.5
    sides = swapped_sides(swaps)
    subsets = [rows for side in sides for rows in side]
    for metric in collapse_metrics(cells).corpus:
        _one_beside_plain(metric, answers, subsets)
        if metric.estimate:
            laps = _Laps()
            estimated = metric.estimate(*answers)(swaps)
            values = metric.prepare(answers)([side[n] for side in sides for n in range(50)])
            fit = np.corrcoef(estimated[:50], values[:50] - values[50:])[0, 1]
            laps.say(f"  {metric.id} estimated for {QUICK_SWAPS} swaps, correlation {fit:.6f}")


def _one_beside_plain(
    metric: CorpusMetric, answers: Sequence[AlignedAnswers], subsets: Sequence[IntArray]
) -> None:
    say(metric.id)
    plain = _plain(metric, answers)
    laps = _Laps()
    expected = np.array([plain(rows) for rows in subsets[:PLAIN_SUBSETS]])
    slow = laps.say(f"  {PLAIN_SUBSETS} subsets one by one") * len(subsets) / PLAIN_SUBSETS
    values = metric.prepare(answers)
    laps.say("  prepared")
    # A metric with an estimate computes few subsets: as many as are compared here.
    chosen = subsets[:PLAIN_SUBSETS] if metric.estimate else subsets
    found: FloatArray = values(chosen)
    quick = laps.say(f"  {len(chosen)} subsets at once") * len(subsets) / len(chosen)
    apart = float(np.abs(found[:PLAIN_SUBSETS] - expected).max())
    say(f"  ratio {slow / max(quick, 1e-9):.1f}, largest difference {apart:.1e}")


def _plain(metric: CorpusMetric, answers: Sequence[AlignedAnswers]) -> OfSubset:
    """The metric of one subset, by the function of the library that knows nothing of others."""
    corpus = reduce(join, (one.tokens for one in answers))
    if metric.id == "self-bleu-4":
        table = SelfBleuTable(corpus)
        return lambda rows: table.mean(np.isin(np.arange(len(corpus)), rows))
    if metric.id == "distinct-2":
        return lambda rows: distinct_n(corpus.select(rows), 2, metric.budget).value
    vectors = embeddings(np.concatenate([one.vectors for one in answers]), "")
    if metric.id == "cosine-distance":
        return lambda rows: mean_cosine_distance(vectors.select(rows)).value
    return lambda rows: vendi(vectors.select(rows)).q1.value


def say(text: str) -> None:
    """One line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
