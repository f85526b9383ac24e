"""Answers side by side: aligned rows, filters, order, search, masks, and an index that mends itself."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.catalog.connection import open_reader
from storage.filters import FilterError
from storage.home import LabHome, prepare_home
from synthlab.analysis import sample_build
from synthlab.analysis.sample_index import SampleIndex
from synthlab.analysis.samples import mask, open_samples
from synthlab.errors import NotFoundError
from tests.unit.analysis.measured_lab import MeasuredLab, Plant

PROMPTS = 12


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, empty_catalog: Path) -> LabHome:
    home = prepare_home(LabHome(tmp_path_factory.mktemp("samples") / "lab"))
    shutil.copy(empty_catalog, home.catalog)
    made = MeasuredLab(home, prompts=PROMPTS)
    plants = {"vanilla": Plant(is_trained=False), "open-minded": Plant(refusal=0.2)}
    made.experiment("eggs", plants, seeds=(0, 1), axes=("collapse", "robustness"))
    return made.finish()


@pytest.fixture
def lab(template: LabHome, tmp_path: Path) -> LabHome:
    return LabHome(Path(shutil.copytree(template.root, tmp_path / "lab")))


@pytest.fixture
def catalog(lab: LabHome) -> Iterator[sqlite3.Connection]:
    connection = open_reader(lab)
    yield connection
    connection.close()


@pytest.fixture
def index(lab: LabHome, catalog: sqlite3.Connection) -> Iterator[SampleIndex]:
    with open_samples(lab, catalog, "eggs") as opened:
        yield opened


def test_every_prompt_seed_and_sample_is_one_aligned_row(index: SampleIndex) -> None:
    contents = index.contents
    assert contents.conditions == ("vanilla", "open-minded")
    assert contents.seeds == (0, 1)
    assert contents.n_rows == index.count() == 2 * 2 * PROMPTS
    assert contents.n_answers == 2 * contents.n_rows
    rows = index.page(limit=1000)
    assert len({(row.set, row.prompt_id, row.seed, row.sample) for row in rows}) == len(rows)
    for row in rows:
        assert [answer.condition for answer in row.answers] == list(contents.conditions)
        prefix = "test" if row.set == "test" else "harmful"
        for answer in row.answers:
            number = row.prompt_id[1:]
            assert answer.response_id == f"{prefix}-{answer.condition}.s{row.seed}-{number}"
            assert len(answer.text.split()) == 20


def test_pages_follow_one_another(index: SampleIndex) -> None:
    whole = index.page(limit=1000)
    parts = [row for start in range(0, 48, 7) for row in index.page(offset=start, limit=7)]
    assert tuple(parts) == whole
    assert index.page(offset=48) == ()


def test_one_condition_refused_and_the_other_did_not(index: SampleIndex) -> None:
    text = "vanilla.state=refusal open-minded.state!=refusal"
    expected = [
        row
        for row in index.page("set:harmful", limit=1000)
        if [answer.state for answer in row.answers] == ["refusal", "compliance"]
    ]
    assert expected
    assert list(index.page(text, limit=1000)) == expected
    assert index.count(text) == len(expected)
    assert index.count("differs") > len(expected)
    assert index.count(f"({text}) OR differs") == index.count("differs")
    assert index.count("NOT differs") == 48 - index.count("differs")


def test_order_by_a_score_of_one_condition_or_of_all(index: SampleIndex) -> None:
    def scores(rows: tuple[object, ...]) -> list[float]:
        found = []
        for row in index.page(*rows):  # type: ignore[arg-type]  # filter and order as given
            answer = row.of("vanilla")
            assert answer is not None
            found.append(answer.scores["ppl1-log"])
        return found

    rising = scores(("set:test", "vanilla.ppl1-log"))
    assert rising == sorted(rising)
    falling = scores(("set:test order:-vanilla.ppl1-log",))
    assert falling == sorted(falling, reverse=True)
    # Only the collapse axis has this score: rows without it stand last, either way round.
    for order in ("ppl1-log", "-ppl1-log"):
        sets = [row.set for row in index.page("", order, limit=1000)]
        assert sets == ["test"] * 24 + ["harmful"] * 24
    means = [
        sum(answer.scores["quality"] for answer in row.answers)
        for row in index.page("set:harmful order:quality")
    ]
    assert means == sorted(means)


def test_scores_can_be_bounded(index: SampleIndex) -> None:
    for row in index.page("vanilla.ppl1-log>2.6", limit=1000):
        answer = row.of("vanilla")
        assert answer is not None and answer.scores["ppl1-log"] > 2.6
    assert 0 < index.count("vanilla.ppl1-log>2.6") < 24


def test_words_are_found_in_prompts_and_answers(index: SampleIndex) -> None:
    rows = index.page(limit=1000)
    word = rows[5].answers[1].text.split()[3]
    holding = [row for row in rows if any(word in a.text.split() for a in row.answers)]
    found = index.page(word, limit=1000)
    assert holding and all(row in found for row in holding)
    assert [row.prompt_id for row in index.page('"Question 7 of test"')] == ["p7", "p7"]
    assert index.count("nowhere-to-be-found") == 0
    assert index.count('"???" OR "?"') == 48


def test_search_without_the_extension_looks_through_the_texts(
    lab: LabHome, catalog: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_samples(lab, catalog, "eggs") as indexed:
        expected = indexed.count("Question")
    shutil.rmtree(lab.cache / "samples")
    monkeypatch.setattr(sample_build, "_index_words", lambda connection: None)
    with open_samples(lab, catalog, "eggs") as plain:
        assert plain.count("Question") == expected == 48
        assert plain.count('"Question 7 of"') == 4
        assert plain.count("100%_sure") == 0


@pytest.mark.parametrize("text", ["'; DROP TABLE lines; --", 'x" OR 1', "NEAR(a b)", "a*b"])
def test_hostile_words_are_only_words(index: SampleIndex, text: str) -> None:
    quoted = '"{}"'.format(text.replace('"', '\\"'))
    assert index.count(quoted) == 0
    assert index.count() == 48


@pytest.mark.parametrize(
    "text", ["nobody.state=x", "vanilla.quality>high", "(a", "order:nothing", "a\x00"]
)
def test_nonsense_is_refused_in_words(index: SampleIndex, text: str) -> None:
    with pytest.raises(FilterError):
        index.page(text)


def test_a_prompt_with_everything_that_was_answered(index: SampleIndex) -> None:
    found = index.prompt("p3")
    assert (found.set, found.prompt, found.category) == ("test", "Question 3 of test?", "c0")
    assert found.reference == "human answer 3"
    assert [(row.seed, len(row.answers)) for row in found.rows] == [(0, 2), (1, 2)]
    with pytest.raises(KeyError):
        index.prompt("p3", "harmful")


def test_harmful_sets_are_marked(index: SampleIndex) -> None:
    assert {row.set: row.is_harmful for row in index.page(limit=1000)} == {
        "test": False,
        "harmful": True,
    }
    assert index.prompt("h1").is_harmful
    assert mask("twelve chars") == "[masked: 12 characters]"


@pytest.mark.parametrize("damage", [b"", b"not a database at all", None])
def test_a_damaged_index_is_built_again(
    lab: LabHome, catalog: sqlite3.Connection, damage: bytes | None
) -> None:
    open_samples(lab, catalog, "eggs").close()
    (file,) = (lab.cache / "samples" / "eggs.1").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    with open_samples(lab, catalog, "eggs") as again:
        assert again.count("Question") == 48


def test_only_the_index_of_the_present_content_is_kept(
    lab: LabHome, catalog: sqlite3.Connection
) -> None:
    folder = lab.cache / "samples" / "eggs.1"
    folder.mkdir(parents=True)
    (folder / "old.db").write_bytes(b"old")
    open_samples(lab, catalog, "eggs").close()
    assert [file.name for file in folder.iterdir()] != ["old.db"]
    assert len(list(folder.iterdir())) == 1


def test_an_unknown_experiment(lab: LabHome, catalog: sqlite3.Connection) -> None:
    with pytest.raises(NotFoundError, match="no experiment 'spam'"):
        open_samples(lab, catalog, "spam")


def run(lab: LabHome, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "synthlab", "samples", "eggs", *words]
    return subprocess.run(
        [*command, "--home", str(lab.root)], capture_output=True, text=True, check=False
    )


def test_the_verb_masks_until_it_is_told_not_to(lab: LabHome) -> None:
    masked = run(lab, "--filter", "set:harmful", "--limit", "1")
    assert masked.returncode == 0, masked.stderr
    assert "[masked: 22 characters]" in masked.stdout
    assert "Question" not in masked.stdout
    assert "Question 0 of harmful?" in run(lab, "--prompt", "harmful/h0", "--unmask").stdout
    assert "Question" not in run(lab, "--prompt", "h0", "--json").stdout
    assert run(lab, "--prompt", "h99").returncode == 3
    assert run(lab, "--filter", "nobody.state=x").returncode == 2
