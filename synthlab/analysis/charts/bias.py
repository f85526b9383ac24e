"""The figures of the self-preference axis: what judges prefer, and whether they can be believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from synthlab.analysis.bias_comparison import BiasComparison
from synthlab.analysis.charts.descriptions import (
    Axis,
    Bar,
    BarChart,
    IntervalPoint,
    IntervalSeries,
    ScatterWithIntervals,
)
from synthlab.analysis.charts.result_cells import (
    ResultCell,
    Row,
    bars_of_cells,
    cell_notes,
    cells_of,
    shown_cells,
    unlike_cells,
)
from synthlab.analysis.comparison import JudgeLine
from synthlab.analysis.statistics.comparability import ComparabilityKey

INTERVAL_NOTE = "├ ┤ 95 % interval over articles, of these checkpoints"
NOT_BELIEVED = "not believed"
PREFERENCE = ("preference-source",)
_FLIPS = {"judge-order-flips": "flips", "judge-first-share": "first"}


def preference_points(results: Sequence[Row], *, each_seed: bool) -> ScatterWithIntervals:
    """Mean preference of every judge for the texts of each source."""
    cells = shown_cells(cells_of(results, PREFERENCE), each_seed=each_seed)
    sources = _ordered_sources(cells)
    names = short_sources(sources)
    marked = unlike_cells(cells)
    series = []
    for judge in dict.fromkeys(cell.judge for cell in cells):
        own = [(place, cell) for place, cell in enumerate(cells) if cell.judge == judge]
        points = tuple(
            IntervalPoint(float(sources.index(c.subject)), c.value, c.low, c.high) for _, c in own
        )
        sign = " ≠" if any(place in marked for place, _ in own) else ""
        series.append(IntervalSeries(judge + sign, points, min(c.n for _, c in own)))
    return ScatterWithIntervals(
        "What each judge prefers, by source of the text",
        Axis("source of the text", lower=-0.5, upper=len(sources) - 0.5, names=names),
        Axis("mean preference, 0.5 = none"),
        tuple(series),
        (
            "n: judged pairs with a text of the source; not net of quality: --what bias",
            INTERVAL_NOTE,
            *cell_notes(cells),
        ),
    )


def bias_bars(comparison: BiasComparison, results: Sequence[Row]) -> BarChart:
    """The headline bias of every judge about zero; a judge that is not believed has no bar.

    results: rows of the experiment, whose keys say which judges were shown other things.
    """
    keyed = {(c.condition, c.seed): c.keys[0] for c in cells_of(results, ("preference-own",))}
    cells = [_bias_cell(line, keyed.get((line.condition, line.seed))) for line in comparison.judges]
    bars = bars_of_cells([cell for cell in cells if cell.keys])
    bars += tuple(Bar(c.name, c.value, c.low, c.high, c.n, c.reason) for c in cells if not c.keys)
    ends = [abs(v) for b in bars for v in (b.value, b.low, b.high) if math.isfinite(v)]
    reach = max(ends, default=1.0) or 1.0
    return BarChart(
        "Self-preference net of quality, length and place",
        Axis("bias, 0 = none, above 0 = prefers its own texts", lower=-reach, upper=reach),
        bars,
        (
            f"n: scored pairs; {INTERVAL_NOTE}",
            *cell_notes([cell for cell in cells if cell.keys]),
            *_doubts(comparison.judges),
        ),
    )


def flip_bars(results: Sequence[Row], *, each_seed: bool) -> BarChart:
    """How far the order of showing decides, by judge: flipped verdicts and wins of the first text."""
    cells = [
        replace(cell, subject=word)
        for metric, word in _FLIPS.items()
        for cell in shown_cells(cells_of(results, (metric,)), each_seed=each_seed)
    ]
    return BarChart(
        "What the order of showing decides, by judge",
        Axis("share", unit="%", lower=0.0, upper=1.0),
        bars_of_cells(cells),
        (
            "flips: pairs whose winner changes with the order, best 0; first: wins of the text"
            " that is shown first, best 50; n: pairs, showings",
            INTERVAL_NOTE,
            *cell_notes(cells),
        ),
    )


def short_sources(sources: Sequence[str]) -> tuple[str, ...]:
    """Names of generators without digest and origin, where they stay apart."""
    bare = [source.split("@", 1)[0] for source in sources]
    brief = [
        "human" if name.startswith("human:") else name.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
        for name in bare
    ]
    for names in (brief, bare):
        if len(set(names)) == len(sources):
            return tuple(names)
    return tuple(sources)


def _ordered_sources(cells: Sequence[ResultCell]) -> list[str]:
    """Sources in the order of the experiment file, as far as the keys tell it."""
    told: list[str] = []
    for cell in cells:
        for one in cell.keys[0].fields:
            if one.name == "sources" and isinstance(one.value, tuple):
                told += [str(source) for source in one.value]
    subjects = dict.fromkeys(cell.subject for cell in cells)
    return sorted(subjects, key=lambda one: told.index(one) if one in told else len(told))


def _bias_cell(line: JudgeLine, key: ComparabilityKey | None) -> ResultCell:
    found = line.biases["bias-net"]
    value, low, high = found.value, found.interval.low, found.interval.high
    reason = found.reason if line.is_believed else NOT_BELIEVED
    keys = () if key is None else (key,)
    return ResultCell(line.condition, line.seed, "", value, low, high, found.n, reason, keys, ())


def _doubts(judges: Sequence[JudgeLine]) -> list[str]:
    """One note for each reason, with the judges that it holds for."""
    doubted: dict[str, list[str]] = {}
    for line in judges:
        if not line.is_believed:
            doubted.setdefault(line.doubts, []).append(f"{line.condition} s{line.seed}")
    return [
        f"{NOT_BELIEVED}: {'all' if len(names) == len(judges) else ', '.join(names)}: {why}"
        for why, names in doubted.items()
    ]
