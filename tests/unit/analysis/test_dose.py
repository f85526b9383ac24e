"""A planted trend over amounts is found with the right size, and its absence is not."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from synthlab.analysis.dose import dose_effect, slope_weights
from synthlab.analysis.measured import MeasuredCell
from tests.unit.analysis.test_compare import make_cell

DOSES = {"one-a": 1.0, "one-b": 1.0, "two": 2.0, "four": 4.0}


def cells(folder: Path, shifts: dict[str, float]) -> list[MeasuredCell]:
    return [
        make_cell(folder, name, seed, shift=shifts.get(name, 0.0))
        for name in DOSES
        for seed in (0, 1, 2)
    ]


def test_a_planted_slope_is_found(tmp_path: Path) -> None:
    planted = {name: -0.1 * amount for name, amount in DOSES.items()}
    effect = dose_effect("collapse", "ppl2-log", cells(tmp_path, planted), DOSES)
    assert effect.slope.value == pytest.approx(-0.1, abs=0.02)
    interval = effect.slope.combined_interval
    assert interval.contains(-0.1) and interval.high < 0
    assert effect.slope.n_seeds == 3 and effect.n_rows == 60
    assert [one.amount for one in effect.at] == list(DOSES.values())


def test_no_slope_is_not_invented(tmp_path: Path) -> None:
    effect = dose_effect("collapse", "ppl2-log", cells(tmp_path, {}), DOSES)
    assert effect.slope.combined_interval.contains(0.0)


def test_a_corpus_metric_has_a_slope_over_half_samples(tmp_path: Path) -> None:
    made = [
        make_cell(tmp_path, name, seed, vocabulary=int(30 * amount))
        for name, amount in DOSES.items()
        for seed in (0, 1, 2)
    ]
    effect = dose_effect("collapse", "self-bleu-4", made, DOSES)
    assert effect.slope.value < 0
    assert effect.slope.combined_interval.high < 0
    assert all(one.estimate.interval.is_defined for one in effect.by_seed)
    values = {one.condition: one.value for one in effect.at}
    assert values["one-a"] > values["two"] > values["four"]


def test_one_seed_is_said_to_be_one(tmp_path: Path) -> None:
    made = [cell for cell in cells(tmp_path, {}) if cell.seed == 0]
    effect = dose_effect("collapse", "ppl2-log", made, DOSES)
    assert effect.slope.is_one_seed and math.isnan(effect.slope.seed_sd)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    made = cells(tmp_path, {})
    other = make_cell(tmp_path / "x", "four", 0, temperature=2)
    with pytest.raises(ValueError, match="differ in temperature"):
        dose_effect("collapse", "ppl2-log", [*made[:-3], other], DOSES)
    with pytest.raises(ValueError, match="not tested"):
        dose_effect("collapse", "ppl2-token", made, DOSES)
    with pytest.raises(ValueError, match="no seed in common"):
        dose_effect("collapse", "ppl2-log", made[:-3], DOSES)


def test_weights_give_the_least_squares_slope() -> None:
    amounts, values = [1.0, 1.0, 2.0, 4.0], [3.0, 5.0, 6.0, 10.0]
    mean = sum(amounts) / 4
    by_hand = sum((a - mean) * v for a, v in zip(amounts, values, strict=True)) / sum(
        (a - mean) ** 2 for a in amounts
    )
    assert float(slope_weights(amounts) @ values) == pytest.approx(by_hand)
    with pytest.raises(ValueError, match="two different amounts"):
        slope_weights([2.0, 2.0])
