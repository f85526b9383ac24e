"""`synthlab compare` from the shell: one result in every form, and exit codes for what cannot be."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage.home import LabHome, prepare_home
from tests.unit.analysis.measured_lab import MeasuredLab, Plant

SWAPS = "300"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, empty_catalog: Path) -> LabHome:
    home = prepare_home(LabHome(tmp_path_factory.mktemp("verb") / "lab"))
    shutil.copy(empty_catalog, home.catalog)
    made = MeasuredLab(home, prompts=24)
    plants = {"plain": Plant(), "narrow": Plant(vocabulary=20, shift=-0.6, share=0.25)}
    made.experiment("eggs", plants, seeds=(0, 1))
    made.experiment("cold", {"cool": Plant()}, sampling={"temperature": 0.1, "samples": 1})
    return made.finish()


def run(lab: LabHome, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "synthlab", "compare", *words, "--swaps", SWAPS]
    return subprocess.run(
        [*command, "--home", str(lab.root)], capture_output=True, text=True, check=False
    )


def test_json_has_everything_a_verdict_rests_on(lab: LabHome) -> None:
    ended = run(lab, "eggs", "--json")
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert document["schema"] == "synthlab.comparison/1"
    assert document["conditions"] == ["plain", "narrow"]
    assert document["configuration"] == [
        {
            "name": "mixture",
            "values": {
                "plain": "24 rows: 100% llama",
                "narrow": "24 rows: 25% llama + 75% gemma",
            },
        }
    ]
    metric = next(one for one in document["metrics"] if one["id"] == "ppl1-log")
    assert (metric["n_rows"], metric["n_candidates"]) == (24, 24)
    assert set(metric["values"]["narrow"]["by_seed"]) == {"0", "1"}
    assert metric["values"]["narrow"]["seed_sd"] >= 0
    (contrast,) = metric["contrasts"]
    assert contrast["verdict"]["outcome"] == "lower"
    result = contrast["result"]
    assert result["interval"]["low"] < result["difference"] < result["interval"]["high"] < 0
    assert contrast["adjusted_p"] >= result["p"]
    assert result["effect"]["kind"] == "d_z" and result["mde"] > 0
    assert contrast["over_seeds"]["unit"] == "seeds"
    assert {one["id"] for one in document["shown"]} >= {"mauve", "knn-coverage"}


def test_csv_agrees_with_json(lab: LabHome) -> None:
    rows = list(csv.reader(io.StringIO(run(lab, "eggs", "--csv").stdout)))
    start = next(
        n for n, row in enumerate(rows) if row[:3] == ["metric", "condition", "difference"]
    )
    head, first = rows[start], rows[start + 1]
    by_name = dict(zip(head, first, strict=True))
    document = json.loads(run(lab, "eggs", "--json").stdout)
    result = document["metrics"][0]["contrasts"][0]["result"]
    assert float(by_name["difference"]) == result["difference"]
    assert float(by_name["p"]) == result["p"]
    assert by_name["verdict"] == "lower"


@pytest.mark.parametrize(
    ("form", "sign"), [("--tex", r"\begin{tabular}"), ("--md", "### Differences from plain")]
)
def test_text_forms(lab: LabHome, form: str, sign: str) -> None:
    ended = run(lab, "eggs", form)
    assert ended.returncode == 0
    assert sign in ended.stdout
    assert "ppl1-log" in ended.stdout


def test_all_axes_are_one_document(lab: LabHome) -> None:
    whole = json.loads(run(lab, "eggs", "--axis", "all", "--json").stdout)
    assert whole["schema"] == "synthlab.comparisons/1"
    alone = json.loads(run(lab, "eggs", "--json").stdout)
    assert whole["axes"] == {"collapse": {k: v for k, v in alone.items() if k != "schema"}}
    ended = run(lab, "eggs:plain", "nothing", "--axis", "all")
    assert ended.returncode == 3 and "nothing" in ended.stderr


def test_tables_and_sentences_for_a_person(lab: LabHome) -> None:
    shown = run(lab, "eggs", "--all").stdout
    assert "narrow: 24 rows: 25% llama + 75% gemma" in shown
    assert "p after Holm over" in shown
    assert "its clusters are made of all answers at once" in shown
    sentences = run(lab, "eggs", "--words").stdout.splitlines()
    assert len(sentences) == 5
    assert any("narrow against plain: lower by" in line for line in sentences)


def test_the_second_call_says_nothing_and_prints_the_same(lab: LabHome) -> None:
    first = run(lab, "eggs", "--no-cache")
    second = run(lab, "eggs")
    assert first.stdout == second.stdout
    assert "swaps for each" in first.stderr
    assert "swaps for each" not in second.stderr


def test_what_is_kept_opens_without_numpy(lab: LabHome) -> None:
    """Importing numpy alone takes as long as all the rest of such a call."""
    assert run(lab, "eggs").returncode == 0
    code = (
        "import sys\nfrom synthlab.cli.main import entry\n"
        f"sys.argv = ['synthlab', 'compare', 'eggs', '--swaps', '{SWAPS}', '--home', {str(lab.root)!r}]\n"
        "try:\n entry()\nexcept SystemExit:\n pass\n"
        "print([n for n in ('numpy', 'torch', 'textual') if n in sys.modules], file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert "p after Holm" in ended.stdout
    assert ended.stderr.splitlines()[-1] == "[]"


def test_unlike_conditions_are_marked_and_not_tested(lab: LabHome) -> None:
    document = json.loads(run(lab, "eggs:plain", "cold:cool", "--json").stdout)
    assert document["seeds"] == [0]
    assert document["left_out_seeds"] == [1]
    for metric in document["metrics"]:
        (contrast,) = metric["contrasts"]
        assert contrast["verdict"]["outcome"] == "not comparable"
        assert contrast["result"]["p"] is None
        assert contrast["result"]["unlike"] == ["sampling"]
        assert contrast["over_seeds"]["p"] is None
    assert all(one["unlike"] == ["sampling"] for one in document["shown"])
    differing = {one["name"] for one in document["configuration"]}
    assert "sampling.temperature" in differing


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nobody",), 3),
        (("eggs:plain",), 2),
        (("eggs", "--baseline", "nobody"), 2),
        (("eggs", "--csv", "--json"), 2),
        (("eggs", "--axis", "robustness"), 3),
        (("eggs", "--axis", "taste"), 2),
    ],
)
def test_what_cannot_be_compared_ends_with_its_code(
    lab: LabHome, words: tuple[str, ...], code: int
) -> None:
    ended = run(lab, *words)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
