"""Conditions compared by their stored vectors: a planted narrowing is found, a null is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.durable import read_records
from synthlab.analysis import collapse_metrics
from synthlab.analysis.axis_metrics import swapped_sides
from synthlab.analysis.compare import compare
from synthlab.analysis.comparison_json import comparison_document
from synthlab.analysis.embedding_metrics import EMBEDDING_METRICS
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.statistics.comparability import ComparabilityKey
from synthlab.metrics.embedding import embeddings, mean_cosine_distance, vendi
from tests.unit.analysis.test_compare import PROMPTS, make_cell, outcomes, seed_of

NAMES = ("cosine-distance", "vendi-1")


def embedded(
    folder: Path, condition: str, seed: int, *, spread: float = 1.0, width: int = 16, **given: Any
) -> MeasuredCell:
    """A cell whose vectors stray so far from a common direction."""
    embedder = given.pop("embedder", "e")
    cell = make_cell(folder, condition, seed, **given)
    usable = [row for row in read_records(cell.directory.out / "items.jsonl") if not row["reason"]]
    random = np.random.default_rng(seed_of(condition, seed))
    vectors = spread * random.normal(size=(len(usable), width)) + 1.0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(cell.embeddings_file, vectors.astype(np.float32), allow_pickle=False)
    keys = {
        name: ComparabilityKey.of(
            {"metric": name, "metric_version": 1, "n": len(usable), "embedder": embedder}
        )
        for name in NAMES
    }
    return replace(cell, keys={**cell.keys, **keys})


def test_a_planted_narrowing_is_found(tmp_path: Path) -> None:
    cells = [embedded(tmp_path, "base", seed) for seed in (0, 1)]
    cells += [embedded(tmp_path, "narrow", seed, spread=0.3) for seed in (0, 1)]
    comparison = compare("collapse", cells, ["base", "narrow"], swaps=200)
    found = outcomes(comparison, "narrow")
    assert [found[name] for name in NAMES] == ["lower", "lower"]
    by_id = {metric.id: metric for metric in comparison.metrics}
    vectors = embeddings(np.load(cells[0].embeddings_file), "e")
    shown = {name: by_id[name].values["base"].by_seed[0] for name in NAMES}
    assert shown["cosine-distance"] == pytest.approx(mean_cosine_distance(vectors).value)
    assert shown["vendi-1"] == pytest.approx(vendi(vectors).q1.value)


def test_two_draws_of_one_condition_stay_undecided(tmp_path: Path) -> None:
    cells = [embedded(tmp_path, name, 0) for name in ("one", "other")]
    found = outcomes(compare("collapse", cells, ["one", "other"], swaps=200), "other")
    assert [found[name] for name in NAMES] == ["undecided", "undecided"]


def test_rows_are_aligned_by_prompt_where_answers_are_left_out(tmp_path: Path) -> None:
    base = embedded(tmp_path, "base", 0, empty=(1, 2))
    other = embedded(tmp_path, "other", 0, empty=(2, 3))
    comparison = compare("collapse", [base, other], ["base", "other"], swaps=50)
    by_id = {metric.id: metric for metric in comparison.metrics}
    assert by_id["vendi-1"].n_rows == PROMPTS - 3
    kept = [f"r{prompt}" for prompt in range(PROMPTS) if prompt not in (1, 2, 3)]
    alone = embeddings(np.stack([base.vectors[one] for one in kept]), "e")
    assert by_id["vendi-1"].values["base"].by_seed[0] == pytest.approx(vendi(alone).q1.value)


def test_an_answer_without_a_direction_is_set_aside(tmp_path: Path) -> None:
    cells = [embedded(tmp_path, name, 0) for name in ("one", "other")]
    vectors = np.load(cells[0].embeddings_file)
    vectors[5] = 0.0
    np.save(cells[0].embeddings_file, vectors)
    comparison = compare("collapse", cells, ["one", "other"], swaps=50)
    by_id = {metric.id: metric for metric in comparison.metrics}
    rest = mean_cosine_distance(embeddings(np.delete(vectors, 5, axis=0), "e")).value
    assert by_id["cosine-distance"].values["one"].by_seed[0] == pytest.approx(rest)


def test_vectors_of_unlike_embedders_are_shown_and_not_tested(tmp_path: Path) -> None:
    cells = [
        embedded(tmp_path, "base", 0),
        embedded(tmp_path, "other", 0, width=24, embedder="f", spread=0.2),
    ]
    comparison = compare("collapse", cells, ["base", "other"], swaps=50)
    for metric in comparison.metrics:
        if metric.id in NAMES:
            (contrast,) = metric.contrasts
            assert contrast.verdict.outcome == "not comparable"
            assert contrast.result.unlike == ("embedder",)
            assert metric.values["other"].estimate.value > 0


def test_without_vectors_in_every_cell_there_is_no_comparison_of_them(tmp_path: Path) -> None:
    cells = [embedded(tmp_path, "base", 0), make_cell(tmp_path, "other", 0)]
    comparison = compare("collapse", cells, ["base", "other"], swaps=50)
    assert not {metric.id for metric in comparison.metrics} & set(NAMES)


def test_vectors_that_do_not_fit_the_items_are_an_error(tmp_path: Path) -> None:
    cells = [embedded(tmp_path, name, 0) for name in ("base", "other")]
    np.save(cells[1].embeddings_file, np.ones((3, 16), np.float32))
    with pytest.raises(ValueError, match="3 rows for 60 answers"):
        compare("collapse", cells, ["base", "other"], swaps=50)


@pytest.mark.parametrize("narrowed", [1.0, 0.9, 0.3])
def test_estimated_swaps_change_no_number(
    narrowed: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [embedded(tmp_path, "base", seed) for seed in (0, 1)]
    cells += [embedded(tmp_path, "other", seed, spread=narrowed) for seed in (0, 1)]
    vectors = np.load(cells[0].embeddings_file)
    vectors[5] = 0.0
    np.save(cells[0].embeddings_file, vectors)
    estimated = compare("collapse", cells, ["base", "other"], swaps=300)
    monkeypatch.setattr(
        collapse_metrics,
        "EMBEDDING_METRICS",
        [replace(one, estimate=None) for one in EMBEDDING_METRICS],
    )
    plain = compare("collapse", cells, ["base", "other"], swaps=300)
    assert comparison_document(estimated) == comparison_document(plain)


def test_swaps_are_estimated_well(tmp_path: Path) -> None:
    sides = [embedded(tmp_path, name, 0) for name in ("base", "other")]
    answers = [cell.aligned([f"p{n}|0" for n in range(PROMPTS)]) for cell in sides]
    swaps = np.random.default_rng(0).random((50, PROMPTS)) < 0.5
    first, second = swapped_sides(swaps)
    for metric, closeness in zip(EMBEDDING_METRICS, (1 - 1e-12, 0.99), strict=True):
        assert metric.estimate is not None
        values = metric.prepare(answers)
        exact = values(list(first)) - values(list(second))
        estimates = metric.estimate(*answers)(swaps)
        assert np.corrcoef(estimates, exact)[0, 1] > closeness
