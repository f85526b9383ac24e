"""`verify` finds what was changed, and says in which hop and file."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from storage import durable
from storage.catalog.rebuild import rebuild_catalog
from storage.home import LabHome
from storage.rundir import Manifest
from synthlab.cli.main import main
from synthlab.cli.output import Output
from synthlab.errors import ExitCode
from tests.unit.lineage.labs import EggsLab


@pytest.fixture
def lab(home: LabHome) -> EggsLab:
    return EggsLab(home).build()


def verify(lab: EggsLab, *words: str) -> tuple[int, Any]:
    out = io.StringIO()
    words = ("verify", *words, "--json", "--home", str(lab.home.root))
    code = main(list(words), Output(out, io.StringIO(), colour=False), {})
    return code, json.loads(out.getvalue())


def test_an_untouched_lab_verifies_whole(lab: EggsLab) -> None:
    code, found = verify(lab)
    assert (code, found["runs"], found["problems"]) == (ExitCode.DONE, len(lab.steps), [])


@pytest.mark.parametrize("wanted", ["eggs:multi:mtld", "collapse/multi.s0", "eggs"])
def test_a_flipped_bit_upstream_is_found_from_the_result(lab: EggsLab, wanted: str) -> None:
    path = lab.directory("generate/llama").out / "responses.jsonl"
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    durable.write_bytes(path, bytes(content))
    code, found = verify(lab, wanted)
    assert code == ExitCode.FAILED
    assert [(p["label"], p["file"], p["problem"]) for p in found["problems"]] == [
        ("generate/llama", "responses.jsonl", "its content is not what was published")
    ]


def test_what_a_result_does_not_rest_on_is_not_its_problem(lab: EggsLab) -> None:
    (lab.directory("generate/llama").out / "responses.jsonl").unlink()
    assert verify(lab, "eggs:vanilla:mtld")[0] == ExitCode.DONE
    code, found = verify(lab, "eggs:multi:mtld")
    assert code == ExitCode.FAILED
    assert [p["problem"] for p in found["problems"]] == ["is gone"]


def test_a_file_that_nobody_published_is_named(lab: EggsLab) -> None:
    durable.write_bytes(lab.directory("mix/multi").out / "extra.txt", b"x")
    problems = verify(lab)[1]["problems"]
    assert [(p["file"], p["problem"]) for p in problems] == [("extra.txt", "not in the manifest")]


def test_content_made_again_is_a_broken_hop_of_its_readers(lab: EggsLab) -> None:
    directory = lab.directory("mix/multi")
    durable.write_bytes(directory.out / "mixture.jsonl", b"{}\n")
    manifest = directory.read_manifest()
    assert manifest is not None
    directory.write_manifest(Manifest.of(directory.out, manifest.info))
    problems = verify(lab)[1]["problems"]
    assert {(p["label"], p["file"]) for p in problems} == {("mix/multi", "MANIFEST.json")}
    rebuild_catalog(lab.home, 3000.0)
    problems = verify(lab)[1]["problems"]
    assert {(p["label"], p["file"]) for p in problems} == {("finetune/multi.s0", "inputs.json")}


def test_parameters_that_do_not_give_the_key_are_named(lab: EggsLab) -> None:
    path = lab.directory("finetune/multi.s0").root / "spec.json"
    spec = durable.read_json(path)
    spec["params"]["learning_rate"] = 1e-3
    durable.write_json(path, spec)
    rebuild_catalog(lab.home, 3000.0)
    problems = verify(lab, "eggs:multi:mtld")[1]["problems"]
    assert [(p["label"], p["file"]) for p in problems] == [("finetune/multi.s0", "spec.json")]
    assert "key" in problems[0]["problem"]
