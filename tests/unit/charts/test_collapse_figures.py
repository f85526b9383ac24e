"""The figures of the collapse axis show what the cells left on disk, and nothing that is not there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import durable
from storage.rundir import RunDir, RunId
from synthlab.analysis.charts.cell_values import (
    bars_of,
    heaps_of,
    item_metrics,
    samples,
    self_bleu_of,
    unlike_notes,
)
from synthlab.analysis.charts.collapse import QUANTITIES, distribution
from synthlab.analysis.charts.descriptions import BoxChart
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.statistics.clusters import Clusters
from synthlab.analysis.statistics.comparability import ComparabilityKey, FieldValue
from synthlab.analysis.statistics.intervals import mean_interval
from synthlab.metrics.self_bleu import self_bleu
from synthlab.metrics.tokenize import tokenize

WORDS = "the old grey dog sat by a small quiet house and saw one red bird fly over it".split()
N = 40
MTLD: Mapping[str, FieldValue] = {"metric": "mtld", "metric_version": 1}


def text_of(number: int) -> str:
    """Texts that share phrases with some of the others."""
    start = number % 7
    return " ".join(WORDS[(start + step * (1 + number % 3)) % len(WORDS)] for step in range(14))


def item(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "prompt_id": f"p{number}",
        "sample": 0,
        "response_id": f"r{number}",
        "reason": "",
        "ppl1": {"sum_log_p": -20.0 - number, "tokens": 10, "bytes": 50, "reason": ""},
        "human": {"ppl2": {"sum_log_p": -30.0, "tokens": 10, "bytes": 50, "reason": ""}},
        "metrics": {"length-words-mean": 10.0 + number, "self-bleu-4": 0.1},
        **changed,
    }


def make_cell(root: Path, condition: str, seed: int, items: list[dict[str, Any]]) -> MeasuredCell:
    runs = [RunDir(root / f"{condition}{seed}{kind}") for kind in ("m", "a")]
    for run in runs:
        run.out.mkdir(parents=True)
    durable.write_jsonl(runs[0].out / "items.jsonl", items)
    answers = [{"id": f"r{number}", "text": text_of(number)} for number in range(N)]
    durable.write_jsonl(runs[1].out / "responses.jsonl", answers)
    identity = RunId(f"{condition}{seed}")
    return MeasuredCell("x.1", condition, seed, "collapse", identity, "", runs[0], runs[1], {})


@pytest.fixture
def cell(tmp_path: Path) -> MeasuredCell:
    return make_cell(tmp_path, "human", 0, [item(number) for number in range(N)])


def result(cell: MeasuredCell, name: str, value: float | None, **changed: Any) -> Mapping[str, Any]:
    fixed = {"low": None, "high": None, "n": N, "reason": "", "detail": "{}"}
    return {"run_id": cell.run_id, "name": name, "value": value, **fixed, **changed}


def test_perplexities_are_those_of_the_stored_sums(cell: MeasuredCell) -> None:
    (own,), (human,) = samples([cell], "ppl1"), samples([cell], "ppl2")
    assert own.name == "human"
    assert own.values == pytest.approx([math.exp((20 + i) / 10) for i in range(N)])
    assert human.values == pytest.approx([math.exp(3.0)] * N)


def test_unscored_answers_are_counted_and_not_shown(tmp_path: Path) -> None:
    broken = {"sum_log_p": None, "tokens": 10, "bytes": 5, "reason": "not finite"}
    rows = [item(0), item(1, ppl1=None), item(2, ppl1=broken), item(3)]
    cell = make_cell(tmp_path, "human", 0, rows)
    chart = distribution(QUANTITIES["ppl1"], samples([cell], "ppl1"))
    assert isinstance(chart, BoxChart)
    assert (chart.boxes[0].n, chart.boxes[0].left_out) == (2, 2)


def test_seeds_are_named_only_where_there_are_several(tmp_path: Path) -> None:
    cells = [make_cell(tmp_path, "human", seed, [item(0)]) for seed in (0, 1)]
    assert [sample.name for sample in samples(cells, "length")] == ["human s0", "human s1"]
    assert [sample.name for sample in samples(cells[:1], "length")] == ["human"]
    assert item_metrics(cells) == ["length-words-mean", "self-bleu-4"]


def test_bars_of_means_have_the_interval_of_the_statistics(cell: MeasuredCell) -> None:
    values = [10.0 + number for number in range(N)]
    (bar,) = bars_of([cell], [result(cell, "length-words-mean", 29.5)], "length-words-mean")
    expected = mean_interval(values, Clusters.of(list(range(N)))).interval
    assert (bar.value, bar.n) == (29.5, N)
    assert (bar.low, bar.high) == pytest.approx((expected.low, expected.high))


def test_bars_of_perplexities_have_intervals_on_their_own_scale(cell: MeasuredCell) -> None:
    value = math.exp(3.95)
    (bar,) = bars_of([cell], [result(cell, "ppl1-document", value)], "ppl1-document")
    (log,) = bars_of([cell], [result(cell, "ppl1-log", 3.95)], "ppl1-log")
    assert bar.low < value < bar.high
    assert (math.log(bar.low), math.log(bar.high)) == pytest.approx((log.low, log.high))


def test_bars_of_self_bleu_have_a_half_sample_interval(cell: MeasuredCell) -> None:
    value = self_bleu(tokenize(map(text_of, range(N))), 4).score.value
    (bar,) = bars_of([cell], [result(cell, "self-bleu-4", value)], "self-bleu-4")
    assert bar.low < value < bar.high
    assert (bar.low + bar.high) / 2 == pytest.approx(value)


def test_an_interval_of_the_result_itself_goes_first(cell: MeasuredCell) -> None:
    row = result(cell, "length-words-mean", 29.5, low=1.0, high=50.0)
    (bar,) = bars_of([cell], [row], "length-words-mean")
    assert (bar.low, bar.high) == (1.0, 50.0)


def test_bars_that_were_measured_unlike_are_marked(tmp_path: Path) -> None:
    cells = [make_cell(tmp_path, name, 0, [item(0)]) for name in ("human", "single", "multi")]
    keyed = [
        replace(cell, keys={"mtld": ComparabilityKey.of({**MTLD, "token_budget": budget})})
        for cell, budget in zip(cells, (200, 200, 500), strict=True)
    ]
    bars = bars_of(keyed, [result(cell, "mtld", 50.0) for cell in keyed], "mtld")
    assert [bar.is_unlike for bar in bars] == [False, False, True]
    assert unlike_notes(keyed, "mtld") == ["≠ not comparable with human: unlike token budget"]
    assert unlike_notes(keyed[:2], "mtld") == []


def test_what_has_no_interval_or_value_says_so(cell: MeasuredCell) -> None:
    (bar,) = bars_of([cell], [result(cell, "compression-xz", 2.0)], "compression-xz")
    assert math.isnan(bar.low) and bar.value == 2.0
    undefined = result(cell, "heaps-beta", None, n=0, reason="too short")
    assert bars_of([cell], [undefined], "heaps-beta")[0].reason == "too short"
    assert bars_of([cell], [], "heaps-beta")[0].reason == "not measured"


def test_stored_heaps_curves_are_shown_as_they_are(cell: MeasuredCell) -> None:
    detail = json.dumps({"grid": [100, 126, 158], "curve": [16.0, 16.5, 17.0]})
    (curve,) = heaps_of([cell], [result(cell, "heaps-beta", 0.1, detail=detail)])
    assert (curve.x, curve.y, curve.n) == ((100.0, 126.0, 158.0), (16.0, 16.5, 17.0), N)


def test_heaps_curves_are_computed_again_on_one_grid(tmp_path: Path) -> None:
    long = make_cell(tmp_path, "human", 0, [item(number) for number in range(N)])
    short = make_cell(tmp_path, "single", 0, [item(number) for number in range(20)])
    stored = json.dumps({"grid": [100, 126, 158], "curve": [1.0, 2.0, 3.0]})
    curves = heaps_of([long, short], [result(long, "heaps-beta", 0.1, detail=stored)])
    assert curves[0].x == curves[1].x
    assert curves[0].x[-1] <= 20 * 14
    assert all(0 < y <= len(WORDS) for curve in curves for y in curve.y)


def test_the_self_bleu_curve_ends_at_the_whole_corpus(cell: MeasuredCell) -> None:
    (curve,) = self_bleu_of([cell])
    whole = self_bleu(tokenize(map(text_of, range(N))), 4).score.value
    assert curve.x[-1] == N
    assert curve.y[-1] == pytest.approx(whole)
    assert np.all(np.diff(curve.x) > 0)
    assert len(curve.x) >= 6
