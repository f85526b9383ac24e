"""The recipe `sources-1-2-4-tiny` from end to end: sources, mixtures, trainings, a slope, a verdict."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from storage.home import LabHome, prepare_home
from tests.commands import Command


@pytest.mark.slow
def test_the_number_of_sources_has_an_effect_with_its_interval(tmp_path: Path) -> None:
    command = Command(prepare_home(LabHome(tmp_path / "lab")))
    ended = command.run("run", "sources-1-2-4-tiny", timeout_s=1200.0)
    assert ended.returncode == 0, ended.stderr
    assert "of 3 foretold directions" in ended.stdout
    document = command.json("expected", "sources-1-2-4-tiny")
    assert document["schema"] == "synthlab.expected/1"
    rows = {row["number"]: row for row in document["rows"]}
    for number, metric in ((1, "self-bleu-4"), (2, "ppl2-log")):
        (slope,) = rows[number]["parts"]
        assert rows[number]["metric"] == metric
        assert slope["seeds"] == 3 and slope["n"] == 24
        assert slope["interval"]["low"] < slope["difference"] < slope["interval"]["high"]
        assert math.isfinite(slope["interval"]["low"])
    (learnt,) = rows[3]["parts"]
    assert learnt["difference"] > 0 and rows[3]["outcome"] == "confirmed"
    mixtures = command.json("mixtures")["rows"]
    assert {row["rows"] for row in mixtures} == {48}
    assert document["tests"] == 1
