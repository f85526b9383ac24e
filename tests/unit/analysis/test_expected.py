"""Foretold directions on planted cells: each outcome for its own reason."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from storage.home import LabHome
from synthlab.analysis import expected as checked
from synthlab.analysis.compare import compare
from synthlab.analysis.comparison import Comparison
from synthlab.analysis.expected import ExpectedTable, check_expectations
from synthlab.analysis.measured import MeasuredCell
from synthlab.errors import UsageError
from synthlab.experiment.expectations import Dose, Expected
from tests.unit.analysis.test_compare import make_cell

SHIFTS = {"vanilla": 0.5, "single": 0.3, "multi": 0.3, "human": 0.0}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence[MeasuredCell]:
    """Cells of four conditions in place of those that a catalog would give."""
    cells = [
        make_cell(tmp_path, name, seed, shift=shift)
        for name, shift in SHIFTS.items()
        for seed in (0, 1, 2)
    ]

    def compared(
        connection: object,
        home: object,
        words: object,
        *,
        axis: str,
        baseline: str,
        swaps: int,
        progress: object,
    ) -> Comparison:
        if axis != "collapse":
            raise UsageError(f"nothing is measured on the axis {axis}")
        names = [baseline, *(name for name in SHIFTS if name != baseline)]
        return compare(axis, cells, names, swaps=50)

    monkeypatch.setattr(checked, "compare_conditions", compared)
    monkeypatch.setattr(checked, "read_cells", lambda *_: cells)
    return cells


def check(*entries: Expected) -> ExpectedTable:
    nowhere = LabHome(Path("/nowhere"))
    return check_expectations(sqlite3.connect(":memory:"), nowhere, "exp.1", entries)


def outcomes(*entries: Expected) -> list[str]:
    return [row.outcome for row in check(*entries).rows]


@pytest.mark.usefixtures("lab")
def test_each_outcome() -> None:
    assert outcomes(
        Expected("ppl2-log", higher=("vanilla",), lower=("human",)),
        Expected("ppl2-log", higher=("human",), lower=("vanilla",)),
        Expected("ppl2-log", higher=("multi",), lower=("single",)),
    ) == ["confirmed", "contradicted", "undecided"]


@pytest.mark.usefixtures("lab")
def test_an_order_is_as_good_as_its_worst_pair() -> None:
    rows = check(
        Expected("ppl2-log", order=("vanilla", ">", "multi", ">", "human")),
        Expected("ppl2-log", order=("vanilla", ">", "multi", ">", "single", ">", "human")),
        Expected("ppl2-log", order=("vanilla", "<", "multi", ">", "human")),
    ).rows
    assert [row.outcome for row in rows] == ["confirmed", "undecided", "contradicted"]
    assert [part.outcome for part in rows[1].parts] == ["confirmed", "undecided", "confirmed"]
    assert all(part.n == 60 and part.seeds == 3 for part in rows[1].parts)


@pytest.mark.usefixtures("lab")
def test_all_inequalities_are_one_family() -> None:
    pair = Expected("ppl2-log", higher=("vanilla",), lower=("human", "multi"))
    table = check(pair, Expected("ppl1-log", higher=("vanilla",), lower=("human",)))
    assert table.tests == 3


@pytest.mark.usefixtures("lab")
def test_a_trend_is_decided_by_its_interval() -> None:
    doses = (Dose("vanilla", 0), Dose("single", 1), Dose("human", 2))
    flat = (Dose("single", 1), Dose("multi", 2))
    falls, rises, none = check(
        Expected("ppl2-log", falls_with=doses),
        Expected("ppl2-log", rises_with=doses),
        Expected("ppl2-log", falls_with=flat),
    ).rows
    assert (falls.outcome, rises.outcome, none.outcome) == (
        "confirmed",
        "contradicted",
        "undecided",
    )
    assert falls.parts[0].difference == pytest.approx(-0.25, abs=0.05)
    assert [one.amount for one in falls.parts[0].at] == [0, 1, 2]


@pytest.mark.usefixtures("lab")
def test_what_was_not_measured_says_so() -> None:
    pair = Expected("ppl2-token", higher=("vanilla",), lower=("human",))
    rows = check(
        replace(pair, metric="refusal-rate/harmful"),
        pair,
        Expected("ppl2-token", falls_with=(Dose("vanilla", 0), Dose("human", 1))),
    ).rows
    assert {row.outcome for row in rows} == {"undecided"}
    why = [row.parts[0].why for row in rows]
    assert "nothing is measured on the axis robustness" in why[0]
    assert "no test for ppl2-token" in why[1]
    assert "not tested" in why[2]


def test_seeds_that_disagree_decide_nothing(
    tmp_path: Path, lab: Sequence[MeasuredCell], monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = [
        make_cell(tmp_path / "t", name, seed, shift=shift)
        for name, by_seed in {"vanilla": (0.0, 0.0, 0.0), "human": (0.6, 0.6, -0.2)}.items()
        for seed, shift in enumerate(by_seed)
    ]
    monkeypatch.setattr(
        checked,
        "compare_conditions",
        lambda *_, **__: compare("collapse", turned, ["vanilla", "human"]),
    )
    (row,) = check(Expected("ppl2-log", higher=("human",), lower=("vanilla",))).rows
    assert row.outcome == "undecided"
    assert row.parts[0].p < 0.001
    assert row.parts[0].why == "the seeds disagree in direction"
