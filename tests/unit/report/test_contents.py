"""What a report says of an experiment, from its rows alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from storage.home import LabHome
from synthlab.analysis.expected import CheckedExpectation, CheckedPart, ExpectedTable
from synthlab.analysis.statistics.estimates import Interval
from synthlab.report.address import why_command
from synthlab.report.aggregates import (
    aggregates_csv,
    headline_table,
    semantic_table,
    whole_tables,
)
from synthlab.report.comparison_tables import foretold_table
from synthlab.report.contents import Contents, Failed, Step
from synthlab.report.limits import limits_of
from synthlab.report.run_card import run_card
from synthlab.report.tables import html_table, latex_table, markdown_table
from tests.unit.latex_structure import faults

NAN = float("nan")
HOSTILE = '<script>"$x_1$ & | =1+1\x1b'


def result(
    condition: str, seed: int, value: float | None, n: int = 4, **key: Any
) -> dict[str, Any]:
    fields = {"metric": "ppl1-token", "metric_version": 1, **key}
    return {
        "condition": condition, "seed": seed, "axis": "collapse", "label": f"collapse/{condition}.s{seed}",
        "run_id": f"run{condition}{seed}", "name": "ppl1-token", "value": value, "unit": "", "n": n,
        "n_total": 4, "low": None, "high": None, "reason": "" if value is not None else "no tokens",
        "key": json.dumps(fields), "detail": "{}",
    }  # fmt: skip


def step(label: str, kind: str, **row: Any) -> Step:
    whole = {
        "label": label, "kind": kind, "id": f"run-{label}", "state": "succeeded", "condition": None,
        "seed": None, "axis": None, "attempt": 1, "started_at": 1.0, "ended_at": 3.5, "digest": "d",
    } | row  # fmt: skip
    return Step(whole, {}, {}, {}, {}, ())


def contents(results: list[dict[str, Any]], steps: tuple[Step, ...] = ()) -> Contents:
    experiment = {
        "id": "x.1", "description": HOSTILE, "created_at": 0.0, "spec_sha256": "0" * 64,
        "spec_text": "", "file": "x.toml",
    }  # fmt: skip
    cells = tuple(
        step(
            row["label"], "collapse", condition=row["condition"], seed=row["seed"], axis="collapse"
        )
        for row in results
    )
    return Contents(
        LabHome(Path("nowhere")), experiment, (*steps, *cells), results, {"collapse": ()}, {}, (),
        None, (), None, None, frozenset(),
    )  # fmt: skip


def test_one_seed_is_one_seed() -> None:
    said = limits_of(contents([result("a", 0, 1.0), result("b", 0, 2.0)]))
    assert said[0].startswith("One seed is one seed")
    assert limits_of(contents([result("a", s, 1.0) for s in (0, 1)]))[0].startswith(
        "2 seeds: too few"
    )
    assert (
        "speak of these checkpoints"
        in limits_of(contents([result("a", s, 1.0) for s in (0, 1, 2)]))[0]
    )


def test_limits_name_what_is_unlike_undefined_unfinished_and_not_compared() -> None:
    made = contents(
        [result("a", 0, 1.0, max_tokens=32), result("b", 0, None, max_tokens=64)],
        (step("finetune/c.s0", "finetune", state="failed"),),
    )
    said = "\n".join(limits_of(replace(made, not_compared=(Failed("collapse", "no common seed"),))))
    assert "Measured unlike in max tokens" in said and "ppl1-token" in said
    assert "Undefined, no tokens: ppl1-token." in said
    assert "finetune/c.s0 (failed)" in said
    assert "collapse is not compared: no common seed." in said


def test_nothing_is_said_of_limits_that_do_not_apply() -> None:
    said = limits_of(contents([result("a", seed, 1.0) for seed in (0, 1, 2)]))
    assert len(said) == 1


def test_headline_and_whole_table_point_at_each_other() -> None:
    made = contents([result(name, seed, 1.5) for name in ("a", "b") for seed in (0, 1)])
    headline = headline_table(made, "collapse")
    assert headline is not None
    anchors = {cell.anchor for table in whole_tables(made) for row in table.rows for cell in row}
    links = {cell.link for row in headline.rows for cell in row if cell.link}
    assert links == {f"x.1:{c}.s{s}:ppl1-token" for c in "ab" for s in (0, 1)} <= anchors


def test_wide_experiments_are_shown_in_several_tables() -> None:
    made = contents([result(f"c{n}", seed, 1.0) for n in range(7) for seed in (0, 1)])
    tables = whole_tables(made)
    assert [len(table.columns) for table in tables] == [10, 8]
    assert len({table.id for table in tables}) == 2


def test_an_undefined_result_is_an_empty_cell_with_its_reason() -> None:
    lines = (
        aggregates_csv(contents([result("a", 0, None), result("b", 0, -0.5)])).decode().splitlines()
    )
    assert ",,,," in lines[1] and "no tokens" in lines[1]
    assert ",-0.5," in lines[2]


def test_foretold_directions_are_shown_part_by_part() -> None:
    parts = tuple(
        CheckedPart(
            f"{HOSTILE} > b", value, Interval(NAN, NAN, 0.95, "t"), p, 4, 1, "undecided", "few"
        )
        for value, p in ((0.5, 0.2), (NAN, NAN))
    )
    entry = CheckedExpectation(1, "ppl1-log", "", HOSTILE, "undecided", parts)
    made = replace(contents([result("a", 0, 1.0)]), foretold=ExpectedTable("x.1", (entry,), 1))
    table = foretold_table(made)
    assert table is not None and len(table.rows) == 3
    assert [cell.text for cell in table.rows[1]][2:] == ["+0.5", "0.200", "undecided", "few"]
    assert "<script>" not in html_table(table) and faults(latex_table(table)) == []
    assert foretold_table(contents([result("a", 0, 1.0)])) is None


def test_the_card_of_an_experiment_without_trainings_is_sound() -> None:
    tables = run_card(contents([result("a", 0, 1.0)]))
    assert {"card-experiment", "card-times"} <= {table.id for table in tables}
    for table in tables:
        assert faults(latex_table(table)) == []
        assert "<script>" not in html_table(table) + markdown_table(table).replace("\\<", "")


def test_commands_are_quoted_for_a_shell() -> None:
    assert why_command("x.1:a.s0:ppl1-token") == "synthlab why x.1:a.s0:ppl1-token"
    assert why_command("x.1:a.s0:rating: b; rm") == "synthlab why 'x.1:a.s0:rating: b; rm'"


def test_diversity_in_the_embedding_space_is_a_table_where_it_was_measured() -> None:
    vectors = [result("a", 0, 1.5) | {"name": name} for name in ("vendi-1", "cosine-distance")]
    table = semantic_table(contents([result("a", 0, 1.0), *vectors]))
    assert table is not None
    assert [column.title for column in table.columns] == ["cell", "cosine-distance", "vendi-1"]
    assert [cell.address for cell in table.rows[0][1:]] == [
        "x.1:a.s0:cosine-distance",
        "x.1:a.s0:vendi-1",
    ]
    assert semantic_table(contents([result("a", 0, 1.0)])) is None
