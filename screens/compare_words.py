"""How a comparison reads: the strip of conditions, the cells of the table, the metric under the cursor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from screens.safety import joined, line
from screens.widgets.lab_table import TableColumn
from synthlab.cli.words import figure

if TYPE_CHECKING:
    from synthlab.analysis.comparison import (
        Comparison,
        ConfigDifference,
        Contrast,
        MetricComparison,
        ShownMetric,
    )
    from synthlab.analysis.statistics.estimates import Interval

HATCH = "▒"
SIGNS = {"higher": "↑", "lower": "↓", "undecided": "?", "not comparable": HATCH}
PLAIN_SIGNS = {"higher": "^", "lower": "v", "undecided": "?", "not comparable": "#"}
LEAST_NAME = 18
IN_CELLS = 3
"""Digits of the limits in the table; the detail pane has four."""
LEAST_CELL = 12
"""`-0.3142 ↓` with room for a minus and an exponent."""
WHOLE_CELL = 40
"""Value, difference and the verdict's word, mostly with the interval."""
WIDEST_CELL = 60


@dataclass(frozen=True)
class CompareRow:
    """One line of the table: an input, a metric with tests, or a metric that is only shown."""

    key: str
    name: str
    about: ConfigDifference | MetricComparison | ShownMetric

    @property
    def is_tested(self) -> bool:
        """Whether conditions were tested against each other in it."""
        return self.key.startswith("metric ")

    @property
    def is_number(self) -> bool:
        """Whether it is a metric of either kind, and no input."""
        return self.is_tested or self.key.startswith("shown ")


@dataclass(frozen=True)
class Look:
    """How the cells are to be drawn."""

    differences: bool
    unicode: bool
    cursor: str
    """Condition under the cursor."""


def compare_rows(
    comparison: Comparison,
    settings: Sequence[ConfigDifference],
    *,
    all_settings: bool,
    all_metrics: bool,
) -> dict[str, CompareRow]:
    """Inputs first, then metrics."""
    rows: dict[str, CompareRow] = {}
    for one in settings if all_settings else comparison.configuration:
        rows[f"setting {one.name}"] = CompareRow(f"setting {one.name}", one.name, one)
    for metric in comparison.metrics:
        rows[f"metric {metric.id}"] = CompareRow(f"metric {metric.id}", metric.id, metric)
    if all_metrics:
        for shown in comparison.shown:
            rows[f"shown {shown.id}"] = CompareRow(f"shown {shown.id}", shown.id, shown)
    return rows


def name_width(room: int) -> int:
    """Of the first column: the end of a metric's name says on which prompts it was measured."""
    return max(LEAST_NAME, min(36, room // 6 + 2))


def fitting(conditions: Sequence[str], cursor: str, room: int) -> tuple[str, ...]:
    """As many conditions beside each other as have room, the one under the cursor among them."""
    count = max(1, (room - name_width(room) - 3) // (LEAST_CELL + 2))
    place = conditions.index(cursor) if cursor in conditions else 0
    # The baseline stays; the others move past it.
    first = max(1, place - count + 2)
    return (*conditions[:1], *conditions[first : first + count - 1])


def compare_columns(
    comparison: Comparison, look: Look, room: int
) -> Sequence[TableColumn[CompareRow]]:
    """The name and a column for each condition that fits."""
    shown = fitting(comparison.conditions, look.cursor, room)
    wide = name_width(room)
    width = (room - 1 - wide - 2) // len(shown) - 2
    width = max(LEAST_CELL, min(width, WIDEST_CELL))
    columns = [TableColumn[CompareRow]("metric", _name, wide, priority=0, grows=True)]
    for name in shown:
        columns.append(_condition_column(comparison, name, look, width))
    return columns


def _condition_column(
    comparison: Comparison, name: str, look: Look, width: int
) -> TableColumn[CompareRow]:
    def show(row: CompareRow) -> Content:
        return _cell(comparison, row, name, look, width)

    lead = ("▸ " if look.unicode else "> ") if name == look.cursor else ""
    tail = " =" if name == comparison.baseline and look.differences else ""
    return TableColumn[CompareRow](f"{lead}{name}{tail}", show, width, priority=0)


def _name(row: CompareRow) -> Content:
    from synthlab.analysis.comparison import ConfigDifference, ShownMetric

    if isinstance(row.about, ConfigDifference):
        return line(row.name, "italic $lab-muted")
    return line(row.name, "$lab-muted" if isinstance(row.about, ShownMetric) else "")


def _cell(comparison: Comparison, row: CompareRow, name: str, look: Look, width: int) -> Content:
    from synthlab.analysis.comparison import ConfigDifference, ShownMetric

    about = row.about
    if isinstance(about, ConfigDifference):
        text, style = about.values.get(name, "—"), "$lab-muted"
        if text != about.values.get(comparison.baseline, "—"):
            style = ""
        made = line(text, style)
    elif isinstance(about, ShownMetric):
        value = number(about.values.get(name, math.nan))
        made = _hatched(value, look) if _is_unlike(comparison, about, name) else line(value)
    else:
        made = _metric_cell(comparison, about, name, look, width)
    if name == look.cursor:
        made = made.stylize("underline")
    return made


def _is_unlike(comparison: Comparison, metric: ShownMetric, name: str) -> bool:
    return bool(metric.unlike) and name != comparison.baseline


def _hatched(value: str, look: Look) -> Content:
    sign = HATCH if look.unicode else "#"
    return line(f"{sign} {value} unlike {sign}", "$warning")


def _metric_cell(
    comparison: Comparison, metric: MetricComparison, name: str, look: Look, width: int
) -> Content:
    found = metric.values.get(name)
    if found is None:
        return line("—", "$lab-muted")
    value, interval = number(found.estimate.value), limits(found.estimate.interval, IN_CELLS)
    contrasts = [one for one in metric.contrasts if one.condition == name]
    if any(one.result.unlike for one in contrasts):
        return _hatched(value if not look.differences else "", look)
    if name == comparison.baseline:
        text = value if look.differences and width < WHOLE_CELL else f"{value} {interval}"
        return line(text if len(text) <= width else value, "$lab-muted" if look.differences else "")
    marks = joined(*(_mark(metric, one, look) for one in contrasts))
    differences = [signed(one.result.difference) for one in contrasts]
    words = [one.verdict.outcome for one in contrasts]
    if look.differences:
        limited = [
            f"{text} {limits(one.result.interval, IN_CELLS)}".rstrip()
            for text, one in zip(differences, contrasts, strict=True)
        ]
        forms = ["  ".join(limited), " ".join(differences)]
        if width >= WHOLE_CELL and words:
            forms.insert(0, "  ".join(map(" ".join, zip(limited, words, strict=True))))
    else:
        forms = [f"{value} {interval}".rstrip(), value]
        if width >= WHOLE_CELL and words:
            sign = "Δ" if look.unicode else "d"
            said = "".join(
                f"  {sign} {text} {word}" for text, word in zip(differences, words, strict=True)
            )
            forms = [*(f"{form}{said}" for form in forms), *forms]
    room = width - marks.cell_length - 1
    return joined(next((form for form in forms if len(form) <= room), forms[-1]) or "—", " ", marks)


def _mark(metric: MetricComparison, contrast: Contrast, look: Look) -> Content:
    outcome = contrast.verdict.outcome
    sign = (SIGNS if look.unicode else PLAIN_SIGNS)[outcome]
    side = metric.direction.partition(" = ")[0]
    if outcome == "undecided":
        style = "$lab-muted"
    elif side not in ("higher", "lower"):
        style = "bold"
    else:
        style = "bold $success" if outcome == side else "bold $error"
    return line(sign, style)


def strip(
    conditions: Sequence[str], chosen: Sequence[str], baseline: str, cursor: str, *, unicode: bool
) -> Content:
    """All conditions on one line: which are in, which is pinned, which is under the cursor."""
    from synthlab.analysis.charts.palette import looks
    from synthlab.analysis.charts.plain_signs import plain

    parts = []
    for name, look in zip(conditions, looks(conditions), strict=True):
        is_in = name in chosen
        sign = (
            (look.marker if is_in else "○") if unicode else (plain(look.marker) if is_in else "-")
        )
        pointer = ("▸" if unicode else ">") if name == cursor else " "
        style = "" if is_in else "$lab-muted"
        parts.append(line(pointer, "bold $accent"))
        parts.append(line(f"{sign} ", look.colour if is_in else "$lab-muted"))
        parts.append(line(name, f"{style} bold underline" if name == cursor else style))
        if name == baseline:
            parts.append(line(" = baseline", "$lab-muted"))
        parts.append(line(" "))
    return joined(*parts)


def metric_facts(
    comparison: Comparison, row: CompareRow, cursor: str
) -> list[tuple[str, str | Content]]:
    """Everything that is known of the line under the cursor, its condition first."""
    from synthlab.analysis.comparison import ConfigDifference, ShownMetric

    about = row.about
    if isinstance(about, ConfigDifference):
        facts: list[tuple[str, str | Content]] = [("input", about.name)]
        facts += [(name, about.values.get(name, "—")) for name in comparison.conditions]
    elif isinstance(about, ShownMetric):
        facts = _shown_facts(comparison, about)
    else:
        facts = _tested_facts(comparison, about, cursor)
    for note in comparison.notes:
        facts.append(("note", note))
    if comparison.left_out_seeds:
        left = ", ".join(map(str, comparison.left_out_seeds))
        facts.append(("left out", f"seeds that not every condition has: {left}"))
    return facts


def _shown_facts(comparison: Comparison, metric: ShownMetric) -> list[tuple[str, str | Content]]:
    facts: list[tuple[str, str | Content]] = [
        ("metric", metric.name),
        ("direction", metric.direction),
        ("no test", metric.why_untested),
    ]
    if metric.unlike:
        facts.append(("unlike", f"{HATCH} measured unlike in: {', '.join(metric.unlike)}"))
    for name in comparison.conditions:
        value = number(metric.values.get(name, math.nan))
        facts.append((name, f"{value}, scored {metric.scored.get(name, '—')}"))
        facts += _seed_facts(metric.by_seed.get(name, {}))
    return facts


def _tested_facts(
    comparison: Comparison, metric: MetricComparison, cursor: str
) -> list[tuple[str, str | Content]]:
    facts: list[tuple[str, str | Content]] = [
        ("metric", metric.name),
        ("direction", metric.direction + (f", in {metric.unit}" if metric.unit else "")),
        ("scored", f"{metric.n_rows} of {metric.n_candidates}"),
    ]
    if metric.budget is not None:
        facts.append(("budget", f"{metric.budget} tokens"))
    for name in sorted(comparison.conditions, key=lambda one: one != cursor):
        found = metric.values.get(name)
        if found is None:
            continue
        facts.append((name, ""))
        facts.append(("value", f"{number(found.estimate.value)} {limits(found.estimate.interval)}"))
        if found.estimate.reason:
            facts.append(("why", found.estimate.reason))
        for one in metric.contrasts:
            if one.condition == name:
                facts += _contrast_facts(one, comparison.baseline)
        facts += _seed_facts(found.by_seed)
        if math.isfinite(found.seed_sd):
            facts.append(("seed SD", number(found.seed_sd)))
    for left in metric.left_out:
        facts.append(("left out", f"{left.rows}: {left.reason} ({', '.join(left.examples)})"))
    return facts


def why_undefined(metric: MetricComparison | ShownMetric) -> str:
    """Why no condition has a value; empty if one has."""
    from synthlab.analysis.comparison import ShownMetric

    if isinstance(metric, ShownMetric):
        known = any(map(math.isfinite, metric.values.values()))
        return "" if known else "no condition has a value"
    estimates = [one.estimate for one in metric.values.values()]
    if any(math.isfinite(one.value) for one in estimates):
        return ""
    return next((one.reason for one in estimates if one.reason), "no condition has a value")


def _contrast_facts(contrast: Contrast, baseline: str) -> list[tuple[str, str | Content]]:
    from synthlab.analysis.verdict_words import seeds_sentence

    result = contrast.result
    if result.unlike:
        return [("verdict", f"{HATCH} unlike, not subtracted: {contrast.verdict.sentence}")]
    of_judge = "" if contrast.seed is None else f", seed {contrast.seed}"
    facts: list[tuple[str, str | Content]] = [
        (f"minus {baseline}", f"{signed(result.difference)} {limits(result.interval)}{of_judge}"),
        ("verdict", contrast.verdict.sentence),
    ]
    if math.isfinite(result.effect.value):
        facts.append(("effect", f"{result.effect.kind} {number(result.effect.value)}"))
    if math.isfinite(result.mde):
        facts.append(
            ("detectable", f"{number(result.mde)} at n = {result.n_units} {result.unit} (MDE)")
        )
    if not math.isnan(result.p):
        facts.append(("test", result.method))
    over_seeds = seeds_sentence(contrast)
    if over_seeds:
        facts.append(("seeds", over_seeds))
    return facts


def _seed_facts(by_seed: Mapping[int, float]) -> list[tuple[str, str | Content]]:
    if len(by_seed) < 2:
        return []
    text = "  ".join(f"{seed}: {number(value)}" for seed, value in sorted(by_seed.items()))
    return [("by seed", text)]


def number(value: float) -> str:
    """To four digits; a dash for what is not defined."""
    return figure(value) if math.isfinite(value) else "—"


def signed(value: float) -> str:
    """A difference always has its sign."""
    if not math.isfinite(value):
        return "—"
    return f"{value:+.4g}" if value else "0"


def limits(interval: Interval, digits: int = 4) -> str:
    """`[low, high]`, or nothing where there is none."""
    if not interval.is_defined:
        return ""
    return f"[{interval.low:.{digits}g}, {interval.high:.{digits}g}]"
