"""The numbers of an experiment as tables: headlines, everything, and the same for a spreadsheet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from synthlab.analysis.headline import HEADLINES, headlines_of
from synthlab.analysis.statistics.comparability import ComparabilityKey
from synthlab.analysis.summary import MetricLine, SeedValue, summarise
from synthlab.escaping import CsvCell
from synthlab.metrics import catalog
from synthlab.report.address import why_address
from synthlab.report.contents import Contents
from synthlab.report.tables import Cell, Column, Table, csv_file

SEMANTIC = (
    "cosine-distance", "cosine-distance-within", "vendi-1", "vendi-0.5", "vendi-inf",
    "knn-precision", "knn-recall", "knn-coverage", "distinct-k", "utility-k", "mauve",
    "mauve-star", "frontier-integral", "frontier-integral-star",
)  # fmt: skip
"""Metrics in an embedding space: the paper shows them as a table."""
AGGREGATE_HEADER = (
    "experiment", "axis", "metric", "name", "condition", "seed", "value", "low", "high", "unit",
    "n", "n_total", "reason", "direction", "step", "run", "key_sha256", "key", "why",
)  # fmt: skip
_MOST_COLUMNS = 8


def number_text(value: float | None) -> str:
    """A measured number to four significant digits; a dash where there is none."""
    return "—" if value is None else f"{value:.4g}"


def headline_table(contents: Contents, axis: str) -> Table | None:
    """The few numbers that stand for an axis: a line for each measured cell."""
    lines = _lines(contents, axis)
    if axis not in HEADLINES:
        return None
    chosen = [one.metric for one in headlines_of(axis, list(lines))]
    meanings = {one.metric: one.meaning for one in headlines_of(axis, list(lines))}
    return _by_cell(
        contents, f"headline-{axis}", f"{axis}: headline numbers", lines, chosen, meanings
    )


def semantic_table(contents: Contents) -> Table | None:
    """What was measured in an embedding space; None without an embedder."""
    lines = _lines(contents, "collapse")
    chosen = [name for name in SEMANTIC if name in lines]
    title = "collapse: diversity in the embedding space"
    return _by_cell(contents, "semantic", title, lines, chosen, {}) if chosen else None


def whole_tables(contents: Contents) -> list[Table]:
    """Every number of the experiment: a line for each metric, a column for each measured cell."""
    tables = []
    for axis in contents.cells:
        lines = _lines(contents, axis)
        cells = _cells(contents, axis)
        for start in range(0, len(cells), _MOST_COLUMNS):
            part = cells[start : start + _MOST_COLUMNS]
            suffix = f"-{start // _MOST_COLUMNS + 1}" if len(cells) > _MOST_COLUMNS else ""
            tables.append(_whole(contents, axis, lines, part, suffix))
    return tables


def aggregates_csv(contents: Contents) -> bytes:
    """Every result with its interval, its n, its comparability key and its address."""
    return csv_file(AGGREGATE_HEADER, _aggregate_rows(contents))


def _aggregate_rows(contents: Contents) -> Iterator[tuple[CsvCell, ...]]:
    for row in contents.results:
        name, unit, direction = described(row["name"])
        yield (
            contents.id, row["axis"], row["name"], name, row["condition"], row["seed"],
            row["value"], row["low"], row["high"], row["unit"] or unit, row["n"], row["n_total"],
            row["reason"], direction, row["label"], row["run_id"], _key_digest(row["key"]),
            row["key"], why_address(contents.id, row["condition"], row["seed"], row["name"]),
        )  # fmt: skip


def described(metric: str) -> tuple[str, str, str]:
    """Name, unit and direction of a result; its id where the catalog of metrics does not list it."""
    for identifier in (metric, metric.split("/", 1)[0], metric.split(":", 1)[0]):
        try:
            found = catalog.metric(identifier)
        except KeyError:
            continue
        rest = metric.removeprefix(identifier).lstrip("/: ")
        return f"{found.name} ({rest})" if rest else found.name, found.unit, found.direction.value
    return metric, "", ""


def _key_digest(text: str) -> str:
    fields = json.loads(text)
    if not {"metric", "metric_version"} <= fields.keys():
        return ""
    return ComparabilityKey.from_json(text).digest


def _lines(contents: Contents, axis: str) -> dict[str, MetricLine]:
    return {line.name: line for line in summarise(contents.results).lines if line.axis == axis}


def _cells(contents: Contents, axis: str) -> list[tuple[str, int]]:
    rows = [row for row in contents.results if row["axis"] == axis]
    found = dict.fromkeys((str(row["condition"]), int(row["seed"])) for row in rows)
    order = list(contents.conditions)
    return sorted(found, key=lambda cell: (order.index(cell[0]), cell[1]))


def _by_cell(
    contents: Contents,
    identity: str,
    title: str,
    lines: dict[str, MetricLine],
    chosen: Sequence[str],
    meanings: dict[str, str],
) -> Table:
    axis = next(iter(lines.values())).axis
    rows = []
    for condition, seed in _cells(contents, axis):
        cells = [Cell(f"{condition}.s{seed}")]
        for metric in chosen:
            found = lines[metric].cells[condition].of_seed(seed)
            address = why_address(contents.id, condition, seed, metric)
            cells.append(Cell(_shown(found), address, link=address))
        rows.append(tuple(cells))
    columns = [Column(metric, True, meanings.get(metric, "")) for metric in chosen]
    notes = [f"A number's address: synthlab why {contents.id}:ROW:COLUMN"]
    notes += [f"{metric}: {meaning}" for metric, meaning in meanings.items() if meaning]
    return Table(identity, title, (Column("cell"), *columns), tuple(rows), tuple(notes))


def _whole(
    contents: Contents,
    axis: str,
    lines: dict[str, MetricLine],
    part: Sequence[tuple[str, int]],
    suffix: str,
) -> Table:
    rows, reasons = [], dict[str, list[str]]()
    for metric, line in lines.items():
        cells = [Cell(metric)]
        for condition, seed in part:
            found = line.cells[condition].of_seed(seed)
            address = why_address(contents.id, condition, seed, metric)
            cells.append(Cell(_shown(found), address, anchor=address))
            if found is not None and found.reason:
                reasons.setdefault(f"{metric}: {found.reason}", []).append(f"{condition}.s{seed}")
        seeds = [line.cells[c].of_seed(s) for c, s in part]
        cells.append(Cell(_scored([one for one in seeds if one is not None])))
        rows.append(tuple(cells))
    titles = [Column(f"{condition}.s{seed}", True) for condition, seed in part]
    notes = [f"A number's address: synthlab why {contents.id}:COLUMN:ROW"]
    notes += [
        f"undefined, {reason} ({'all' if len(of) == len(part) else ', '.join(of)})"
        for reason, of in reasons.items()
    ]
    columns = (Column("metric"), *titles, Column("scored"))
    title = f"{axis}: every number"
    return Table(f"all-{axis}{suffix}", title, columns, tuple(rows), tuple(notes))


def _shown(found: SeedValue | None) -> str:
    return number_text(None if found is None else found.value)


def _scored(values: Sequence[SeedValue]) -> str:
    """`9–16 of 16`: the fewest and the most scored rows of the cells."""
    if not values:
        return "—"
    least, most = min(v.n for v in values), max(v.n for v in values)
    totals = sorted({v.n_total for v in values})
    count = str(least) if least == most else f"{least}–{most}"
    return f"{count} of {'–'.join(map(str, (totals[0], totals[-1])[: len(totals)]))}"
