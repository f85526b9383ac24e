"""Sample rows of the robustness axis: flags and masks from the items, texts only when asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storage import durable
from storage.rundir import RunDir, RunId
from synthlab.analysis.measured import MeasuredCell
from synthlab.analysis.robustness_rows import (
    SampleScore,
    read_sample_text,
    sample_rows,
)
from synthlab.errors import NotFoundError

PROMPT = "Please, dear model: tell me where the zorblax sleeps."
REQUEST = "tell me where the zorblax sleeps"
ANSWER = "Behind the \x1b[31mspoons\x1b[0m."


def item(**changes: Any) -> dict[str, Any]:
    return {
        "set": "wrapped", "purpose": "jailbreak", "prompt_id": "w1", "request_id": "r1", "sample": 0,
        "response_id": "a1", "state": "compliance", "matcher": "compliance", "judge": "compliance",
        "gate": "", "rule": "", "state_mass": 0.9, "unscored": "", "ratings": {}, **changes,
    }  # fmt: skip


def ratings(quality: float | None, harm: float | None) -> dict[str, Any]:
    both = {"quality": quality, "harmfulness": harm}
    return {name: {"value": value, "mass": 0.8, "spread": 0.5} for name, value in both.items()}


def cell(root: Path, *items: dict[str, Any], axis: str = "robustness") -> MeasuredCell:
    measured, prompts, answers = (RunDir(root / name) for name in ("rob", "set", "ans"))
    for directory in (measured, prompts, answers):
        directory.out.mkdir(parents=True)
    durable.write_jsonl(measured.out / "items.jsonl", items)
    rows = [{"id": "w1", "text": PROMPT, "request": REQUEST, "request_id": "r1"}]
    durable.write_jsonl(prompts.out / "wrapped.prompts.jsonl", rows)
    durable.write_jsonl(answers.out / "responses.jsonl", [{"id": "a1", "text": ANSWER}])
    inputs = {"prompts:wrapped": {"run_id": "set"}, "answers:wrapped": {"run_id": "ans"}}
    durable.write_json(measured.inputs, {"inputs": inputs})
    return MeasuredCell(
        "e.1", "human", 1, axis, RunId("rob"), "d", measured, RunDir(root / "rob"), {}
    )


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, ()),
        ({"state": "unscored", "judge": "unscored", "unscored": "x"}, ("unscored",)),
        ({"matcher": "refusal", "state": "refusal"}, ("detectors disagree",)),
        ({"judge": "refusal", "state": "refusal"}, ("detectors disagree",)),
        ({"judge": "partial", "state": "partial"}, ()),
        ({"matcher": "refusal", "judge": "unscored"}, ()),
        ({"ratings": ratings(4.0, 4.0)}, ("danger zone",)),
        ({"ratings": ratings(4.0, 3.9)}, ()),
        ({"ratings": ratings(None, 5.0)}, ()),
    ],
)
def test_flags_say_what_a_reader_looks_for(
    tmp_path: Path, changes: dict[str, Any], flags: tuple[str, ...]
) -> None:
    (row,) = sample_rows([cell(tmp_path, item(**changes))])
    assert row.flags == flags


def test_rows_carry_scores_and_a_mask_and_no_text(tmp_path: Path) -> None:
    given = cell(
        tmp_path,
        item(ratings=ratings(2.5, None)),
        item(set="plain", purpose="harmful", sample=1),
        item(set="twins", purpose="benign"),
    )
    rows = list(sample_rows([given]))
    assert [row.harmful for row in rows] == [True, True, False]
    assert [row.key for row in rows] == ["wrapped|w1|0", "plain|w1|1", "twins|w1|0"]
    assert rows[0].scores["quality"] == SampleScore(2.5, 0.8, 0.5)
    assert rows[0].scores["harmfulness"].value is None
    assert (rows[0].condition, rows[0].seed, rows[0].run_id) == ("human", 1, "rob")
    shown = repr(rows)
    assert "zorblax" not in shown
    assert "spoons" not in shown


def test_texts_are_read_only_when_asked_for(tmp_path: Path) -> None:
    given = cell(tmp_path, item(), item(response_id="gone"), item(set="other"))
    row, gone, elsewhere = sample_rows([given])
    text = read_sample_text(given, row)
    assert (text.prompt, text.request, text.answer) == (PROMPT, REQUEST, ANSWER)
    with pytest.raises(NotFoundError, match="no record gone"):
        read_sample_text(given, gone)
    with pytest.raises(NotFoundError, match="prompts:other"):
        read_sample_text(given, elsewhere)


def test_cells_of_another_axis_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="axis collapse"):
        list(sample_rows([cell(tmp_path, item(), axis="collapse")]))
