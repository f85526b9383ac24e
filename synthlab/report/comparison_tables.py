"""Conditions side by side: values, differences with their verdicts, and the judges' cards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from synthlab.analysis.bias_comparison import BiasComparison
from synthlab.analysis.comparison import (
    Comparison,
    ConditionValue,
    Contrast,
    JudgeLine,
    MetricComparison,
)
from synthlab.analysis.statistics.estimates import (
    Estimate,
    Interval,
    PairedResult,
    undefined_interval,
)
from synthlab.analysis.verdict_words import long_verdict, short_verdict
from synthlab.escaping import CsvCell
from synthlab.report.address import difference_address, mean_address, why_address
from synthlab.report.contents import Contents
from synthlab.report.tables import Cell, Column, Table, csv_file

COMPARISON_HEADER = (
    "experiment", "axis", "metric", "name", "direction", "unit", "baseline", "condition", "seeds",
    "value", "value_low", "value_high", "seed_sd", "baseline_value", "difference", "low", "high",
    "p", "p_holm", "holm_tests", "method", "effect", "effect_kind", "smallest_detectable",
    "units", "unit_of_inference", "units_that_would_decide",
    "seeds_that_would_decide", "rows", "candidate_rows", "verdict",
    "sentence", "unlike", "why",
)  # fmt: skip
JUDGE_HEADER = ("experiment", "condition", "seed", "believed", "doubts", "figure", "value", "low",
                "high", "n", "reason", "why")  # fmt: skip
_NO_BREAK = "\u00a0"
_HEALTH = {
    "judge-anchor-accuracy": "anchors", "judge-order-flips": "flips", "judge-first-share": "first",
    "judge-identical-decisiveness": "identical", "judge-longer-wins": "longer",
    "judge-label-mass": "mass",
}  # fmt: skip
_BIASES = {
    "bias-net": "net of quality", "bias-difference": "plain difference",
    "bias-equal-opportunity": "equal opportunity",
}  # fmt: skip


def value_table(contents: Contents, compared: Comparison) -> Table:
    """Every metric's value of every condition, on the rows that all conditions have."""
    rows = []
    for metric in compared.metrics:
        if not metric.values:
            continue
        cells = [
            Cell(
                _value(metric.values[name]),
                mean_address(contents.id, name, metric.id),
            )
            for name in compared.conditions
        ]
        rows.append((Cell(metric.id), *cells, Cell(metric.scored)))
    columns = [Column(name, True) for name in compared.conditions]
    title = f"{compared.axis}: values on common rows, 95 % intervals"
    return Table(
        f"values-{compared.axis}", title, (Column("metric"), *columns, Column("rows", True)),
        tuple(rows), tuple(_value_notes(contents, compared)),
    )  # fmt: skip


def difference_table(contents: Contents, compared: Comparison) -> Table:
    """Every condition against the baseline, with what was decided."""
    rows = []
    for metric in compared.metrics:
        for contrast in metric.contrasts:
            address = _difference_address(contents, compared, metric, contrast)
            rows.append(
                (
                    Cell(metric.id),
                    Cell(contrast.name),
                    Cell(difference_text(contrast.result), address),
                    Cell(p_text(contrast.adjusted_p)),
                    Cell(_number(contrast.result.mde)),
                    Cell(short_verdict(contrast)),
                )
            )
    columns = (
        Column("metric"),
        Column("condition"),
        Column(f"difference from {compared.baseline}", True),
        Column("p Holm", True),
        Column("smallest detectable", True),
        Column("verdict"),
    )
    notes = (
        f"A number's address: synthlab why {contents.id}:CONDITION,{compared.baseline}:METRIC",
        f"p after Holm over {compared.family.size} tests; higher and lower speak of the number, not"
        " of what is better.",
        "smallest detectable: the true difference that this many rows would find in 8 of 10 trials.",
        f"The same table: synthlab compare {contents.id} --axis {compared.axis}",
    )
    title = f"{compared.axis}: differences from {compared.baseline} and verdicts"
    return Table(f"differences-{compared.axis}", title, columns, tuple(rows), notes)


def judge_table(contents: Contents, compared: BiasComparison) -> Table:
    """Each judge's health and biases; those of a judge that is not believed are withheld."""
    rows = []
    for line in compared.judges:
        health = [
            Cell(_estimate(line.health.get(metric)), _address(contents, line, metric))
            for metric in _HEALTH
        ]
        biases = [
            Cell(_estimate(line.biases[metric]) if line.is_believed else "withheld")
            for metric in _BIASES
        ]
        believed = Cell("yes" if line.is_believed else "no")
        rows.append((Cell(f"{line.condition}.s{line.seed}"), *health, believed, *biases))
    columns = (
        Column("judge"),
        *(Column(title, True, metric) for metric, title in _HEALTH.items()),
        Column("believed"),
        *(Column(title, True, metric) for metric, title in _BIASES.items()),
    )
    named = ", ".join(f"{title}: {metric}" for metric, title in {**_HEALTH, **_BIASES}.items())
    doubts = dict.fromkeys(line.doubts for line in compared.judges if line.doubts)
    return Table(
        "judges", "bias: each judge's health, then its biases", columns, tuple(rows),
        (named, *(f"not believed: {text}" for text in doubts),
         f"The same numbers: synthlab compare {contents.id} --axis bias"),
    )  # fmt: skip


def comparisons_csv(contents: Contents) -> bytes:
    """Every difference of every axis, to full precision."""
    rows = (row for one in contents.comparisons for row in _comparison_rows(contents, one))
    return csv_file(COMPARISON_HEADER, rows)


def judges_csv(contents: Contents, compared: BiasComparison) -> bytes:
    """Every figure of every judge; the biases of a judge that is not believed are marked so."""
    return csv_file(JUDGE_HEADER, _judge_rows(contents, compared))


def difference_text(result: PairedResult) -> str:
    """`+0.12 [+0.03, +0.2]`."""
    if math.isnan(result.difference):
        return "—"
    return f"{result.difference:+.2g}" + _limits(result.interval, "+.2g")


def p_text(p: float) -> str:
    """A p-value to three places."""
    if math.isnan(p):
        return "—"
    return "< .001" if p < 0.001 else f"{p:.3f}"


def _value_notes(contents: Contents, compared: Comparison) -> Iterator[str]:
    seeds = ", ".join(map(str, compared.seeds))
    several = len(compared.seeds) > 1
    mean = f"mean of seeds {seeds}, ± their standard deviation" if several else f"one seed, {seeds}"
    yield f"Value [95 % interval over prompts], {mean}; of these checkpoints, not of every training."
    yield f"A number's address: synthlab why {contents.id}:COLUMN:ROW, or COLUMN.s0 for one seed."
    for metric in compared.metrics:
        if metric.budget:
            yield f"{metric.id} on {metric.budget} tokens"


def _comparison_rows(contents: Contents, compared: Comparison) -> Iterator[tuple[CsvCell, ...]]:
    seeds = " ".join(map(str, compared.seeds))
    for metric in compared.metrics:
        for one in metric.contrasts:
            ours, base = (metric.values.get(n) for n in (one.condition, compared.baseline))
            limits = ours.estimate.interval if ours else undefined_interval("")
            result, seeds_needed = one.result, one.over_seeds.needed if one.over_seeds else None
            yield (
                contents.id, compared.axis, metric.id, metric.name, metric.direction,
                metric.unit, compared.baseline, one.name, seeds,
                ours.estimate.value if ours else None,
                limits.low, limits.high, ours.seed_sd if ours else None,
                base.estimate.value if base else None,
                result.difference, result.interval.low, result.interval.high, result.p,
                one.adjusted_p, compared.family.size, result.method, result.effect.value,
                result.effect.kind, result.mde, result.n_units, result.unit, result.needed,
                seeds_needed,
                metric.n_rows, metric.n_candidates, one.verdict.outcome,
                one.verdict.sentence, " ".join(result.unlike),
                _difference_address(contents, compared, metric, one),
            )  # fmt: skip


def _judge_rows(contents: Contents, compared: BiasComparison) -> Iterator[tuple[CsvCell, ...]]:
    for line in compared.judges:
        for metric, found in {**line.health, **line.biases}.items():
            low, high = found.interval.low, found.interval.high
            yield (
                contents.id, line.condition, line.seed, int(line.is_believed), line.doubts,
                metric, found.value, low, high, found.n, found.reason,
                _address(contents, line, metric),
            )  # fmt: skip


def _difference_address(
    contents: Contents, compared: Comparison, metric: MetricComparison, contrast: Contrast
) -> str:
    """Empty for what no run reports, such as a bias that several judges' items are needed for."""
    if not any(row["name"] == metric.id for row in contents.results):
        return ""
    baseline = compared.baseline
    if contrast.seed is not None:
        baseline += f".s{contrast.seed}"
    return difference_address(contents.id, contrast.name, baseline, metric.id)


def _address(contents: Contents, line: JudgeLine, metric: str) -> str:
    """Of a number that a run reported; biases are made of several judges' items."""
    reported = any(
        row["name"] == metric and (row["condition"], row["seed"]) == (line.condition, line.seed)
        for row in contents.results
    )
    return why_address(contents.id, line.condition, line.seed, metric) if reported else ""


def _value(value: ConditionValue) -> str:
    if math.isnan(value.estimate.value):
        return "—"
    spread = "" if math.isnan(value.seed_sd) else f"{_NO_BREAK}±{value.seed_sd:.2g}"
    return f"{value.estimate.value:.4g}{spread}" + _limits(value.estimate.interval, ".3g")


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None or math.isnan(estimate.value):
        return "—"
    return f"{estimate.value:.3g}" + _limits(estimate.interval, ".2g")


def _limits(interval: Interval, form: str) -> str:
    if not interval.is_defined:
        return ""
    return f" [{interval.low:{form}},{_NO_BREAK}{interval.high:{form}}]"


def _number(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else "—"


def sentences(compared: Sequence[Comparison]) -> Iterator[str]:
    """The whole verdict of every difference that was decided."""
    for one in compared:
        for metric in one.metrics:
            for contrast in metric.contrasts:
                if contrast.verdict.outcome in ("higher", "lower"):
                    yield long_verdict(metric, contrast, one.baseline)


def configuration_table(contents: Contents) -> Table | None:
    """The inputs in which the conditions differ, and no others; None where nothing was compared."""
    known: dict[str, dict[str, str]] = {}
    conditions: dict[str, None] = {}
    for compared in contents.comparisons:
        conditions.update(dict.fromkeys(compared.conditions))
        for one in compared.configuration:
            known.setdefault(one.name, {}).update(one.values)
    if not known:
        return None
    rows = tuple(
        (Cell(name), *(Cell(values.get(one, "—")) for one in conditions))
        for name, values in known.items()
    )
    columns = (Column("input"), *(Column(name) for name in conditions))
    return Table("differences-configuration", "What differs between the conditions", columns, rows)


def foretold_table(contents: Contents) -> Table | None:
    """What the file said would come, and what came; None where it says nothing."""
    if contents.foretold is None:
        return None
    rows = []
    for entry in contents.foretold.rows:
        alone = len(entry.parts) == 1
        if not alone:
            said = f"{entry.metric}: {entry.statement}"
            rows.append(
                (Cell(str(entry.number)), Cell(said), *map(Cell, ("", "", entry.outcome, "")))
            )
        for part in entry.parts:
            p = "" if math.isnan(part.p) else p_text(part.p)
            seen = "—" if math.isnan(part.difference) else f"{part.difference:+.2g}"
            seen += _limits(part.interval, "+.2g")
            said = f"{entry.metric}: {part.statement}"
            number = str(entry.number) if alone else ""
            rows.append(tuple(map(Cell, (number, said, seen, p, part.outcome, part.why))))
    columns = (Column(""), Column("foretold"), Column("seen [95 %]", True), Column("p Holm", True),
               Column("outcome"), Column("why"))  # fmt: skip
    note = f"The same table: synthlab expected {contents.id}"
    return Table("foretold", "What the file foretold", columns, tuple(rows), (note,))
