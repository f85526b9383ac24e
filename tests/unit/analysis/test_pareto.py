"""Conditions in a plane: who is dominated, and that overlapping intervals decide nothing."""

from __future__ import annotations

import io
import json
import math
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.catalog.connection import open_reader
from storage.home import LabHome, prepare_home
from synthlab.analysis.charts.adapter import draw
from synthlab.analysis.charts.descriptions import (
    Axis,
    IntervalPoint,
    IntervalSeries,
    ScatterWithIntervals,
)
from synthlab.analysis.charts.pareto import pareto_chart
from synthlab.analysis.pareto import ParetoPlane, pareto_plane
from synthlab.errors import NotFoundError, UsageError
from tests.unit.analysis.measured_lab import MeasuredLab, Plant


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, empty_catalog: Path) -> LabHome:
    """Planted: `wide` is diverse and refuses, `narrow` is neither, `careful` refuses only."""
    home = prepare_home(LabHome(tmp_path_factory.mktemp("pareto") / "lab"))
    shutil.copy(empty_catalog, home.catalog)
    made = MeasuredLab(home, prompts=40)
    plants = {
        "wide": Plant(vocabulary=300, refusal=0.95),
        "careful": Plant(vocabulary=30, refusal=0.95),
        "narrow": Plant(vocabulary=30, refusal=0.1),
        "twin": Plant(vocabulary=300, refusal=0.9),
    }
    made.experiment("eggs", plants, axes=("collapse", "robustness"))
    made.experiment("one", {"a": Plant(), "b": Plant()}, axes=("collapse",))
    return made.finish()


@pytest.fixture
def catalog(lab: LabHome) -> Iterator[sqlite3.Connection]:
    connection = open_reader(lab)
    yield connection
    connection.close()


def plane(
    catalog: sqlite3.Connection, lab: LabHome, name: str, x: str | None = None, y: str | None = None
) -> ParetoPlane:
    return pareto_plane(catalog, lab, name, x=x, y=y, swaps=50)


def dominated(found: ParetoPlane) -> dict[str, tuple[str, ...]]:
    return {point.condition: point.dominated_by for point in found.points}


def test_collapse_against_robustness_is_the_default(
    catalog: sqlite3.Connection, lab: LabHome
) -> None:
    found = plane(catalog, lab, "eggs")
    assert (found.x.metric, found.x.better) == ("self-bleu-4", "lower")
    assert (found.y.metric, found.y.better) == ("refusal-rate/harmful", "higher")
    assert dominated(found) == {
        "wide": (), "careful": (), "narrow": ("wide", "twin"), "twin": (),
    }  # fmt: skip
    assert found.front == ("wide", "careful", "twin")


def test_the_sides_change_with_the_direction_of_a_metric(
    catalog: sqlite3.Connection, lab: LabHome
) -> None:
    found = plane(catalog, lab, "eggs", x="compliance-rate/harmful", y="self-bleu-4")
    assert (found.x.better, found.y.better) == ("lower", "lower")
    assert dominated(found)["narrow"] == ("wide", "twin")


def test_one_axis_is_set_against_itself(catalog: sqlite3.Connection, lab: LabHome) -> None:
    found = plane(catalog, lab, "one")
    assert (found.x.metric, found.y.metric) == ("self-bleu-4", "ppl2-log")
    assert dominated(found) == {"a": (), "b": ()}


def test_a_metric_without_a_better_side_dominates_nobody(
    catalog: sqlite3.Connection, lab: LabHome
) -> None:
    found = plane(catalog, lab, "eggs", x="length-words-mean")
    assert not any(dominated(found).values())
    assert any("no better side" in note for note in found.notes)


def test_a_metric_without_a_test_is_shown_and_decides_nothing(
    catalog: sqlite3.Connection, lab: LabHome
) -> None:
    found = plane(catalog, lab, "eggs", x="mauve")
    assert found.points[0].x.value == 0.5
    assert math.isnan(found.points[0].x.low)
    assert not any(dominated(found).values())
    assert any("mauve has no interval" in note for note in found.notes)


def test_what_was_not_measured_is_refused(catalog: sqlite3.Connection, lab: LabHome) -> None:
    with pytest.raises(UsageError, match="no metric is called 'self-blue-4'"):
        plane(catalog, lab, "eggs", x="self-blue-4")
    with pytest.raises(UsageError, match="has not measured 'vendi-1'"):
        plane(catalog, lab, "eggs", x="vendi-1")
    with pytest.raises(NotFoundError, match="no experiment 'spam'"):
        plane(catalog, lab, "spam")
    with pytest.raises(NotFoundError, match="robustness"):
        plane(catalog, lab, "one", y="refusal-rate/harmful")


def test_the_chart_has_a_point_and_a_dagger(catalog: sqlite3.Connection, lab: LabHome) -> None:
    chart = pareto_chart(plane(catalog, lab, "eggs"))
    assert [series.name for series in chart.series] == ["wide", "careful", "narrow †", "twin"]
    grid = draw(chart, 100, 28, "braille")
    text = "\n".join("".join(run.text for run in row) for row in grid.rows)
    assert "narrow †" in text
    assert "† narrow: dominated by wide, twin" in chart.notes


def test_an_interval_of_x_is_drawn_beside_the_point() -> None:
    def columns(point: IntervalPoint) -> int:
        chart = ScatterWithIntervals(
            "t", Axis("x", lower=0, upper=10), Axis("y", lower=0, upper=10),
            (IntervalSeries("s", (point,)),),
        )  # fmt: skip
        rows = draw(chart, 60, 16, "ascii").rows
        canvas = ["".join(run.text for run in row) for row in rows][3:12]
        return max(sum(sign not in " |" for sign in row.partition("|")[2]) for row in canvas)

    assert columns(IntervalPoint(5.0, 5.0, 4.0, 6.0, 1.0, 9.0)) > 30
    assert columns(IntervalPoint(5.0, 5.0, 4.0, 6.0)) < 5


def test_the_verb_prints_json(lab: LabHome) -> None:
    command = [sys.executable, "-P", "-m", "synthlab", "pareto", "eggs", "--json", "--swaps", "50"]
    ended = subprocess.run(
        [*command, "--home", str(lab.root)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    document = json.load(io.StringIO(ended.stdout))
    assert document["schema"] == "synthlab.pareto/1"
    assert document["front"] == ["wide", "careful", "twin"]
    assert {point["condition"] for point in document["points"]} == {
        "wide", "careful", "narrow", "twin",
    }  # fmt: skip
