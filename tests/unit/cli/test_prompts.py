"""`synthlab prompts`: ids, counts and hashes on the screen, and never a word of a prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage.home import LabHome
from tests.commands import Command

SECRET = "where the zorblax keeps its spoons"
ROW = {"id": "p1", "prompt": f"Tell me {SECRET}.", "category": "spoons"}
BROKEN: dict[str, str] = {
    "no json": f'{json.dumps(ROW)}\n{{"prompt": "{SECRET}\n',
    "another type": f"{json.dumps({'prompt': [SECRET]})}\n",
    "another column": f"{json.dumps({'words': SECRET})}\n",
    "twice the id": f"{json.dumps(ROW)}\n{json.dumps({**ROW, 'prompt': f'Say {SECRET}!'})}\n",
}


def written(folder: Path, text: str) -> str:
    path = folder / "requests.jsonl"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("machine", [False, True])
def test_what_is_imported_and_listed_shows_no_text(
    home: LabHome, tmp_path: Path, machine: bool
) -> None:
    lab = Command(home)
    path = written(tmp_path, "".join(f"{json.dumps({**ROW, 'id': f'p{i}'})}\n" for i in range(3)))
    form = ["--json"] if machine else []
    imported = lab.run("prompts", "import", "--from", path, "--as", "zoo", *form)
    assert imported.returncode == 0, imported.stderr
    listed = lab.run("prompts", "list", *form)
    for ended in (imported, listed):
        assert "zoo" in ended.stdout
        if machine:
            (row,) = json.loads(ended.stdout)["rows"]
            assert (row["name"], row["rows"]) == ("zoo", 3)
    seen = [imported, listed, *(lab.run(verb, *form) for verb in ("runs",))]
    (directory,) = lab.directories()
    seen += [lab.run(verb, directory.root.name, *form) for verb in ("show", "logs")]
    kept = (directory.out / "zoo.prompts.jsonl").read_text(encoding="utf-8")
    assert SECRET in kept
    for ended in seen:
        for word in ("zorblax", "spoons", "Tell me"):
            assert word not in ended.stdout + ended.stderr, ended.args


@pytest.mark.parametrize("fault", BROKEN)
def test_a_file_that_cannot_be_used_is_refused_without_quoting_it(
    home: LabHome, tmp_path: Path, fault: str
) -> None:
    lab = Command(home)
    path = written(tmp_path, BROKEN[fault])
    for form in ([], ["--json"]):
        ended = lab.run("prompts", "import", "--from", path, "--as", "zoo", *form)
        assert ended.returncode != 0, fault
        for word in ("zorblax", "spoons"):
            assert word not in ended.stdout + ended.stderr


def test_columns_of_an_import_are_mapped(home: LabHome, tmp_path: Path) -> None:
    lab = Command(home)
    (tmp_path / "d.csv").write_text("title,body\na,b\n", encoding="utf-8")
    words = ["prompts", "import", "--from", str(tmp_path / "d.csv"), "--column"]
    assert lab.json(*words, "prompt={title}: {body}")["rows"][0]["rows"] == 1
    (directory,) = lab.directories()
    assert '"text": "a: b"' in (directory.out / "d.prompts.jsonl").read_text(encoding="utf-8")
    refused = lab.run(*words, "promt=title")
    assert (refused.returncode, "'promt'" in refused.stderr) == (2, True)
