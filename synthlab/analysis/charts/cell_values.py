"""From what a measured cell left on disk to the values that a figure of the collapse axis shows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthlab.analysis.charts.collapse import HEAPS_FEWEST_POINTS, Curve
from synthlab.analysis.charts.descriptions import Bar, Sample
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.statistics.clusters import Clusters
from synthlab.analysis.statistics.comparability import FieldDifference, differing_fields
from synthlab.analysis.statistics.estimates import Interval
from synthlab.analysis.statistics.intervals import (
    draw_half_samples,
    half_sample_interval,
    mean_interval,
)
from synthlab.metrics.heaps import heaps, heaps_grid
from synthlab.metrics.self_bleu import self_bleu_curve
from synthlab.metrics.self_bleu_table import SelfBleuTable
from synthlab.metrics.tokenize import TokenizedCorpus, tokenize

SEED = 0
"""Of subsamples and half-samples: the same data give the same figure."""
CURVE_START = 4
PER_ITEM = {"length": "length-words-mean"}
INTERVAL_NOTE = "├ ┤ 95 % interval over prompts, of this checkpoint"
_CORPUS_METRICS = {f"self-bleu-{order}": order for order in range(2, 6)}

Row = Mapping[str, Any]


def shown_name(cell: MeasuredCell, several_seeds: bool) -> str:
    """`human`, or `human s0` where conditions have several seeds."""
    return f"{cell.condition} s{cell.seed}" if several_seeds else cell.condition


def samples(cells: Sequence[MeasuredCell], what: str) -> list[Sample]:
    """Per-answer values of each cell: perplexities for ppl1 and ppl2, else an item metric.

    An answer that could not be scored is a NaN, so that the chart counts it.
    """
    names = _names(cells)
    return [
        Sample(name, tuple(_item_value(row, what) for row in cell.items))
        for name, cell in zip(names, cells, strict=True)
    ]


def item_metrics(cells: Sequence[MeasuredCell]) -> list[str]:
    """Metrics of which at least one cell stored a value per answer."""
    return sorted({name for cell in cells for row in cell.items for name in row["metrics"]})


def _names(cells: Sequence[MeasuredCell]) -> list[str]:
    several = len({cell.seed for cell in cells}) > 1
    return [shown_name(cell, several) for cell in cells]


def _item_value(row: Row, what: str) -> float:
    if what in ("ppl1", "ppl2"):
        rate = _log_rate(row, what)
        return math.exp(min(rate, 700.0)) if math.isfinite(rate) else math.nan
    value = row["metrics"].get(PER_ITEM.get(what, what))
    return math.nan if value is None else float(value)


def _log_rate(row: Row, view: str) -> float:
    """NLL per token in nats; NaN where nothing was scored."""
    sums = row["ppl1"] if view == "ppl1" else (row["human"] or {}).get("ppl2")
    if not sums or not sums["tokens"] or sums["sum_log_p"] is None:
        return math.nan
    return -float(sums["sum_log_p"]) / int(sums["tokens"])


def heaps_of(cells: Sequence[MeasuredCell], results: Sequence[Row]) -> list[Curve]:
    """The stored curves behind the results; where one has none, all again on one common grid."""
    stored = {row["run_id"]: row for row in results if row["name"] == "heaps-beta"}
    curves = []
    for cell in cells:
        row = stored.get(cell.run_id)
        detail = json.loads(row["detail"]) if row else {}
        if row is None or len(detail.get("curve", ())) < HEAPS_FEWEST_POINTS:
            return _heaps_again(cells)
        x, y = (tuple(map(float, detail[part])) for part in ("grid", "curve"))
        curves.append(Curve(cell.condition, cell.seed, x, y, int(row["n"])))
    return curves


def _heaps_again(cells: Sequence[MeasuredCell]) -> list[Curve]:
    corpora = [_corpus(cell) for cell in cells]
    grid = heaps_grid(min((corpus.ids.size for corpus in corpora), default=0))
    curves = []
    for cell, corpus in zip(cells, corpora, strict=True):
        fit = heaps(corpus, grid, seed=SEED)
        points = tuple(map(float, fit.grid)) if fit.curve.size else ()
        y = tuple(map(float, fit.curve))
        curves.append(Curve(cell.condition, cell.seed, points, y, len(corpus)))
    return curves


def self_bleu_of(cells: Sequence[MeasuredCell], order: int = 4) -> list[Curve]:
    """Self-BLEU of nested subsamples of each cell, at sizes that grow by the root of two."""
    curves = []
    for cell in cells:
        corpus = _corpus(cell)
        usable = int(np.count_nonzero(corpus.lengths))
        steps = range(max(1, 2 * math.ceil(math.log2(max(2, usable) / CURVE_START)) + 1))
        sizes = [round(CURVE_START * 2 ** (step / 2)) for step in steps]
        found = self_bleu_curve(corpus, [*sizes, usable], SEED, order)
        x = tuple(float(point.n) for point in found)
        y = tuple(point.score for point in found)
        curves.append(Curve(cell.condition, cell.seed, x, y, usable))
    return curves


def bars_of(cells: Sequence[MeasuredCell], results: Sequence[Row], metric: str) -> list[Bar]:
    """The reported value of a metric in each cell with its interval, where one can be had.

    Means over answers get the interval of a mean clustered by prompt, Self-BLEU a half-sample
    interval; an interval that the result itself carries goes first.
    """
    rows = {row["run_id"]: row for row in results if row["name"] == metric}
    unlike = _unlike(cells, metric)
    bars = []
    for name, cell in zip(_names(cells), cells, strict=True):
        row = rows.get(cell.run_id)
        if row is None:
            bars.append(Bar(name, math.nan, reason="not measured"))
            continue
        value = math.nan if row["value"] is None else float(row["value"])
        low, high = row["low"], row["high"]
        if low is None or high is None:
            found = _interval(cell, metric) if math.isfinite(value) else None
            low, high = (found.low, found.high) if found else (math.nan, math.nan)
        bounds = (float(low), float(high))
        is_unlike = cell.run_id in unlike
        bars.append(Bar(name, value, *bounds, int(row["n"]), row["reason"], is_unlike))
    return bars


def unlike_notes(cells: Sequence[MeasuredCell], metric: str) -> list[str]:
    """In what the bars that are marked differ from the first: such values must not be compared."""
    differences = _unlike(cells, metric).values()
    fields = dict.fromkeys(field.words for found in differences for field in found)
    first = _names(cells)[0]
    return [f"≠ not comparable with {first}: unlike {', '.join(fields)}"] if fields else []


def _unlike(cells: Sequence[MeasuredCell], metric: str) -> dict[str, tuple[FieldDifference, ...]]:
    """By run, how its comparability key differs from that of the first cell that has one."""
    keyed = [(cell.run_id, cell.keys[metric]) for cell in cells if metric in cell.keys]
    found = {run: differing_fields(keyed[0][1], key) for run, key in keyed}
    return {run: fields for run, fields in found.items() if fields}


def _interval(cell: MeasuredCell, metric: str) -> Interval | None:
    rows = [row for row in cell.items if not row["reason"]]
    if metric in _CORPUS_METRICS:
        return _corpus_interval(cell, _CORPUS_METRICS[metric])
    view, _, reading = metric.partition("-")
    if view in ("ppl1", "ppl2"):
        if reading not in ("log", "document"):
            return None
        every = cell.items if view == "ppl2" else rows
        found = _mean_interval(every, [_log_rate(row, view) for row in every])
        if found is None or reading == "log":
            return found
        low, high = (math.exp(min(700.0, bound)) for bound in (found.low, found.high))
        return Interval(low, high, found.level, found.method)
    return _mean_interval(rows, [_item_value(row, metric) for row in rows])


def _mean_interval(rows: Sequence[Row], values: Sequence[float]) -> Interval | None:
    scored = [(row, v) for row, v in zip(rows, values, strict=True) if math.isfinite(v)]
    if len(scored) < 2:
        return None
    clusters = Clusters.of([row["prompt_id"] for row, _ in scored])
    return mean_interval([value for _, value in scored], clusters).interval


def _corpus_interval(cell: MeasuredCell, order: int) -> Interval | None:
    rows = [row for row in cell.items if not row["reason"] and row["response_id"] in cell.texts]
    corpus = tokenize(cell.texts[row["response_id"]] for row in rows)
    if np.count_nonzero(corpus.lengths) < 2:
        return None
    table = SelfBleuTable(corpus, order)
    halves = draw_half_samples(Clusters.of([row["prompt_id"] for row in rows]), seed=SEED)

    def value(chosen: np.ndarray[Any, np.dtype[np.int64]]) -> float:
        mask = np.zeros(len(corpus), np.bool_)
        mask[chosen] = True
        # A half-sample of empty texts has no Self-BLEU.
        return table.mean(mask) if np.count_nonzero(corpus.lengths[mask]) >= 2 else math.nan

    return half_sample_interval(value, halves).interval


def _corpus(cell: MeasuredCell) -> TokenizedCorpus:
    kept = [row["response_id"] for row in cell.items if not row["reason"]]
    return tokenize(cell.texts[identity] for identity in kept if identity in cell.texts)
