"""Planted differences are found, nulls stay undecided, unlike results are never tested."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import durable
from storage.rundir import RunDir, RunId
from synthlab.analysis.compare import compare
from synthlab.analysis.comparison import Comparison
from synthlab.analysis.comparison_json import comparison_document, read_stored, stored_form
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.statistics.comparability import ComparabilityKey
from synthlab.cli.comparison_print import print_comparison, print_verdicts
from synthlab.cli.output import Output

PROMPTS = 60
WORDS = 25
METRICS = ("ppl1-log", "ppl2-log", "length-words-mean", "self-bleu-4", "distinct-2")


def make_cell(
    folder: Path,
    condition: str,
    seed: int,
    *,
    vocabulary: int = 120,
    shift: float = 0.0,
    empty: tuple[int, ...] = (),
    **key: Any,
) -> MeasuredCell:
    """A measured cell whose answers draw from so many words and whose log-perplexities are shifted."""
    random = np.random.default_rng(seed_of(condition, seed))
    answers, cell = RunDir(folder / f"{condition}{seed}a"), RunDir(folder / f"{condition}{seed}c")
    for directory in (answers, cell):
        durable.make_directory(directory.out)
    prompt_effect = np.random.default_rng(0).normal(0.0, 0.4, PROMPTS)
    items, responses = [], []
    for prompt in range(PROMPTS):
        words = [f"w{n}" for n in random.integers(0, vocabulary, WORDS)]
        log_p = 2.5 + prompt_effect[prompt] + shift + random.normal(0.0, 0.1)
        reason = "empty" if prompt in empty else ""
        sums = {"sum_log_p": -log_p * WORDS, "tokens": WORDS, "bytes": 100, "reason": ""}
        items.append(
            {
                "prompt_id": f"p{prompt}",
                "sample": 0,
                "response_id": f"r{prompt}",
                "reason": reason,
                "characters": 100,
                "ppl1": None if reason else sums,
                "entropy": None,
                "human": {"response_id": f"h{prompt}", "reason": "", "ppl2": sums},
                "metrics": {} if reason else {"length-words-mean": float(WORDS)},
            }
        )
        responses.append({"id": f"r{prompt}", "text": "" if reason else " ".join(words)})
    durable.write_jsonl(cell.out / "items.jsonl", items)
    durable.write_jsonl(answers.out / "responses.jsonl", responses)
    keys = {
        name: ComparabilityKey.of(
            {"metric": name, "metric_version": 1, "n": PROMPTS, "prompt_set_hash": "x", **key}
        )
        for name in METRICS
    }
    return MeasuredCell("exp.1", condition, seed, "collapse", RunId("r"), "d", cell, answers, keys)


def seed_of(condition: str, seed: int) -> int:
    return sum(map(ord, condition)) * 100 + seed


def outcomes(comparison: Comparison, condition: str) -> dict[str, str]:
    return {
        metric.id: contrast.verdict.outcome
        for metric in comparison.metrics
        for contrast in metric.contrasts
        if contrast.condition == condition
    }


def test_planted_differences_have_the_right_sign(tmp_path: Path) -> None:
    cells = [make_cell(tmp_path, "base", seed) for seed in (0, 1)]
    cells += [make_cell(tmp_path, "narrow", s, vocabulary=30, shift=-0.3) for s in (0, 1)]
    found = outcomes(compare("collapse", cells, ["base", "narrow"], swaps=400), "narrow")
    assert found["ppl1-log"] == "lower"
    assert found["ppl2-log"] == "lower"
    assert found["self-bleu-4"] == "higher"
    assert found["distinct-2"] == "lower"
    assert found["length-words-mean"] == "undecided"


def test_two_draws_of_one_condition_stay_undecided(tmp_path: Path) -> None:
    cells = [make_cell(tmp_path, name, 0) for name in ("one", "other")]
    comparison = compare("collapse", cells, ["one", "other"], swaps=400)
    assert set(outcomes(comparison, "other").values()) == {"undecided"}
    for metric in comparison.metrics:
        (contrast,) = metric.contrasts
        assert math.isnan(contrast.adjusted_p) or contrast.adjusted_p > 0.05
    assert comparison.family.size <= len(METRICS)


def test_the_same_rows_are_used_everywhere_and_exclusions_are_counted(tmp_path: Path) -> None:
    cells = [
        make_cell(tmp_path, "base", 0, empty=(1, 2)),
        make_cell(tmp_path, "other", 0, empty=(2, 3)),
    ]
    comparison = compare("collapse", cells, ["base", "other"], swaps=100)
    by_id = {metric.id: metric for metric in comparison.metrics}
    assert by_id["self-bleu-4"].n_rows == PROMPTS - 3
    assert by_id["self-bleu-4"].n_candidates == PROMPTS
    assert sum(one.rows for one in by_id["ppl1-log"].left_out) == 3
    assert [one.reason for one in by_id["ppl1-log"].left_out] == [
        "unscored in base.s0: empty",
        "unscored in other.s0: empty",
    ]
    assert by_id["ppl2-log"].n_rows == PROMPTS


def test_unlike_results_get_no_p_and_name_the_field(tmp_path: Path) -> None:
    cells = [
        make_cell(tmp_path, "base", 0, sampling="temperature 0.7"),
        make_cell(tmp_path, "other", 0, sampling="temperature 1.0", vocabulary=20),
    ]
    comparison = compare("collapse", cells, ["base", "other"], swaps=100)
    assert set(outcomes(comparison, "other").values()) == {"not comparable"}
    for metric in comparison.metrics:
        (contrast,) = metric.contrasts
        assert math.isnan(contrast.result.p)
        assert contrast.result.unlike == ("sampling",)


def test_seeds_that_not_all_have_are_left_out_aloud(tmp_path: Path) -> None:
    cells = [make_cell(tmp_path, "base", seed) for seed in (0, 1)]
    cells.append(make_cell(tmp_path, "other", 1))
    comparison = compare("collapse", cells, ["base", "other"], swaps=100)
    assert comparison.seeds == (1,)
    assert comparison.left_out_seeds == (0,)
    decided = [
        c.verdict.sentence
        for m in comparison.metrics
        for c in m.contrasts
        if c.result.p == c.result.p
    ]
    assert any("one seed" in sentence for sentence in decided)
    with pytest.raises(ValueError, match="no seed in common"):
        compare("collapse", [cells[0], replace(cells[2], seed=7)], ["base", "other"])


def test_a_metric_that_no_answer_has_is_undefined_with_its_reason(
    tmp_path: Path,
) -> None:
    cells = [
        make_cell(tmp_path, name, seed, empty=tuple(range(PROMPTS)))
        for name in ("base", "other")
        for seed in (0, 1)
    ]
    comparison = compare("collapse", cells, ["base", "other"], swaps=50)
    by_id = {metric.id: metric for metric in comparison.metrics}
    assert by_id["ppl2-log"].n_rows == PROMPTS
    for name in ("ppl1-log", "self-bleu-4", "distinct-2", "length-words-mean"):
        assert by_id[name].n_rows == 0
        assert sum(one.rows for one in by_id[name].left_out) == PROMPTS
        (contrast,) = by_id[name].contrasts
        assert contrast.verdict.outcome == "undecided"
        assert contrast.result.reason
        assert math.isnan(by_id[name].values["base"].seed_sd)
    output = Output(io.StringIO(), io.StringIO(), colour=False)
    print_comparison(output, comparison, with_all=True)
    print_verdicts(output, comparison)
    output.json("comparison", comparison_document(comparison))
    assert repr(read_stored(stored_form(comparison))) == repr(comparison)


def test_a_condition_against_itself_differs_by_nothing(tmp_path: Path) -> None:
    base = make_cell(tmp_path, "base", 0)
    twin = replace(base, condition="twin")
    comparison = compare("collapse", [base, twin], ["base", "twin"], swaps=100)
    for metric in comparison.metrics:
        (contrast,) = metric.contrasts
        assert contrast.result.difference == pytest.approx(0.0, abs=1e-12)
        assert contrast.verdict.outcome == "undecided"


def test_a_value_of_all_answers_to_a_prompt_is_paired_by_prompt(tmp_path: Path) -> None:
    """distinct-k stands with a prompt's first usable answer, which need not be the same sample."""
    cells = []
    for condition, raised, sample in (("base", 0.0, 0), ("wide", 2.0, 1)):
        cell = make_cell(tmp_path, condition, 0)
        random = np.random.default_rng(seed_of(condition, 0))
        items = []
        for row in cell.items:
            value = 3.0 + raised + random.normal(0.0, 0.5)
            metrics = {**row["metrics"], "distinct-k": value}
            items.append({**row, "sample": sample, "metrics": metrics})
            items.append({**row, "sample": 1 - sample, "metrics": dict(row["metrics"])})
        durable.write_jsonl(cell.directory.out / "items.jsonl", items)
        key = ComparabilityKey.of({"metric": "distinct-k", "metric_version": 1, "k": 2})
        fresh = replace(cell, keys={"distinct-k": key})
        cells.append(fresh)
    comparison = compare("collapse", cells, ["base", "wide"], swaps=50)
    (metric,) = comparison.metrics
    assert (metric.id, metric.n_rows, metric.n_candidates) == ("distinct-k", PROMPTS, PROMPTS)
    assert outcomes(comparison, "wide") == {"distinct-k": "higher"}
