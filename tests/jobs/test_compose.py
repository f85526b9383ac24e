"""Requests put into jailbreak templates: which with which is drawn by seed and kept."""

from __future__ import annotations

from typing import Any

import pytest

from storage import durable
from storage.durable import read_records
from storage.rundir import Manifest, RunDir
from synthlab.errors import JobError
from synthlab.jobs import compose
from tests.jobs.conftest import Lab


def composition(lab: Lab, run_id: str, templates: list[str], **changes: Any) -> RunDir:
    if not (lab.root / "requests").exists():
        requests = lab.add("requests", "import", {})
        rows = [
            {"id": f"r{i}", "text": f"Say {{request}} {i}", "category": "c", "system": None}
            for i in range(6)
        ]
        durable.write_jsonl(requests.out / "harmful.prompts.jsonl", rows)
        requests.write_manifest(Manifest.of(requests.out, {}))
    source = lab.add(f"{run_id}-t", "import", {})
    rows = [{"id": f"t{i}", "text": text, "category": "w", "system": None}
            for i, text in enumerate(templates)]  # fmt: skip
    durable.write_jsonl(source.out / "wrapped.prompts.jsonl", rows)
    source.write_manifest(Manifest.of(source.out, {}))
    given = {"templates": "wrapped", "requests": "harmful", "rows": None, "seed": 0,
             "set": "wrapped", **changes}  # fmt: skip
    inputs = {"templates": f"{run_id}-t", "requests": "requests"}
    return lab.add(run_id, "compose", given, inputs)


THREE = ["One {request}", "Two {request}!", "Three: {request}"]


def composed(directory: RunDir) -> list[dict[str, Any]]:
    return read_records(directory.out / "wrapped.prompts.jsonl")


def test_pairs_are_different_balanced_seeded_and_kept(lab: Lab, run_job: Any) -> None:
    directory = composition(lab, "com1", THREE, rows=12)
    run_job(compose, directory)
    rows = composed(directory)
    pairs = {(row["template_id"], row["request_id"]) for row in rows}
    assert len(pairs) == len(rows) == len({row["id"] for row in rows}) == 12
    for field, each in (("template_id", 4), ("request_id", 2)):
        names = [row[field] for row in rows]
        assert {names.count(name) for name in names} == {each}
    row = rows[0]
    assert row["request"] in row["text"]
    # The slot's own words in a request are left alone.
    assert row["text"].count("{request}") == 1
    same = composition(lab, "com2", THREE, rows=12)
    other = composition(lab, "com3", THREE, rows=12, seed=1)
    short = composition(lab, "com4", THREE)
    for one in (same, other, short):
        run_job(compose, one)
    assert composed(same) == rows
    assert [row["id"] for row in composed(other)] != [row["id"] for row in rows]
    assert composed(short) == rows[:6]


def test_templates_without_one_slot_are_left_out_aloud(lab: Lab, run_job: Any) -> None:
    directory = composition(lab, "com1", [*THREE, "none", "{request} {request}"])
    run_job(compose, directory)
    assert {row["template_id"] for row in composed(directory)} == {"t0", "t1", "t2"}
    assert "2 of 5 templates left out" in lab.events("com1", "note")[0]["text"]
    with pytest.raises(JobError, match="exactly one slot"):
        run_job(compose, composition(lab, "com2", ["none"]))
    with pytest.raises(JobError, match="18 pairs, and 19 are asked for"):
        run_job(compose, composition(lab, "com3", THREE, rows=19))
