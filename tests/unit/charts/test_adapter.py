"""Charts have the asked size, say what they show without colour, and survive hostile data."""

from __future__ import annotations

import ast
import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from synthlab.analysis.charts.adapter import draw
from synthlab.analysis.charts.ansi import sgr
from synthlab.analysis.charts.descriptions import Axis, BarChart, LineChart, Series
from synthlab.analysis.charts.geometry import Point
from synthlab.analysis.charts.grid import Grid, Sheet, Style, cell_width, cut
from synthlab.analysis.charts.raster import rasterise
from tests.unit.charts.examples import CONDITIONS, EXAMPLES

ROOT = Path(__file__).parents[3]
FRAMES = Path(__file__).parent / "frames"
HANG_GUARD_S = 240


def assert_size(grid: Grid, width: int, height: int) -> None:
    assert (grid.width, grid.height, len(grid.rows)) == (width, height, height)
    assert {cell_width("".join(run.text for run in row)) for row in grid.rows} == {width}


@pytest.mark.parametrize("size", [(18, 4), (40, 12), (80, 22), (200, 60), (1, 1), (30, 2)], ids=str)
@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("symbols", ["braille", "ascii"])
def test_the_grid_has_the_asked_size(name: str, size: tuple[int, int], symbols: str) -> None:
    grid = draw(EXAMPLES[name], *size, "ascii" if symbols == "ascii" else "braille")
    assert_size(grid, *size)
    assert symbols != "ascii" or grid.text.isascii()


@pytest.mark.parametrize("size", [(80, 22), (40, 12)], ids=["80x22", "40x12"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_frames_look_as_they_did(name: str, size: tuple[int, int]) -> None:
    """A changed frame is looked at before its file is replaced by what the assertion shows."""
    stored = FRAMES / f"{name.replace(' ', '-')}-{size[0]}x{size[1]}.txt"
    drawn = "\n".join(line.rstrip() for line in draw(EXAMPLES[name], *size).text.split("\n"))
    assert drawn + "\n" == stored.read_text(encoding="utf-8")


def test_hostile_values_and_names_neither_crash_nor_hang() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.unit.charts.hostile", "1000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANG_GUARD_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert ended.stderr.count("LineChart(") > 20


def test_sizes_that_cannot_be_are_refused() -> None:
    for size in ((0, 5), (5, 0), (501, 20), (80, 201)):
        with pytest.raises(ValueError, match="cells"):
            draw(EXAMPLES["bars"], *size)


def test_a_gap_is_not_bridged_and_is_counted() -> None:
    y = tuple(1.0 if i % 20 < 10 else math.nan for i in range(100))
    chart = LineChart("t", Axis("x"), Axis("y"), (Series("a", tuple(map(float, range(100))), y),))
    grid = draw(chart, 80, 20)
    line = max(grid.text.split("\n")[3:-4], key=lambda row: sum(sign > "\u2800" for sign in row))
    runs = [part for part in line.split("┤")[-1].split("│")[-1].split(" ") if part]
    assert len(runs) == 5
    assert "50 of 100 points are gaps" in grid.text


def test_a_log_axis_without_positive_values_says_so() -> None:
    chart = LineChart("t", Axis("x"), Axis("y", "log"), (Series("a", (1.0, 2.0), (0.0, -1.0)),))
    assert "above 0" in draw(chart, 80, 10).text


def test_a_point_far_outside_given_limits_does_not_bend_the_line_inside() -> None:
    axis = Axis("y", lower=0.0, upper=5.0)
    series = (Series("a", (0.0, 1.0, 2.0), (1.0, 1e12, 1.0)),)
    grid = draw(LineChart("t", Axis("x"), axis, series), 60, 16)
    assert_size(grid, 60, 16)
    rows = [row.split("│")[-1].split("┤")[-1] for row in grid.text.split("\n")[3:12]]
    drawn = [{i for i, sign in enumerate(row) if sign != " "} for row in rows]
    assert all(columns for columns in drawn[:-1])
    assert len(set.union(*drawn[:6])) <= 6


def test_the_canvas_refuses_what_would_end_the_process() -> None:
    for bad in (math.nan, math.inf, -1e-9, 1.0001):
        with pytest.raises(ValueError, match="outside"):
            rasterise(((Point(0.5, 0.5), Point(bad, 0.5)),), 10, 5, "braille")


def test_every_condition_is_told_without_colour() -> None:
    text = draw(EXAMPLES["lines"], 80, 22).text
    legend, canvas = text.split("\n")[1], "\n".join(text.split("\n")[3:18])
    for name in CONDITIONS:
        marker = legend[legend.index(name) - 2]
        assert marker in canvas, name


def test_every_chart_states_n() -> None:
    for name in ("lines", "scatter", "boxes", "bars", "histogram"):
        assert "n=" in draw(EXAMPLES[name], 80, 22).text, name
    tiny = draw(EXAMPLES["boxes"], 18, 4)
    assert any("n=40" in note for note in tiny.notes)


def test_what_has_no_room_is_said() -> None:
    grid = draw(EXAMPLES["boxes"], 30, 5)
    assert any("rows are not shown" in note for note in grid.notes)
    assert any("not in the legend" in note for note in draw(EXAMPLES["lines"], 20, 5).notes)


def test_on_a_low_chart_names_come_before_the_frame() -> None:
    chart = EXAMPLES["bars"]
    assert isinstance(chart, BarChart)
    low = draw(chart, 40, 6)
    assert all(bar.name in low.text for bar in chart.bars)
    assert "┴" not in low.text and "└" not in low.text
    assert any(letter.isdigit() for letter in low.text.splitlines()[-1])
    lower = draw(chart, 40, 5)
    assert "+1 more" in lower.text
    assert chart.bars[-1].name not in lower.text


def test_hostile_names_stay_text_and_keep_their_cells() -> None:
    names = ("\x1b[2Jboo", "漢字漢字漢字", "e" + "\u0301" * 30, "\u202eabc")
    bars = tuple(dataclasses.replace(EXAMPLES["bars"].bars[0], name=name) for name in names)  # type: ignore[union-attr]
    grid = draw(BarChart("\x1b]0;x\x07", Axis("y\nz"), bars), 60, 12)
    assert_size(grid, 60, 12)
    assert "\x1b" not in grid.text
    assert "␛[2J" in grid.text
    assert "漢字" in grid.text


def test_wide_signs_are_never_split() -> None:
    sheet = Sheet(6, 1)
    sheet.write(0, 0, "漢字漢")
    sheet.write(0, 1, "x")
    sheet.write(0, 5, "字")
    assert_size(sheet.finish(), 6, 1)
    assert sheet.finish().text == " x字漢"
    assert cut("漢字漢", 4) == "漢…"


def test_colours_become_codes() -> None:
    style = Style("#4c72b0", bold=True)
    assert sgr(style, "truecolor") == "\x1b[1;38;2;76;114;176m"
    assert sgr(style, "256") == "\x1b[1;38;5;61m"
    assert sgr(Style(), "256") == ""


def test_drawing_needs_neither_numpy_nor_textual_and_plotext_only_for_curves() -> None:
    code = (
        "import sys, json\n"
        "from synthlab.analysis.charts.adapter import draw\n"
        "from tests.unit.charts.examples import EXAMPLES\n"
        "draw(EXAMPLES['boxes'], 80, 22); early = 'plotext' in sys.modules\n"
        "[draw(chart, 80, 22) for chart in EXAMPLES.values()]\n"
        "print(json.dumps([early, *(n in sys.modules for n in ('plotext', 'numpy', 'textual'))]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(ended.stdout) == [False, True, False, False]


def test_one_module_knows_plotext() -> None:
    found = set()
    for package in ("synthlab", "screens", "storage"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if any(name.split(".")[0] == "plotext" for name in names):
                    found.add(str(path.relative_to(ROOT)))
    assert found == {"synthlab/analysis/charts/raster.py"}
