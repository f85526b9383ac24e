"""`synthlab plot EXPERIMENT`: what was measured, or is being measured, as a chart in the terminal."""

from __future__ import annotations

import difflib
import math
import os
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from storage.catalog.queries import (
    Row,
    experiment_results,
    experiment_steps,
    metric_series,
    metrics_reported,
)
from synthlab.analysis.comparison_json import finite_json
from synthlab.cli.output import Painted
from synthlab.cli.plot_axes import AXIS_OF, axis_chart, axis_of, judging_panel, refuse_form
from synthlab.cli.session import Session, one_experiment
from synthlab.errors import ExitCode, NotFoundError, UsageError

if TYPE_CHECKING:
    from synthlab.analysis.charts.descriptions import Chart
    from synthlab.analysis.charts.grid import Grid
    from synthlab.analysis.charts.raster import Symbols
    from synthlab.analysis.measured import MeasuredCell

USUAL_SIZE = (80, 24)
LARGEST_SIZE = (120, 32)
"""Charts grow with the terminal up to here; larger ones are for --width and --height."""
PROMPT_ROWS = 2
CURVES = ("heaps", "self-bleu-curve")
DISTRIBUTIONS = ("ppl1", "ppl2", "length")
BARS_OF = {"ppl1": "ppl1-document", "ppl2": "ppl2-document", "length": "length-words-mean"}
LOSS = "loss"


class _Found(NamedTuple):
    """What the catalog and the run directories hold of an experiment."""

    experiment: Row
    cells: Sequence[MeasuredCell]
    results: Sequence[Row]
    reported: Sequence[str]
    steps: Sequence[Row]
    series: Mapping[str, Sequence[Row]]
    """Points of the reported metric that was asked for, by run."""
    panel: Sequence[MeasuredCell]
    """Judges, where the figure needs their items."""


def plot(session: Session) -> ExitCode:
    """Draw one chart; exit code 5 if some of the measurements that it should show are missing."""
    arguments = session.arguments
    check_size(arguments.width, arguments.height)
    with session.catalog() as connection:
        found = _read(session, connection)
    what = arguments.what or _default(found)
    chart = _chart(found, what, arguments.form, each_seed=arguments.seeds)
    missing = _missing(found, what)
    if arguments.json:
        session.output.json(
            "chart",
            {
                "experiment": found.experiment["id"],
                "what": what,
                "kind": type(chart).__name__,
                "chart": finite_json(asdict(chart)),
                "missing": missing,
            },
        )
    else:
        print_chart(session, found.experiment["id"], chart)
    if missing:
        session.output.say(f"not shown, not finished: {', '.join(missing)}")
        return ExitCode.DEGRADED
    return ExitCode.DONE


def check_size(width: int | None, height: int | None) -> None:
    """Raises UsageError for a size that no chart can have."""
    from synthlab.analysis.charts.sizes import MAX_HEIGHT, MAX_WIDTH, MIN_HEIGHT, MIN_WIDTH

    for name, value, least, most in (
        ("--width", width, MIN_WIDTH, MAX_WIDTH),
        ("--height", height, MIN_HEIGHT, MAX_HEIGHT),
    ):
        if value is not None and not least <= value <= most:
            raise UsageError(f"{name} {value}: a chart has {least} to {most} cells there")


def _read(session: Session, connection: sqlite3.Connection) -> _Found:
    from synthlab.analysis.measured import read_cells

    experiment = one_experiment(connection, session.arguments.experiment)
    identity = experiment["id"]
    steps = experiment_steps(connection, identity)
    wanted = session.arguments.what or LOSS
    panel = judging_panel(connection, session.home, identity, wanted)
    return _Found(
        experiment,
        read_cells(connection, session.home, identity, "collapse"),
        experiment_results(connection, identity),
        metrics_reported(connection, identity),
        steps,
        {step["id"]: metric_series(connection, step["id"], wanted) for step in steps},
        panel,
    )


def _default(found: _Found) -> str:
    measured = {row["name"] for row in found.results}
    if found.cells and "ppl1-log" in measured:
        return "ppl1"
    axes = {row["axis"] for row in found.results}
    return "refusal" if "robustness" in axes else "flips" if "bias" in axes else LOSS


def _chart(found: _Found, what: str, form: str | None, *, each_seed: bool) -> Chart:
    measured = list(dict.fromkeys(row["name"] for row in found.results))
    if not measured and not found.reported:
        raise NotFoundError(
            f"{found.experiment['id']}: nothing is measured yet",
            f"`synthlab show {found.experiment['id']}` tells how far it is",
        )
    if axis_of(what, found.results) and what not in found.reported:
        refuse_form(what, form)
        identity = found.experiment["id"]
        return axis_chart(identity, what, found.results, found.panel, each_seed=each_seed)
    if form and (what in found.reported or what in CURVES):
        raise UsageError(f"{what} is a curve", "leave out --as")
    if what in found.reported:
        return _live(found, what, each_seed=each_seed)
    if what not in (*CURVES, *DISTRIBUTIONS, *measured):
        raise _unknown(found, what)
    if not found.cells:
        raise NotFoundError(
            f"{found.experiment['id']} has no finished measurement of the collapse axis",
            f"--what {LOSS} shows its training; `synthlab show {found.experiment['id']}` its state",
        )
    if what in CURVES:
        return _curve(found, what, each_seed=each_seed)
    chosen = form or ("boxes" if what in DISTRIBUTIONS else "bars")
    if chosen == "bars":
        return _bars(found, BARS_OF.get(what, what))
    return _distribution(found, what, "histogram" if chosen == "histogram" else "boxes")


def _unknown(found: _Found, what: str) -> NotFoundError:
    measured = [str(row["name"]) for row in found.results]
    axes = {str(row["axis"]) for row in found.results}
    charts = [*CURVES, *DISTRIBUTIONS] if "collapse" in axes else []
    charts += [name for name, axis in AXIS_OF.items() if axis in axes]
    charts += found.reported
    near = difflib.get_close_matches(what, dict.fromkeys([*charts, *measured]), n=3)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    name = found.experiment["name"]
    more = f"; every metric of: synthlab results {name} --all" if measured else ""
    return NotFoundError(
        f"{found.experiment['id']} has nothing called {what!r} to plot",
        f"{meant}there is: {', '.join(charts)}{more}",
    )


def _live(found: _Found, what: str, *, each_seed: bool) -> Chart:
    from synthlab.analysis.charts.collapse import Curve, live_curves, merge_seeds

    curves: dict[str, Curve] = {}
    for step in found.steps:
        points = found.series[step["id"]]
        if points:
            name = step["condition"] or step["label"]
            curves.setdefault(step["id"], Curve.of_points(name, step["seed"], points))
    every = tuple(curves.values())
    return live_curves(what, every if each_seed else merge_seeds(every))


def _curve(found: _Found, what: str, *, each_seed: bool) -> Chart:
    from synthlab.analysis.charts.cell_values import heaps_of, self_bleu_of
    from synthlab.analysis.charts.collapse import heaps_curves, merge_seeds, self_bleu_curves

    if what == "heaps":
        curves = heaps_of(found.cells, found.results)
        return heaps_curves(curves if each_seed else merge_seeds(curves))
    curves = self_bleu_of(found.cells)
    return self_bleu_curves(curves if each_seed else merge_seeds(curves))


def _distribution(found: _Found, what: str, form: str) -> Chart:
    from synthlab.analysis.charts.cell_values import item_metrics, samples
    from synthlab.analysis.charts.collapse import QUANTITIES, Quantity, distribution

    quantity = QUANTITIES.get(what)
    if quantity is None:
        per_item = item_metrics(found.cells)
        if what not in per_item:
            raise UsageError(
                f"{what} is a number of all answers together; there is no value per answer",
                f"leave out --as, or plot {', '.join([*DISTRIBUTIONS, *per_item])}",
            )
        name, unit, _ = _described(what)
        quantity = Quantity(name, f"{name} of an answer" + (f", {unit}" if unit else ""))
    return distribution(
        quantity, samples(found.cells, what), "histogram" if form == "histogram" else "boxes"
    )


def _bars(found: _Found, metric: str) -> Chart:
    from synthlab.analysis.charts.cell_values import INTERVAL_NOTE, bars_of, unlike_notes
    from synthlab.analysis.charts.collapse import metric_bars

    bars = bars_of(found.cells, found.results, metric)
    name, unit, direction = _described(metric)
    has = any(math.isfinite(bar.low) for bar in bars)
    note = (
        INTERVAL_NOTE if has else "no interval: this metric has none from a single set of answers"
    )
    axis = ", ".join(part for part in (unit or metric, direction) if part)
    return metric_bars(name, axis, bars, [note, *unlike_notes(found.cells, metric)])


def _described(metric: str) -> tuple[str, str, str]:
    """Name, unit and direction of a metric; its id where the catalog of metrics does not list it."""
    from synthlab.metrics import catalog

    try:
        described = catalog.metric(metric)
    except KeyError:
        return metric, "", ""
    return described.name, described.unit, described.direction.value


def _missing(found: _Found, what: str) -> list[str]:
    """Steps that the chart should show and that have not succeeded."""
    if what in found.reported:
        return []
    axis = axis_of(what, found.results) or "collapse"
    return [s["label"] for s in found.steps if s["axis"] == axis and s["state"] != "succeeded"]


def print_chart(session: Session, experiment: str, chart: Chart) -> None:
    """Draw a chart as large as asked for or as the terminal is; its notes go to stderr."""
    from synthlab.analysis.charts.adapter import draw
    from synthlab.analysis.charts.ansi import colour_depth

    width, height = _size(session)
    grid = draw(chart, width, height, _symbols(session))
    session.output.drawing(_painted(grid, colour_depth(session.environment)))
    for note in grid.notes:
        session.output.say(f"{experiment}: {note}")


def _painted(grid: Grid, depth: Any) -> list[list[Painted]]:
    from synthlab.analysis.charts.ansi import sgr

    return [[Painted(run.text, sgr(run.style, depth)) for run in row] for row in grid.rows]


def _size(session: Session) -> tuple[int, int]:
    """What was asked for, else what the terminal of this session has, whichever stream shows it."""
    columns, lines = terminal_size(session.environment)
    width = session.arguments.width or max(18, min(columns, LARGEST_SIZE[0]))
    height = session.arguments.height or max(4, min(lines - PROMPT_ROWS, LARGEST_SIZE[1]))
    return width, height


def terminal_size(environment: Mapping[str, str]) -> tuple[int, int]:
    """Columns and lines: COLUMNS and LINES, then the terminal behind any stream, then 80x24.

    stdout may be a pipe into `less` or `cat` in the same terminal, and must look the same there.
    """
    found = USUAL_SIZE
    for stream in (sys.__stdout__, sys.__stderr__, sys.__stdin__):
        try:
            size = os.get_terminal_size(stream.fileno()) if stream else None
        except (OSError, ValueError):
            continue
        if size and size.columns and size.lines:
            found = (size.columns, size.lines)
            break
    told = (environment.get("COLUMNS", ""), environment.get("LINES", ""))
    columns, lines = (
        int(text) if text.isdecimal() and 0 < int(text) < 10000 else value
        for text, value in zip(told, found, strict=True)
    )
    return columns, lines


def _symbols(session: Session) -> Symbols:
    """Braille where it can be encoded and shown."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    term = session.environment.get("TERM", "")
    if session.arguments.symbols != "auto":
        chosen: Symbols = session.arguments.symbols
        return chosen
    if encoding != "utf8" or term == "dumb":
        return "ascii"
    # The font of the Linux console has blocks and no braille.
    return "block" if term == "linux" else "braille"
