"""Which figures a report has, and what each is made of: the chart set of arXiv 2511.01490."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from synthlab.analysis.charts import bias, robustness
from synthlab.analysis.charts.cell_values import (
    INTERVAL_NOTE,
    bars_of,
    heaps_of,
    samples,
    self_bleu_of,
    unlike_notes,
)
from synthlab.analysis.charts.collapse import (
    QUANTITIES,
    Curve,
    distribution,
    heaps_curves,
    live_curves,
    merge_seeds,
    metric_bars,
    self_bleu_curves,
)
from synthlab.analysis.charts.descriptions import Chart, Histogram
from synthlab.analysis.charts.pareto import pareto_chart
from synthlab.analysis.charts.result_cells import cells_of, result_bars
from synthlab.metrics import catalog
from synthlab.report.contents import Contents
from synthlab.report.drawing_tables import PieGrid

PARETO = "pareto"
"""Stands for the axis of a figure that belongs to two."""
LIVE = ("loss", "eval_loss")
LEXICAL = ("self-bleu-4", "distinct-2", "mtld", "compression-gzip")
PAPER_LEXICAL = ("self-bleu-sentences-3", "self-bleu-sentences-within-3")
_BINS_NOTE = "height: share of the answers in a bin; black: median; red dashes: mean"
_ON_PAPER = (
    (" (--seeds: one by one)", ""),
    ("├ ┤", "whisker:"),
    ("◆ mean", "red dot: mean"),
    ("∘ beyond", "rings: values beyond"),
    ("; not net of quality: --what bias", "; not net of quality"),
)
"""What the terminal's notes say of its own signs, in the words of a printed figure."""


@dataclass(frozen=True)
class ReportFigure:
    """One figure, before it is drawn."""

    id: str
    """Name of its files."""
    axis: str
    """Empty for what belongs to the training."""
    chart: Chart | PieGrid
    metrics: tuple[str, ...]
    """Results that it shows, for their addresses; `*` stands for a prompt set or a source."""
    data: str = ""
    """File of the report that holds the rows behind it; empty where its own data file does."""

    @property
    def caption(self) -> tuple[str, ...]:
        """What a reader must know of it."""
        notes = [_BINS_NOTE] if isinstance(self.chart, Histogram) else []
        for note in self.chart.notes:
            for sign, word in _ON_PAPER:
                note = note.replace(sign, word)
            notes.append(note)
        return tuple(notes)


def report_figures(contents: Contents) -> tuple[ReportFigure, ...]:
    """Every figure that the experiment has data for."""
    made = [*_training(contents)]
    for axis, build in _BUILDERS.items():
        if contents.cells.get(axis):
            made += build(contents)
    if contents.plane is not None:
        chart = pareto_chart(contents.plane)
        reported = {row["name"] for row in contents.results}
        both = (contents.plane.x.metric, contents.plane.y.metric)
        metrics = tuple(name for name in both if name in reported)
        made.append(ReportFigure("pareto", PARETO, chart, metrics, "comparisons.csv"))
    return tuple(made)


def _training(contents: Contents) -> Iterator[ReportFigure]:
    for name in LIVE:
        curves = []
        for step in contents.steps:
            points = contents.series.get(name, {}).get(step.run_id, ())
            if points and step.row["condition"]:
                curves.append(Curve.of_points(step.row["condition"], step.row["seed"], points))
        if curves:
            yield ReportFigure(f"training-{name}", "", live_curves(name, merge_seeds(curves)), ())


def _collapse(contents: Contents) -> Iterator[ReportFigure]:
    cells, results = contents.cells["collapse"], contents.results
    measured = {row["name"] for row in results if row["axis"] == "collapse"}
    data = "items/collapse.csv"
    for what, needed in (
        ("ppl1", "ppl1-log"),
        ("ppl2", "ppl2-log"),
        ("length", "length-words-mean"),
    ):
        if needed in measured:
            boxes = distribution(QUANTITIES[what], samples(cells, what))
            yield ReportFigure(what, "collapse", boxes, (needed,), data)
    if "ppl1-log" in measured:
        density = distribution(QUANTITIES["ppl1"], samples(cells, "ppl1"), "histogram")
        yield ReportFigure("ppl1-density", "collapse", density, ("ppl1-log",), data)
    for metric in (*LEXICAL, *PAPER_LEXICAL):
        if metric in measured:
            described = catalog.metric(metric)
            axis = ", ".join(t for t in (described.unit or metric, described.direction.value) if t)
            notes = [INTERVAL_NOTE, *unlike_notes(cells, metric)]
            bars = metric_bars(described.name, axis, bars_of(cells, results, metric), notes)
            yield ReportFigure(f"lexical-{metric}", "collapse", bars, (metric,))
    if "heaps-beta" in measured:
        curves = merge_seeds(heaps_of(cells, results))
        yield ReportFigure("heaps", "collapse", heaps_curves(curves), ("heaps-beta", "heaps-k"))
    if "self-bleu-4" in measured:
        chart = self_bleu_curves(merge_seeds(self_bleu_of(cells)))
        yield ReportFigure("self-bleu-curve", "collapse", chart, ("self-bleu-4",))


def _robustness(contents: Contents) -> Iterator[ReportFigure]:
    rows = [row for row in contents.results if row["axis"] == "robustness"]
    refusals = robustness.refusal_bars(rows, each_seed=False)
    yield ReportFigure("refusal", "robustness", refusals, ("refusal-rate/*", "over-refusal-rate/*"))
    for name in dict.fromkeys(row["name"] for row in rows):
        if name.startswith("attack-success-rate/"):
            chart = result_bars(name, rows, each_seed=False)
            yield ReportFigure(_file_name(name), "robustness", chart, (name,))
    states = robustness.state_shares(rows, each_seed=False)
    yield ReportFigure("states", "robustness", states, ("refusal-rate/*", "over-refusal-rate/*"))
    pies = _pies(rows)
    if pies is not None:
        yield ReportFigure("quality-harmfulness", "robustness", pies, ("danger-zone/*",))
        danger = robustness.danger_bars(rows, each_seed=False)
        yield ReportFigure("danger", "robustness", danger, ("danger-zone/*",))


def _bias(contents: Contents) -> Iterator[ReportFigure]:
    rows = [row for row in contents.results if row["axis"] == "bias"]
    preference = bias.preference_points(rows, each_seed=False)
    names = _source_names(contents)
    shown = tuple(names.get(name, name) for name in preference.x.names)
    if len(set(shown)) == len(shown):
        preference = replace(preference, x=replace(preference.x, names=shown))
    yield ReportFigure("preference", "bias", preference, ("preference-source: *",))
    if contents.judges is not None:
        chart = bias.bias_bars(contents.judges, rows)
        yield ReportFigure("self-preference", "bias", chart, ("preference-own",), "judges.csv")
    flips = bias.flip_bars(rows, each_seed=False)
    yield ReportFigure("judge-order", "bias", flips, ("judge-order-flips", "judge-first-share"))


def _source_names(contents: Contents) -> dict[str, str]:
    """The file's name of each source, by its generator: `generate/tutor` made texts of `tutor`."""
    names = {
        str(step.info["generator"]): step.label.rsplit("/", 1)[-1]
        for step in contents.of_kind("generate")
        if step.label.startswith("generate") and step.info.get("generator")
    }
    imported = contents.of_kind("import")
    people = {str(step.info["generator"]) for step in imported if step.info.get("generator")}
    return names | {one: "human" for one in people if len(people) == 1}


_BUILDERS: dict[str, Callable[[Contents], Iterator[ReportFigure]]] = {
    "collapse": _collapse,
    "robustness": _robustness,
    "bias": _bias,
}


def _pies(rows: Sequence[dict[str, Any]]) -> PieGrid | None:
    """Counts of all seeds and prompt sets by condition, rounded grades; None without ratings."""
    counts: dict[str, list[list[int]]] = {}
    sets = dict.fromkeys(cell.subject for cell in cells_of(rows, robustness.DANGER))
    for cell in cells_of(rows, robustness.DANGER):
        for detail in cell.details:
            grid = detail.get("grid")
            if grid:
                known = counts.setdefault(cell.condition, [[0] * len(line) for line in grid])
                for total, line in zip(known, grid, strict=True):
                    total[:] = [a + b for a, b in zip(total, line, strict=True)]
    if not counts:
        return None
    note = f"prompt sets: {', '.join(sets)}; seeds taken together; grades rounded, halves up"
    area = "area of a pie and the number beside it: answers with these grades; slices: conditions, "
    area += "clockwise from the top in the order of the legend"
    return PieGrid("Quality by harmfulness of the answers", counts, (area, note))


def _file_name(name: str) -> str:
    return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in name.lower())
