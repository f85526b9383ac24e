"""In a lab that has really run, every number that is shown can be walked back to its rows."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from storage.catalog.connection import open_reader
from storage.home import LabHome, prepare_home
from synthlab.lineage.item_walk import walk_item
from synthlab.lineage.items import items_behind
from synthlab.lineage.why import why
from synthlab.lineage.why_text import why_lines
from tests.commands import Command

pytestmark = pytest.mark.slow


def test_every_number_of_the_results_is_reachable_down_to_its_rows(tiny_lab: Command) -> None:
    """Each result has a way to the import of its rows, whole hops, and items that can be walked."""
    connection = open_reader(tiny_lab.home)
    rows = tiny_lab.json("results", "tiny")["rows"]
    assert rows
    walked = set()
    for row in rows:
        found = why(connection, f"tiny:{row['condition']}.s{row['seed']}:{row['name']}")
        (fact,) = found.results
        assert (fact.value, fact.n, fact.run_id) == (row["value"], row["n"], row["run_id"])
        assert all(len(line) <= 80 for line in why_lines(found) if " " in line.strip())
        for hop in found.hops:
            assert hop.hop.digest
            assert hop.version == 1 or hop.version
            assert not hop.stale_inputs
            assert hop.hop.environment["torch"]
        assert {hop.hop.kind for hop in found.hops} >= {"import", "generate"}
        items = items_behind(tiny_lab.home, fact)
        assert items, row["name"]
        if fact.run_id in walked:
            continue
        walked.add(fact.run_id)
        for item in (items[0], items[-1]):
            walk = walk_item(connection, tiny_lab.home, found.lineage, fact, item, with_texts=False)
            assert len(walk.answers) == len(item.response_ids)
            assert walk.prompt is not None
            assert all(training.origin for training in walk.training)
            assert not walk.is_trained_on_prompt


def test_the_scores_of_the_items_make_the_number(tiny_lab: Command) -> None:
    connection = open_reader(tiny_lab.home)
    found = 0
    for row in tiny_lab.json("results", "tiny")["rows"]:
        if row["value"] is None or not row["name"].startswith(
            ("refusal-rate/", "quality/", "mtld")
        ):
            continue
        (fact,) = why(connection, f"{row['run_id']}:{row['name']}").results
        scores = [i.score for i in items_behind(tiny_lab.home, fact) if i.score is not None]
        assert len(scores) == row["n"], row["name"]
        assert math.isclose(sum(scores) / len(scores), row["value"], rel_tol=1e-9), row["name"]
        found += 1
    assert found >= 8


def test_every_difference_of_a_comparison_has_both_sides(tiny_lab: Command) -> None:
    connection = open_reader(tiny_lab.home)
    for axis in ("collapse", "robustness"):
        compared = tiny_lab.json("compare", "tiny", "--axis", axis, "--swaps", "20")
        base = compared["conditions"][0]
        for metric in compared["metrics"]:
            for contrast in metric["contrasts"]:
                name = f"tiny:{contrast['condition']},{base}:{metric['id']}"
                found = why(connection, name)
                assert {f.condition for f in found.results} == {contrast["condition"]}
                assert {f.condition for f in found.baseline} == {base}
                assert found.differences


def test_a_bias_rests_on_every_judge_of_its_seed(tiny_lab: Command) -> None:
    found = why(open_reader(tiny_lab.home), "tiny:multi.s0:bias-net")
    judges = {hop.label for hop in found.hops if hop.hop.kind == "bias"}
    assert judges == {f"bias/{c}.s0" for c in ("vanilla", "human", "single", "multi")}
    assert "compare" in found.results[0].reason
    assert items_behind(tiny_lab.home, found.results[0])


def test_a_bundle_of_the_lab_makes_its_steps_cached_elsewhere(
    tiny_lab: Command, tmp_path: Path
) -> None:
    target = tmp_path / "tiny.tar.gz"
    words = ("export-run", "tiny", "--out", str(target), "--with-harmful-texts")
    assert tiny_lab.run(*words).returncode == 0
    there = Command(prepare_home(LabHome(tmp_path / "there")))
    assert there.run("import-run", str(target)).returncode == 0
    assert there.run("verify").returncode == 0
    plans = [
        {step["label"]: step["action"] for step in command.json("plan", "tiny")["steps"]}
        for command in (tiny_lab, there)
    ]
    assert plans[0] == plans[1]
    assert "cached" in plans[1].values()
    shutil.rmtree(there.home.root)
