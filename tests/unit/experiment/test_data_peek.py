"""A look into a data file before the plan: columns and rows, and silence where they cannot be told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synthlab.errors import SpecError
from synthlab.experiment import data_peek
from synthlab.experiment.data_peek import Peek, column_faults, peek
from synthlab.experiment.datasets import DatasetResolver, ResolvedDataset
from synthlab.experiment.file_hashes import FileHashes
from synthlab.experiment.hub import Hub, RepoKind
from synthlab.experiment.load import parse_spec
from synthlab.experiment.plan import build_plan
from synthlab.experiment.shapes import known_datasets
from synthlab.experiment.steps import Plan
from synthlab.experiment.workload import Counted, workloads
from tests.unit.experiment.examples import EverythingIsThere

FILE = """schema = 1
name = "own"
seeds = [0]
[base]
model = "builtin:tiny-prose"
[prompts.train]
dataset = "./own.csv"
columns = { prompt = "question", response = "answer" }
[prompts.test]
holdout = { of = "train", share = 0.1 }
[sources.human]
kind = "human"
prompts = "train"
[sources.tutor]
kind = "model"
prompts = "train"
[mixtures.human]
shares = { human = 1 }
[evaluate.collapse]
"""


def no_network(kind: RepoKind, repo: str, revision: str) -> str:
    raise AssertionError(f"a file is no reason to ask for {repo}")


class WithFiles(EverythingIsThere):
    """Files are those of a folder; everything else is simply there."""

    def __init__(self, folder: Path) -> None:
        self.files = DatasetResolver(folder, Hub(folder, True, no_network), FileHashes(None))

    def dataset(self, reference: str, revision: str | None, split: str) -> ResolvedDataset:
        return self.files.resolve(reference, revision, split)


def planned(folder: Path, text: str = FILE) -> Plan:
    return build_plan(parse_spec(text, folder / "own.toml"), WithFiles(folder))


SMALL: dict[str, tuple[str, Peek | None]] = {
    "a.csv": ('q,"a b"\n"one\ntwo",2\n\n3,4\n', Peek(("q", "a b"), 2)),
    "a.tsv": ("\ufeffq\ta\n1\t2\n", Peek(("q", "a"), 1)),
    "a.jsonl": ('\ufeff{"q": 1}\n\n{"a": 2, "q": 3}', Peek(("q", "a"), 2)),
    "a.json": ('\ufeff [{"q": 1}, {"a": 2}]', Peek(("q", "a"), 2)),
    "lines.json": ('{"q": 1}\n{"q": 2}\n', Peek(("q",), 2)),
    "empty.csv": ("", Peek((), 0)),
    "broken.jsonl": ('{"q": 1}\n{"q":', None),
    "numbers.jsonl": ("1\n2\n", None),
    "broken.json": ("[1, 2", None),
    "a.parquet": ("PAR1", None),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_small_file_is_counted_and_its_columns_are_known(tmp_path: Path, name: str) -> None:
    text, expected = SMALL[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert peek(tmp_path / name, name.rpartition(".")[2]) == expected


def test_what_is_no_text_or_not_there_is_left_to_the_import(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"q,a\n\xff\xfe,1\n")
    assert peek(tmp_path / "a.csv", "csv") is None
    assert peek(tmp_path / "gone.csv", "csv") is None


def test_of_a_large_file_the_beginning_is_scaled_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_peek, "LOOK_BYTES", 1000)
    rows = [{"q": f"question {i:04d}", "a": "x" * 20} for i in range(400)]
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = tmp_path / "a.csv"
    table.write_text("q,a\n" + "".join(f"{row['q']},{row['a']}\n" for row in rows))
    found = peek(lines, "jsonl")
    assert found is not None and found.rows == pytest.approx(400, rel=0.01)
    # The last line of a JSONL file may bring a column that nobody has seen yet.
    assert found.columns == ()
    found = peek(table, "csv")
    assert found is not None and found.rows == pytest.approx(400, rel=0.05)
    assert found.columns == ("q", "a")


def test_templates_name_their_columns() -> None:
    seen = Peek(("title", "body"), 1)
    wanted = {"prompt": "{title}: {{x}} {bdy}", "response": "body", "id": None}
    ((field, fault),) = column_faults(seen, wanted)
    assert field == "prompt"
    assert fault == 'there is no column "bdy", did you mean "body"? The columns: title, body'
    assert not list(column_faults(Peek((), 5), wanted))
    assert not list(column_faults(None, wanted))


def test_a_table_cut_by_other_signs_is_told_so() -> None:
    ((_, fault),) = column_faults(Peek(("q;a;topic",), 1), {"prompt": "q"})
    assert fault.endswith("its header is not cut at ';'; a .csv has commas, a .tsv has tabs")


def test_a_plan_refuses_a_column_that_is_not_there_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("question,anser,topic\nq,a,t\n")
    with pytest.raises(SpecError) as raised:
        planned(tmp_path)
    assert "own.toml:8: prompts.train.columns.response: there is no column" in str(raised.value)
    assert 'did you mean "anser"?' in str(raised.value)


def test_a_plan_counts_the_rows_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(
        "question,answer\n" + "".join(f"q{i},a{i}\n" for i in range(60))
    )
    works = workloads(planned(tmp_path).steps, known_datasets(), Counted())
    assert works["import/train"].rows == 60
    assert works["generate/tutor"].rows == 54
    assert works["generate/tutor"].tokens > 0
