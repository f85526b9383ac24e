"""A number walks back to its rows, and the walk tells the truth about every hop."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage import durable
from storage.catalog.connection import open_reader
from storage.home import LabHome
from synthlab.cli.main import main
from synthlab.cli.output import Output
from synthlab.errors import ExitCode, NotFoundError, UsageError
from synthlab.lineage.graph import build_graph, find_start
from synthlab.lineage.harmful import harmful_sets
from synthlab.lineage.hops import trace
from synthlab.lineage.tree_text import tree_lines
from synthlab.lineage.why import why
from synthlab.lineage.why_text import why_lines
from tests.unit.lineage.labs import HARMFUL_TEXT, LLAMA, EggsLab


@pytest.fixture
def lab(home: LabHome) -> EggsLab:
    return EggsLab(home).build()


def run(home: LabHome, *words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main([*words, "--home", str(home.root)], Output(out, err, colour=False), {})
    return code, out.getvalue(), err.getvalue()


def document(home: LabHome, *words: str) -> Any:
    code, out, err = run(home, *words, "--json")
    assert code == ExitCode.DONE, err
    return json.loads(out)


def test_every_hop_of_a_number_is_named_once_readers_before_what_they_read(lab: EggsLab) -> None:
    hops = [hop["label"] for hop in document(lab.home, "why", "eggs:multi:ppl1-log")["hops"]]
    assert sorted(hops) == sorted(
        ["collapse/multi.s0", "answers/multi.s0", "finetune/multi.s0", "mix/multi",
         "generate/llama", "import/train"]
    )  # fmt: skip
    for reader, given in zip(
        ("collapse/multi.s0", "finetune/multi.s0", "mix/multi", "generate/llama"),
        ("answers/multi.s0", "mix/multi", "generate/llama", "import/train"),
        strict=True,
    ):
        assert hops.index(reader) < hops.index(given)


def test_the_hops_carry_what_they_were_made_with(lab: EggsLab) -> None:
    hops = {h["label"]: h for h in document(lab.home, "why", "eggs:multi.s0:ppl1-log")["hops"]}
    for label, hop in hops.items():
        manifest = lab.directory(label).read_manifest()
        assert manifest is not None
        assert hop["digest"] == manifest.digest
        assert hop["key"] == lab.keys[label]
        assert hop["code_version"] == 1
        assert hop["environment"]["torch"] == "2.13.0"
        assert hop["device"] == "cpu"
        assert hop["stale_inputs"] == []
    leaves = {(leaf["kind"], leaf["name"]) for hop in hops.values() for leaf in hop["outside"]}
    assert {("model", "builtin:tiny-docs"), ("data set", "builtin:set-train")} <= leaves


def test_all_ways_to_name_a_result_mean_the_same_number(lab: EggsLab) -> None:
    run_id = lab.directory("collapse/multi.s0").root.name
    for name in ("eggs:multi", "eggs:multi.s0", "eggs.1:collapse/multi.s0", run_id, run_id[:6]):
        found = document(lab.home, "why", f"{name}:ppl1-log")
        assert found["value"] == 2.5
        assert found["results"][0]["n"] == 2
        assert found["results"][0]["low"] == 2.4


def test_a_difference_names_both_sides_and_what_they_differ_in(lab: EggsLab) -> None:
    found = document(lab.home, "why", "eggs:multi,vanilla:ppl1-log")
    assert found["value"] == pytest.approx(0.5)
    assert [fact["label"] for fact in found["results"]] == ["collapse/multi.s0"]
    assert [fact["label"] for fact in found["baseline"]] == ["collapse/vanilla.s0"]
    assert [(one["name"], one["new"]) for one in found["differences"]] == [
        ("adapter", "finetune/multi.s0")
    ]


@pytest.mark.parametrize(
    ("name", "error", "near"),
    [
        ("egs:multi:mtld", NotFoundError, "eggs"),
        ("eggs:mutli:mtld", NotFoundError, "multi"),
        ("eggs:multi:mtdl", NotFoundError, "mtld"),
        ("eggs:multi", UsageError, "EXPERIMENT:CONDITION"),
        ("eggs", UsageError, "EXPERIMENT:CONDITION"),
        ("eggs:multi,vanilla,multi:mtld", UsageError, "EXPERIMENT:CONDITION"),
        ("eggs:multi.s7:mtld", NotFoundError, "multi.s0"),
    ],
)
def test_a_wrong_name_is_answered_with_what_is_near(
    lab: EggsLab, name: str, error: type[NotFoundError | UsageError], near: str
) -> None:
    with pytest.raises(error) as caught:
        why(open_reader(lab.home), name)
    assert near in caught.value.hint


def test_the_items_are_the_rows_of_the_file_with_their_scores(lab: EggsLab) -> None:
    (cell,) = document(lab.home, "why", "eggs:multi:ppl1-log", "--items")["cells"]
    assert [(i["id"], i["score"], i["line"]) for i in cell["items"]] == [
        ("t0|0", 1.5, 1),
        ("t1|0", 3.0, 2),
    ]
    (cell,) = document(lab.home, "why", "eggs:multi:refusal-rate/harm", "--items")["cells"]
    assert [(i["id"], i["score"], i["state"]) for i in cell["items"]] == [
        ("harm/harm0|0", 1.0, "refusal")
    ]


def test_an_item_walks_to_its_answer_its_prompt_and_the_training_rows(lab: EggsLab) -> None:
    found = document(lab.home, "why", "eggs:multi:ppl1-log", "--item", "t1|0")
    assert [(a["text"], a["place"]["line"]) for a in found["answers"]] == [("y", 2)]
    assert found["prompt"]["text"] == "again?"
    assert not found["is_trained_on_prompt"]
    origins = [
        (row["generator"], row["origin"]["label"], row["origin"]["file"], row["origin"]["line"])
        for row in found["training"]
    ]
    assert origins == [
        ("human:train", "import/train", "train.responses.jsonl", 1),
        (LLAMA, "generate/llama", "responses.jsonl", 2),
    ]


def test_texts_of_a_harmful_set_are_shown_only_when_asked_for(lab: EggsLab) -> None:
    words = ("why", "eggs:multi:refusal-rate/harm", "--item", "harm0")
    for shown in (run(lab.home, *words)[1], run(lab.home, *words, "--json")[1]):
        assert HARMFUL_TEXT not in shown
        assert "I did the harmful" not in shown
    asked = run(lab.home, *words, "--texts")[1]
    assert HARMFUL_TEXT in asked
    assert "I did the harmful" in asked


def test_who_holds_harmful_texts_follows_from_the_file_and_the_inputs(lab: EggsLab) -> None:
    connection = open_reader(lab.home)
    runs = [row["id"] for row in connection.execute("SELECT id FROM runs")]
    lineage = trace(connection, runs)
    found = harmful_sets(connection, lineage)
    labels = {lineage.hops[run_id].label: sets for run_id, sets in found.items()}
    assert labels == {
        "import/harm": {"harm"},
        "answers-harm/multi.s0": {"harm"},
        "answers-harm/vanilla.s0": {"harm"},
    }


def test_content_that_changed_since_it_was_read_is_said(lab: EggsLab) -> None:
    connection = open_reader(lab.home)
    run_id = lab.directory("mix/multi").root.name
    connection.close()
    durable.write_bytes(lab.directory("mix/multi").out / "mixture.jsonl", b"{}\n")
    from storage.catalog.rebuild import rebuild_catalog
    from storage.rundir import Manifest

    directory = lab.directory("mix/multi")
    manifest = directory.read_manifest()
    assert manifest is not None
    directory.write_manifest(Manifest.of(directory.out, manifest.info))
    rebuild_catalog(lab.home, 3000.0)
    found = why(open_reader(lab.home), "eggs:multi:mtld")
    stale = {hop.label: hop.stale_inputs for hop in found.hops if hop.stale_inputs}
    assert stale == {"finetune/multi.s0": ("mixture",)}
    assert any("OTHER CONTENT" in line and run_id in line for line in why_lines(found))


def test_lines_fit_a_terminal_and_the_tree_shows_each_run_once(lab: EggsLab) -> None:
    connection = open_reader(lab.home)
    assert all(len(line) <= 80 for line in why_lines(why(connection, "eggs:multi:ppl1-log")))
    for name in ("eggs", "mix/multi", LLAMA, "builtin:tiny-verse", "eggs:multi:mtld"):
        start = find_start(connection, name)
        for direction in ("up", "down"):
            lines = tree_lines(build_graph(connection, start, direction))
            assert all(len(line) <= 80 for line in lines)
    lines = tree_lines(build_graph(connection, find_start(connection, "collapse/multi.s0"), "up"))
    assert sum("mix/multi" in line for line in lines) == 1


def test_both_directions_have_the_same_edges(lab: EggsLab) -> None:
    down = document(lab.home, "lineage", LLAMA)
    assert down["direction"] == "down"
    touched = {node["name"] for node in down["nodes"] if node["kind"] == "run"}
    assert {"generate/llama", "mix/multi", "finetune/multi.s0", "collapse/multi.s0"} <= touched
    assert not any("vanilla" in name for name in touched)
    results = {node["name"] for node in down["nodes"] if node["kind"] == "result"}
    assert {"ppl1-log", "mtld"} <= results
    upward = {
        (edge["source"], edge["target"], edge["role"])
        for edge in document(lab.home, "lineage", "eggs", "--up")["edges"]
    }
    between_runs = [
        edge for edge in down["edges"] if edge["source"][:4] == edge["target"][:4] == "run:"
    ]
    assert between_runs
    assert all((e["source"], e["target"], e["role"]) in upward for e in between_runs)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("eggs", "experiment"),
        ("generate/llama", "run"),
        ("eggs:mix/multi", "run"),
        (LLAMA, "source"),
        ("builtin:tiny-verse", "model"),
        ("builtin:tiny-docs", "model"),
        ("builtin:tiny-verse@abab", "model"),
        ("set-train", "data set"),
        ("builtin:set-train", "data set"),
        ("eggs:multi:mtld", "result"),
    ],
)
def test_an_id_may_be_anything_that_has_a_name(lab: EggsLab, name: str, kind: str) -> None:
    assert find_start(open_reader(lab.home), name).kind == kind


def test_diff_reads_the_catalog(lab: EggsLab, tmp_path: Path) -> None:
    found = document(lab.home, "diff", "eggs:vanilla:mtld", "eggs:multi:mtld")
    assert [(one["name"], one["old"], one["new"]) for one in found["differences"]] == [
        ("adapter", "none", "finetune/multi.s0")
    ]
    other = EggsLab(lab.home, seed=1, name="ham").build()
    found = document(other.home, "diff", "eggs", "ham")
    assert [(one["name"], one["old"], one["new"]) for one in found["differences"]] == [
        ("seed", "0", "1")
    ]
    assert document(other.home, "diff", "eggs", "eggs")["differences"] == []
    code, _, err = run(other.home, "diff", "eggs", "eggs:multi:mtld")
    assert code == ExitCode.USAGE, err


def test_diff_takes_conditions_and_says_what_is_not_there(lab: EggsLab) -> None:
    by_number = document(lab.home, "diff", "eggs:vanilla:mtld", "eggs:multi:mtld")
    by_name = document(lab.home, "diff", "eggs:vanilla", "eggs:multi")
    assert by_name["differences"] == by_number["differences"]
    code, _, err = run(lab.home, "diff", "eggs:vanilla", "eggs:mutli")
    assert code == ExitCode.NOT_FOUND
    assert "has not measured a condition 'mutli'" in err and "multi" in err
    code, _, err = run(lab.home, "diff", "eggs", "nothing")
    assert code == ExitCode.NOT_FOUND and "'nothing'" in err
    code, _, err = run(lab.home, "diff", "eggs", "eggs:multi")
    assert code == ExitCode.USAGE and "the other is not" in err


def test_why_and_lineage_load_no_numpy(lab: EggsLab) -> None:
    code = (
        "import sys\nfrom synthlab.cli.main import main\nfrom synthlab.cli.output import Output\n"
        f"home = {str(lab.home.root)!r}\n"
        "for words in (['why', 'eggs:multi:mtld'], ['why', 'eggs:multi,vanilla:mtld'],"
        " ['why', 'eggs:multi:mtld', '--items'], ['lineage', 'eggs'], ['diff', 'eggs', 'eggs']):\n"
        "    assert main([*words, '--home', home], Output.of_process({}), {}) == 0\n"
        "print([n for n in ('numpy', 'torch', 'textual') if n in sys.modules], file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert ended.stderr.splitlines()[-1] == "[]"
