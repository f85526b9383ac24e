"""From words to a comparison: which cells they mean, what differs, what is only shown, what is kept."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.catalog.connection import open_reader
from storage.home import LabHome, prepare_home
from synthlab.analysis import compare_conditions as module
from synthlab.analysis.compare_conditions import compare_conditions
from synthlab.analysis.comparison import Comparison
from synthlab.analysis.comparison_json import comparison_document
from synthlab.analysis.shown_metrics import why_untested
from synthlab.analysis.verdict_words import long_verdict, short_verdict
from synthlab.errors import NotFoundError, UsageError
from tests.unit.analysis.measured_lab import MeasuredLab, Plant

SWAPS = 400


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, empty_catalog: Path) -> LabHome:
    """Three experiments: three conditions on two axes, two conditions, and one axis only."""
    home = prepare_home(LabHome(tmp_path_factory.mktemp("compare") / "lab"))
    shutil.copy(empty_catalog, home.catalog)
    made = MeasuredLab(home, prompts=24)
    plants = {
        "vanilla": Plant(is_trained=False),
        "human": Plant(shift=0.0),
        "single": Plant(vocabulary=25, shift=-0.6, settings={"learning_rate": 0.01}, share=0.5),
    }
    made.experiment("eggs", plants, seeds=(0, 1), axes=("collapse", "robustness"))
    other = {"human": Plant(), "wide": Plant(vocabulary=400)}
    made.experiment("ham", other, seeds=(0, 1), axes=("collapse",))
    made.experiment("jam", {"a": Plant(refusal=0.9), "b": Plant(refusal=0.1)}, axes=("robustness",))
    return made.finish()


@pytest.fixture
def lab(template: LabHome, tmp_path: Path) -> LabHome:
    """A copy of it, whose cache is empty."""
    return LabHome(Path(shutil.copytree(template.root, tmp_path / "lab")))


@pytest.fixture
def catalog(lab: LabHome) -> Iterator[sqlite3.Connection]:
    connection = open_reader(lab)
    yield connection
    connection.close()


def compared(
    catalog: sqlite3.Connection, lab: LabHome, *words: str, baseline: str | None = None,
    axis: str | None = None,
) -> Comparison:  # fmt: skip
    return compare_conditions(catalog, lab, words, axis=axis, baseline=baseline, swaps=SWAPS)


def outcome(comparison: Comparison, metric: str, condition: str) -> str:
    contrast = comparison.metric(metric).against(condition)
    assert contrast is not None
    return contrast.verdict.outcome


def test_an_experiment_means_all_its_conditions(catalog: sqlite3.Connection, lab: LabHome) -> None:
    found = compared(catalog, lab, "eggs")
    assert found.conditions == ("vanilla", "human", "single")
    assert (found.axis, found.seeds, found.experiments) == ("collapse", (0, 1), ("eggs.1",))
    assert outcome(found, "ppl1-log", "single") == "lower"
    assert outcome(found, "self-bleu-4", "single") == "higher"
    assert outcome(found, "ppl1-log", "human") == "undecided"


def test_the_baseline_can_be_named(catalog: sqlite3.Connection, lab: LabHome) -> None:
    found = compared(catalog, lab, "eggs", baseline="single")
    assert found.conditions == ("single", "vanilla", "human")
    assert outcome(found, "ppl1-log", "human") == "higher"
    with pytest.raises(UsageError, match="'nobody' is none of the conditions"):
        compared(catalog, lab, "eggs", baseline="nobody")
    with pytest.raises(UsageError, match="could be several"):
        compared(catalog, lab, "eggs", "ham", baseline="human")


def test_conditions_of_two_experiments(catalog: sqlite3.Connection, lab: LabHome) -> None:
    found = compared(catalog, lab, "eggs:human", "single", "ham:wide")
    assert found.conditions == ("eggs.1:human", "eggs.1:single", "ham.1:wide")
    assert found.experiments == ("eggs.1", "ham.1")
    assert outcome(found, "self-bleu-4", "eggs.1:single") == "higher"


def test_a_run_means_its_cell(catalog: sqlite3.Connection, lab: LabHome) -> None:
    found = compared(catalog, lab, "eggs:collapse/human.s0", "eggs:collapse/single.s1")
    assert found.conditions == ("human.s0", "single.s1")
    assert found.notes == (
        "single runs of different training seeds: a difference may be the seed's alone",
    )
    assert outcome(found, "ppl1-log", "single.s1") == "lower"


def test_an_experiment_without_collapse_is_compared_on_what_it_has(
    catalog: sqlite3.Connection, lab: LabHome
) -> None:
    found = compared(catalog, lab, "jam")
    assert found.axis == "robustness"
    assert outcome(found, "refusal-rate/harmful", "b") == "lower"
    with pytest.raises(NotFoundError, match=r"jam\.1 has no finished measurement"):
        compared(catalog, lab, "jam", axis="collapse")


def test_words_that_mean_nothing_say_what_there_is(
    catalog: sqlite3.Connection, lab: LabHome
) -> None:
    with pytest.raises(NotFoundError, match="it has: vanilla, human, single"):
        compared(catalog, lab, "eggs:human", "nobody")
    with pytest.raises(NotFoundError, match="no experiment 'spam'"):
        compared(catalog, lab, "spam:human", "single")
    with pytest.raises(UsageError, match="needs two conditions"):
        compared(catalog, lab, "eggs:human")


def test_only_the_inputs_that_differ_are_named(catalog: sqlite3.Connection, lab: LabHome) -> None:
    found = {one.name: dict(one.values) for one in compared(catalog, lab, "eggs").configuration}
    assert found == {
        "mixture": {
            "vanilla": "none",
            "human": "24 rows: 100% llama",
            "single": "24 rows: 50% llama + 50% gemma",
        },
        "training.learning_rate": {"human": "0.001", "single": "0.01"},
    }
    assert compared(catalog, lab, "eggs:human", "ham:human").configuration == ()


def test_what_has_no_test_is_shown_with_the_reason(
    catalog: sqlite3.Connection, lab: LabHome
) -> None:
    shown = {one.id: one for one in compared(catalog, lab, "eggs").shown}
    assert list(shown) == ["mauve", "knn-coverage", "ppl1-token"]
    assert "clusters" in shown["mauve"].why_untested
    assert shown["mauve"].values == {"vanilla": 0.5, "human": 0.5, "single": 0.5}
    assert shown["mauve"].scored["human"] == "24 of 24"
    assert why_untested("never-heard-of") == why_untested("another")


def test_seeds_are_a_unit_of_their_own(catalog: sqlite3.Connection, lab: LabHome) -> None:
    contrast = compared(catalog, lab, "eggs").metric("ppl1-log").against("single")
    assert contrast is not None and contrast.over_seeds is not None
    assert contrast.over_seeds.unit == "seeds"
    assert contrast.over_seeds.n_units == 2
    assert contrast.over_seeds.difference == pytest.approx(contrast.result.difference)


def test_verdicts_in_words(catalog: sqlite3.Connection, lab: LabHome) -> None:
    comparison = compared(catalog, lab, "eggs")
    metric = comparison.metric("ppl1-log")
    lower, undecided = metric.against("single"), metric.against("human")
    assert lower is not None and undecided is not None
    assert short_verdict(lower) == "lower"
    assert short_verdict(undecided).startswith("undecided at 24, ~")
    sentence = long_verdict(metric, undecided, comparison.baseline)
    assert "human against vanilla: undecided at n = 24 prompts" in sentence
    assert "prompts would decide" in sentence
    assert "Over seeds:" in sentence


def test_a_comparison_is_computed_once(
    catalog: sqlite3.Connection, lab: LabHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    computed = module._computed

    def counting(*given: object) -> Comparison:
        calls.append("computed")
        return computed(*given)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(module, "_computed", counting)
    first = compared(catalog, lab, "eggs")
    again = compared(catalog, lab, "eggs")
    assert calls == ["computed"]
    assert comparison_document(first) == comparison_document(again)
    assert repr(first) == repr(again)
    compared(catalog, lab, "eggs", baseline="human")
    compare_conditions(catalog, lab, ["eggs"], swaps=SWAPS + 1)
    compare_conditions(catalog, lab, ["eggs"], swaps=SWAPS, use_cache=False)
    assert len(calls) == 4


@pytest.mark.parametrize("damage", ["", "{", '{"comparison": {"axis": 1}}', "[]", "null"])
def test_a_damaged_cache_is_computed_again(
    catalog: sqlite3.Connection, lab: LabHome, damage: str
) -> None:
    first = compared(catalog, lab, "ham")
    (file,) = (lab.cache / "comparisons").iterdir()
    whole = file.read_text()
    file.write_text(damage)
    assert repr(compared(catalog, lab, "ham")) == repr(first)
    assert file.read_text() == whole


def test_a_changed_answer_is_never_served_from_the_cache(
    catalog: sqlite3.Connection, lab: LabHome
) -> None:
    compared(catalog, lab, "ham")
    run = catalog.execute(
        "SELECT run_id FROM experiment_steps WHERE label = 'collapse/wide.s0'"
    ).fetchone()["run_id"]
    spec = lab.run(run) / "inputs.json"
    value = json.loads(spec.read_text())
    value["inputs"]["answers"] = {"run_id": "other", "digest": "0" * 64}
    spec.write_text(json.dumps(value))
    compared(catalog, lab, "ham")
    assert len(list((lab.cache / "comparisons").iterdir())) == 2


def test_a_home_that_cannot_be_written_still_compares(
    catalog: sqlite3.Connection, lab: LabHome
) -> None:
    (lab.cache / "comparisons").write_text("a file where the folder should be")
    assert compared(catalog, lab, "ham").conditions == ("human", "wide")


def test_progress_counts_the_metrics(catalog: sqlite3.Connection, lab: LabHome) -> None:
    heard: list[tuple[int, int, str]] = []
    compare_conditions(
        catalog, lab, ["ham"], swaps=SWAPS, progress=lambda *what: heard.append(what)
    )
    assert heard[0] == (0, 5, "ppl1-log")
    assert heard[-1] == (5, 5, "")
    assert (3, 5, "self-bleu-4: human") in heard
    assert (3, 5, "self-bleu-4: wide against human") in heard
    assert [done for done, _, _ in heard] == sorted(done for done, _, _ in heard)


def test_the_cache_lies_in_the_home(catalog: sqlite3.Connection, lab: LabHome) -> None:
    compared(catalog, lab, "ham")
    (file,) = (lab.cache / "comparisons").iterdir()
    assert file.suffix == ".json" and len(file.stem) == 64
    assert Path(file).stat().st_mode & 0o077 == 0


def test_an_input_that_is_not_in_this_home_does_not_stop_a_comparison(
    catalog: sqlite3.Connection, lab: LabHome
) -> None:
    """A cell can be imported without the runs above it."""
    runs = catalog.execute("SELECT id FROM runs WHERE kind IN ('mix', 'finetune', 'import')")
    for row in runs.fetchall():
        shutil.rmtree(lab.run(row["id"]))
    found = compared(catalog, lab, "eggs")
    assert outcome(found, "ppl1-log", "single") == "lower"
    (training,) = found.configuration
    assert "which is not here" in training.values["human"]
    assert training.values["human"] != training.values["single"]
